// What a training will do, on what, and what it takes, found before the first step.

import Architectures
import Backends
import Checkpoints
import Diagnostics
import Documents
import ReferenceModel

/// What was asked for.
package struct TrainingRequest: Sendable {
    /// The target's folder.
    package var target: String
    /// The JSONL file to learn from.
    package var data: String
    /// The JSONL file to evaluate on; nil for none.
    package var heldOut: String?
    package var mode: TextMode
    /// The folder of cached states; nil to pass the target at every step.
    package var features: String?
    /// Name or path; nil for the one made for the target.
    package var profile: String?
    /// Replaces numbers of the profile.
    package var change: @Sendable (inout TrainingRecipe) -> Void
    /// Rounds through the data, in place of the recipe's steps.
    package var epochs: Double?
    /// Minutes of the clock, in place of the recipe's steps.
    package var minutes: Double?
    package var threads: Int
    /// Bytes for the target's weights, the head and activations together.
    package var memory: Int
    /// The program with its version, for the record.
    package var tool: String

    /// Memberwise.
    package init(
        target: String, data: String, heldOut: String? = nil, mode: TextMode = .conversations,
        features: String? = nil, profile: String? = nil,
        change: @escaping @Sendable (inout TrainingRecipe) -> Void = { _ in },
        epochs: Double? = nil, minutes: Double? = nil, threads: Int, memory: Int, tool: String
    ) {
        self.target = target
        self.data = data
        self.heldOut = heldOut
        self.mode = mode
        self.features = features
        self.profile = profile
        self.change = change
        self.epochs = epochs
        self.minutes = minutes
        self.threads = threads
        self.memory = memory
        self.tool = tool
    }
}

