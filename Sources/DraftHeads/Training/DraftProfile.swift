// A profile of a draft head: the shape of the head for a target, and the recipe it is trained by. Profiles/drafts.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import ReferenceModel

/// A head's shape and recipe for one target.
///
/// - Checked by: DraftProfileTests.
package struct DraftProfile: Equatable, Sendable {
    package let name: String
    package let title: String
    /// The architecture profile of the target.
    package let target: String
    package let shape: Shape
    package var recipe: TrainingRecipe

    /// What the target does not say about the head.
    package struct Shape: Equatable, Sendable {
        package let mlpWidth: Int
        package let attentionHeadCount: Int
        package let keyValueHeadCount: Int
        package let headDimension: Int
        package let rmsNormEpsilon: Double
        package let ropeTheta: Double
        package let contextLength: Int
        package let draftVocabularySize: Int
        package let auxiliaryPoints: [AuxiliaryPoint]
    }

    /// The head for a target.
    package func configuration(for target: BailingMoeV2Configuration) -> HeadConfiguration {
        HeadConfiguration(
            hiddenSize: target.hiddenSize, targetHiddenSize: target.hiddenSize, mlpWidth: shape.mlpWidth,
            attentionHeadCount: shape.attentionHeadCount, keyValueHeadCount: shape.keyValueHeadCount,
            headDimension: shape.headDimension, rmsNormEpsilon: shape.rmsNormEpsilon,
            ropeTheta: shape.ropeTheta, contextLength: shape.contextLength,
            vocabularySize: target.vocabularySize, draftVocabularySize: shape.draftVocabularySize,
            auxiliaryPoints: shape.auxiliaryPoints)
    }
}

// MARK: Reading

extension DraftProfile {
    private static let folder = "Profiles/drafts/"

    /// Names of the embedded profiles, sorted.
    package static var names: [String] {
        EmbeddedFiles.paths.compactMap { path in
            guard path.hasPrefix(folder), path.hasSuffix(".json") else { return nil }
            return String(path.dropFirst(folder.count).dropLast(5))
        }.sorted()
    }

    /// A profile by name, or by the path of a JSON file.
    package static func named(_ nameOrPath: String) throws(Failure) -> DraftProfile {
        if let bytes = EmbeddedFiles.bytes(folder + nameOrPath + ".json") {
            return try read(bytes, name: nameOrPath, file: folder + nameOrPath + ".json")
        }
        guard nameOrPath.hasSuffix(".json") || nameOrPath.contains("/") else {
            throw Failure(
                Finding(
                    .error, .unknownDraftProfile, "no draft profile of this name",
                    option: "--profile \(nameOrPath)",
                    expected: names.joined(separator: ", ") + ", or the path of a profile",
                    remedy: nearMiss(nameOrPath, among: names).map { "did you mean --profile \($0)?" }
                        ?? "ingot profiles list"))
        }
        let name = lastComponent(nameOrPath).split(separator: ".").first.map(String.init) ?? nameOrPath
        return try read(try FileAccess.read(nameOrPath, limit: 1 << 20), name: name, file: nameOrPath)
    }

    /// The profile for a target of known architecture.
    package static func forTarget(_ architecture: String?) throws(Failure) -> DraftProfile {
        var targets: [String] = []
        for name in names {
            let profile = try named(name)
            if profile.target == architecture { return profile }
            targets.append(profile.target)
        }
        throw Failure(
            Finding(
                .error, .unknownDraftProfile, "no draft profile is made for this target",
                expected: "a target of \(targets.joined(separator: ", "))",
                found: architecture ?? "a model of no known release",
                remedy:
                    "write a profile like those of ingot profiles list, and name it with --profile FILE.json")
        )
    }

    private static func read(_ bytes: [UInt8], name: String, file: String) throws(Failure) -> DraftProfile {
        try readDocument(bytes, code: .badDraftProfile, file: file) {
            (document) throws(DocumentError) in try DraftProfile(document, name: name)
        }
    }

