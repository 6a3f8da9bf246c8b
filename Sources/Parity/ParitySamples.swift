// What a comparison reads when no texts are given: a few of several kinds and languages, and for a checkpoint
// without a tokenizer tokens drawn from a seed.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import ReferenceModel
import Tokenisation

/// The texts that the program brings along.
package enum ParitySamples {
    private static let profile = "samples/parity.json"
    /// Tokens of one drawn sequence, and how many sequences.
    private static let drawn = (tokens: 128, sequences: 4)

    /// The embedded texts in a checkpoint's tokens, or drawn ones where it has no tokenizer.
    package static func rows(for model: ModelSide) throws(Failure) -> [TokenRow] {
        guard FileAccess.kind(model.folder + "/tokenizer.json") == .file else {
            return random(vocabulary: model.configuration.vocabularySize, length: drawn.tokens)
        }
        var encoder = try SampleEncoder(folder: model.folder)
        var rows: [TokenRow] = []
        for (name, text) in try texts(.embedded) {
            let tokens = try encoder.tokens(SampleRow(name: name, content: .text(text)))
            if !tokens.isEmpty { rows.append(TokenRow(name: name, tokens: tokens)) }
        }
        return rows
    }

    /// The embedded texts with their names.
    static func texts(_ library: ProfileLibrary) throws(Failure) -> [(name: String, text: String)] {
        let bytes = library.document(at: profile) ?? []
        return try readDocument(bytes, code: .toleranceMalformed, file: profile) {
            (document) throws(DocumentError) in
            let reader = try StrictReader(document)
            try reader.schema(1)
            _ = try reader.string("title")
            _ = try reader.source()
            var result: [(name: String, text: String)] = []
            for text in try reader.objects("texts") {
                result.append((try text.string("name"), try text.string("text")))
                try text.finish()
            }
            try reader.finish()
            return result
        }
    }

    /// Sequences of tokens that are the same on every machine.
    static func random(vocabulary: Int, length: Int) -> [TokenRow] {
        var numbers = RandomSequence(seed: 1)
        return (0..<drawn.sequences).map { index in
            TokenRow(
                name: "drawn \(index + 1)",
                tokens: (0..<length).map { _ in Int(numbers.next() % UInt64(max(1, vocabulary))) })
        }
    }

    /// Bytes of activations that one token of a pass needs, about: what is alive at once during attention, and
    /// what waits to be compared.
    ///
    /// - Source: measured with 3,584 tokens on full-width layers: 1.30 GiB for two sides.
    package static func bytesPerToken(_ configuration: BailingMoeV2Configuration) -> Int {
        20 * configuration.hiddenSize + 6 * (configuration.fusedRows + configuration.attentionWidth)
    }

    /// Bytes that a pass needs whatever the number of tokens, about: a dense MLP's weights, or as much for pieces
    /// of the vocabulary and experts on their way.
    package static func bytesPerPass(_ configuration: BailingMoeV2Configuration) -> Int {
        3 * configuration.denseWidth * configuration.hiddenSize * 2 + 32 << 20
    }
}