/// A training that can run.
package struct TrainingPlan: Sendable {
    package let request: TrainingRequest
    package let profile: DraftProfile
    package let recipe: TrainingRecipe
    package let configuration: HeadConfiguration
    package let vocabulary: DraftVocabulary
    package let texts: TrainingTexts
    package let heldOut: TrainingTexts?
    package let weights: CheckpointWeights
    package let findings: [Finding]
    /// SHA-256 of the target's config.json and headers.
    package let targetDigest: String
    /// SHA-256 of the cache's document.
    package let featureDigest: String?

    /// Parameters of the head.
    package var parameterCount: Int { HeadLayout(configuration).count }
    /// Share of the learnt tokens that the draft vocabulary holds.
    package var coverage: Double { texts.coverage(vocabulary) }

    /// - Throws: everything that is wrong with profile, target, data and memory.
    package init(_ request: TrainingRequest) throws(Failure) {
        self.request = request
        let opened = try CheckpointWeights.open(request.target, budget: 0)
        let target = opened.configuration
        let known = try ArchitectureProfile.all(.embedded).first { $0.describes(target) }?.name
        profile =
            if let name = request.profile { try DraftProfile.named(name) } else {
                try DraftProfile.forTarget(known)
            }
        var recipe = profile.recipe
        request.change(&recipe)
        configuration = profile.configuration(for: target)
        try Self.check(configuration, recipe, target).throwErrors()
        texts = try TrainingTexts(
            request.data, folder: request.target, target, mode: request.mode, length: recipe.length)
        // Crops of a held-out file would be other tokens each time: rows are rows there.
        heldOut = try request.heldOut.map { (path) throws(Failure) in
            try TrainingTexts(
                path, folder: request.target, target, mode: .conversations, length: recipe.length)
        }
        if let epochs = request.epochs {
            recipe.steps = max(
                1, Int((epochs * Double(texts.roundCount) / Double(recipe.batch)).rounded(.up)))
        }
        self.recipe = recipe
        vocabulary = texts.vocabulary(size: configuration.draftVocabularySize)
        targetDigest = try opened.checkpoint.identityDigest()
        featureDigest = try request.features.map { (folder) throws(Failure) in
            try digestFile(joined(folder, FeatureRecord.fileName)).digest
        }
        findings = Self.findings(texts, heldOut)
        let own = Self.trainingBytes(configuration, recipe, texts, threads: request.threads)
        let room = request.memory - own
        guard room > 0 else {
            throw Failure(
                Finding(
                    .error, .trainingMemory, "the head's training does not fit the memory",
                    option: "--memory",
                    expected: "\(byteCount(own)) and something for the target",
                    found: byteCount(request.memory),
                    remedy: "--memory \(own / 1_000_000 * 5 / 4)MB, fewer --shards, a smaller --batch or "
                        + "--length, more --accumulation"))
        }
        weights = try CheckpointWeights.open(request.target, budget: room)
    }

    private static func check(
        _ head: HeadConfiguration, _ recipe: TrainingRecipe, _ target: BailingMoeV2Configuration
    ) -> [Finding] {
        var findings: [Finding] = []
        if head.draftVocabularySize > target.vocabularySize {
            findings.append(
                Finding(
                    .error, .headImpossible, "the draft vocabulary is larger than the target's",
                    field: "head.draft_vocabulary", expected: "at most \(grouped(target.vocabularySize))",
                    found: grouped(head.draftVocabularySize), remedy: "another --profile"))
        }
        for point in head.auxiliaryPoints where (point.afterLayer ?? -1) >= target.layerCount {
            findings.append(
                Finding(
                    .error, .headImpossible, "the head fuses a state that the target does not have",
                    field: "head.states_entering_layers", expected: "layers 0 to \(target.layerCount)",
                    found: "\((point.afterLayer ?? -1) + 1)", remedy: "another --profile"))
        }
        let longest = min(head.contextLength, target.contextLength)
        if recipe.length > longest {
            findings.append(
                Finding(
                    .error, .headImpossible, "texts are longer than head and target reach",
                    option: "--length",
                    expected: "at most \(grouped(longest)) tokens", found: grouped(recipe.length),
                    remedy: "--length \(longest)"))
        }
        return findings
    }

    private static func findings(_ texts: TrainingTexts, _ heldOut: TrainingTexts?) -> [Finding] {
        var findings: [Finding] = []
        if texts.cutCount > 0 || texts.emptyCount > 0 {
            findings.append(
                Finding(
                    .note, .textsCut,
                    "\(grouped(texts.cutCount)) texts are cut to the recipe's length, \(grouped(texts.emptyCount))"
                        + " of all have nothing to learn before it and are left out", file: texts.file,
                    expected: "texts that fit --length", found: "longer ones"))
        }
        guard let heldOut else { return findings }
        let seen = Set(texts.texts.map(\.tokens))
        let both = heldOut.texts.filter { seen.contains($0.tokens) }.count
        if both > 0 {
            findings.append(
                Finding(
                    .warning, .heldOutSeen, "held-out texts are also trained on", file: heldOut.file,
                    expected: "texts of their own",
                    found: "\(grouped(both)) of \(grouped(heldOut.texts.count))",
                    remedy: "take them out of one of the files: figures on them say too much"))
        }
        return findings
    }

    // MARK: Digests and sizes

    /// Everything that the result depends on; threads and memory are not among it.
    package var document: JSONObject {
        var object = JSONObject()
        object["tool"] = .string(request.tool)
        object["target"] = .string(lastComponent(request.target))
        object["target_sha256"] = .string(targetDigest)
        object["data"] = .string(lastComponent(request.data))
        object["data_sha256"] = .string(texts.digest)
        object["held_out_sha256"] = heldOut.map { .string($0.digest) } ?? .null
        object["features_sha256"] = featureDigest.map(JSONValue.string) ?? .null
        object["profile"] = .string(profile.name)
        if case .crops(let length) = request.mode { object["crop"] = .integer(length) }
        object["minutes"] = request.minutes.map(JSONValue.real) ?? .null
        object["states_entering_layers"] = .array(
            configuration.auxiliaryPoints.map { .integer(($0.afterLayer ?? -1) + 1) })
        object["draft_vocabulary"] = .integer(vocabulary.count)
        object["recipe"] = .object(recipe.document)
        return object
    }

    /// SHA-256 of the plan.
    package var digest: String { FileDigest.of(JSONValue.object(document).text(.compact)) }

    /// Bytes of the state file.
    package var stateBytes: Int { 16 * parameterCount + (1 << 12) }

    /// Bytes that the output takes while two states are on the disk.
    package var outputBytes: Int { 2 * stateBytes + 2 * parameterCount + 9 * vocabulary.vocabularySize }

    /// Bytes that the training takes beside the target's weights.
    package var trainingBytes: Int {
        Self.trainingBytes(configuration, recipe, texts, threads: request.threads)
    }

    /// Masters, means, rounded and best weights, a gradient a shard; what a pass keeps of its rows; features and
    /// distributions of a batch.
    static func trainingBytes(
        _ c: HeadConfiguration, _ recipe: TrainingRecipe, _ texts: TrainingTexts, threads: Int
    ) -> Int {
        let parameters = HeadLayout(c).count * (5 + recipe.shards)
        let longest: Int =
            if case .crops(let length) = texts.mode { length } else {
                texts.texts.map(\.tokens.count).max() ?? 0
            }
        let batchTokens = recipe.batch * longest
        let each = 7 * c.hiddenSize + 2 * c.queryWidth + 4 * c.keyValueWidth + 2 * c.mlpWidth
        let partTokens = max(longest, batchTokens / (recipe.shards * recipe.accumulation))
        let pass = recipe.unrolledSteps * partTokens * each * min(threads, recipe.shards)
        let features = batchTokens * (c.featureWidth + c.hiddenSize + c.draftVocabularySize)
        return 4 * (parameters + pass + features)
    }
}