    private init(_ document: JSONValue, name: String) throws(DocumentError) {
        let reader = try StrictReader(document)
        try reader.schema(1)
        self.name = name
        title = try reader.string("title")
        target = try reader.string("target")
        shape = try Shape(try reader.object("head"))
        recipe = try TrainingRecipe(try reader.object("recipe"), try reader.object("run"))
        try reader.finish()
    }
}

extension DraftProfile.Shape {
    fileprivate init(_ reader: StrictReader) throws(DocumentError) {
        mlpWidth = try reader.positive("mlp_width")
        attentionHeadCount = try reader.positive("attention_heads")
        keyValueHeadCount = try reader.positive("key_value_heads")
        headDimension = try reader.positive("head_dimension")
        rmsNormEpsilon = try reader.double("rms_norm_epsilon")
        ropeTheta = try reader.double("rope_theta")
        contextLength = try reader.positive("context_length")
        draftVocabularySize = try reader.positive("draft_vocabulary")
        let layers = try reader.integers("states_entering_layers")
        guard !layers.isEmpty, layers.allSatisfy({ $0 >= 0 }) else {
            throw reader.mismatch("states_entering_layers", "layers, one at least")
        }
        auxiliaryPoints = layers.map { .entering(layer: $0) }
        _ = try reader.source()
        try reader.finish()
        guard attentionHeadCount % keyValueHeadCount == 0 else {
            throw reader.mismatch("key_value_heads", "a divisor of attention_heads")
        }
        guard headDimension % 2 == 0 else { throw reader.mismatch("head_dimension", "an even number") }
    }
}

extension TrainingRecipe {
    fileprivate init(_ recipe: StrictReader, _ run: StrictReader) throws(DocumentError) {
        unrolledSteps = try recipe.positive("unrolled_steps")
        stepDecay = try recipe.double("step_decay")
        learningRate = try recipe.double("learning_rate")
        warmUpShare = try recipe.double("warm_up_share")
        finalShare = try recipe.double("final_share")
        beta1 = try recipe.double("beta1")
        beta2 = try recipe.double("beta2")
        epsilon = try recipe.double("epsilon")
        weightDecay = try recipe.double("weight_decay")
        clip = try recipe.double("clip")
        batch = try recipe.positive("batch")
        accumulation = try recipe.positive("accumulation")
        length = try recipe.positive("length")
        steps = try recipe.positive("steps")
        seed = try recipe.integer("seed")
        initialScale = try recipe.double("initial_scale")
        startsFromTarget = try recipe.bool("starts_from_target")
        _ = try recipe.source()
        try recipe.finish()
        shards = try run.positive("shards")
        logEvery = try run.positive("log_every")
        evaluateEvery = try run.positive("evaluate_every")
        evaluationTexts = try run.positive("evaluation_texts")
        patience = try run.integer("patience")
        chain = try run.positive("chain")
        sealEvery = try run.positive("seal_every")
        _ = try run.source()
        try run.finish()
        guard chain <= unrolledSteps else { throw run.mismatch("chain", "at most unrolled_steps") }
        for (key, value) in [("beta1", beta1), ("beta2", beta2)] where !(0..<1).contains(value) {
            throw recipe.mismatch(key, "a number from 0 to below 1")
        }
        for (key, value) in [("warm_up_share", warmUpShare), ("final_share", finalShare)]
        where !(0...1).contains(value) {
            throw recipe.mismatch(key, "a share from 0 to 1")
        }
        for (key, value) in [
            ("learning_rate", learningRate), ("clip", clip), ("epsilon", epsilon), ("step_decay", stepDecay),
            ("initial_scale", initialScale),
        ] where value <= 0 {
            throw recipe.mismatch(key, "a number above 0")
        }
    }
}

extension StrictReader {
    fileprivate func positive(_ key: String) throws(DocumentError) -> Int {
        let value = try integer(key)
        guard value > 0 else { throw mismatch(key, "a number above 0") }
        return value
    }
}
