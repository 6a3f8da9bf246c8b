// Small heads for tests: random ones, written in any form.

import Documents
import DraftHeads
import Foundation
import ReferenceModel
import Tensors
import TestSupport
import Testing

enum Heads {
    /// A head of a small shape that fits the micro checkpoint, all sizes different.
    static var micro: HeadConfiguration {
        HeadConfiguration(
            hiddenSize: 128, targetHiddenSize: 128, mlpWidth: 192, attentionHeadCount: 4,
            keyValueHeadCount: 2, headDimension: 16, rmsNormEpsilon: 1e-6, ropeTheta: 10000,
            contextLength: 512, vocabularySize: 512, draftVocabularySize: 96,
            auxiliaryPoints: [.after(layer: 0), .after(layer: 1), .after(layer: 2)])
    }

    /// Random weights that keep activations near 1; norms around 1.
    static func parameters(_ configuration: HeadConfiguration, seed: UInt64) -> [Float] {
        var random = SeededGenerator(seed: seed)
        let layout = HeadLayout(configuration)
        return layout.entries.flatMap { entry -> [Float] in
            let scale = 1 / Float(entry.columns).squareRoot()
            return (0..<entry.count).map { _ in
                let value = random.normal()
                return BF16.decode(BF16.encode(entry.isNorm ? 1 + value / 5 : value * scale))
            }
        }
    }

    /// Every n-th token and a few more, so that offsets rise unevenly.
    static func vocabulary(_ configuration: HeadConfiguration, seed: UInt64) throws -> DraftVocabulary {
        var random = SeededGenerator(seed: seed)
        let ids = (0..<configuration.vocabularySize).shuffled(using: &random)
            .prefix(configuration.draftVocabularySize).sorted()
        return try #require(
            DraftVocabulary(targetIds: ids, vocabularySize: configuration.vocabularySize))
    }

    /// Writes a random head and gives its folder.
    @discardableResult
    static func write(
        _ configuration: HeadConfiguration = micro, form: HeadForm = .specforge, seed: UInt64 = 7,
        dtype: DType = .bf16, in folder: TemporaryFolder, named name: String = "head"
    ) throws -> String {
        let path = folder.path(name)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        var others = JSONObject()
        others["bos_token_id"] = 508
        others["eos_token_id"] = 509
        var document = HeadDocument(configuration, form: form, others: others)
        if form == .speculators {
            document.speculators = HeadDocument.speculatorsBlock(
                verifier: "someone/micro", architectures: ["BailingMoeV2ForCausalLM"], tokens: 3)
        }
        try HeadContent(
            document, vocabulary: try vocabulary(configuration, seed: seed),
            parameters: parameters(configuration, seed: seed), dtype: dtype
        ).write(to: path)
        return path
    }
}
