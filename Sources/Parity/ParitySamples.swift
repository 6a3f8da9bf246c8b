// What a comparison reads when no texts are given: a few of several kinds and languages, and for a checkpoint
// without a tokenizer tokens drawn from a seed.

import Architectures
import Checkpoints
import Diagnostics
import Documents
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
        let document: JSONValue
        do throws(JSONError) { document = try JSONValue(parsing: bytes) } catch {
            throw Failure(Finding(error, code: .toleranceMalformed, file: profile))
        }
        do throws(DocumentError) {
            let reader = try StrictReader(document)
            guard try reader.integer("schema") == 1 else { throw reader.mismatch("schema", "1") }
            _ = try reader.string("title")
            _ = try reader.string("source")
            var result: [(name: String, text: String)] = []
            for text in try reader.objects("texts") {
                result.append((try text.string("name"), try text.string("text")))
                try text.finish()
            }
            try reader.finish()
            return result
        } catch { throw Failure(Finding(error, code: .toleranceMalformed, file: profile)) }
    }

    /// Sequences of tokens that are the same on every machine.
    ///
    /// - Source: SplitMix64, Steele, Lea and Flood, OOPSLA 2014.
    static func random(vocabulary: Int, length: Int) -> [TokenRow] {
        var state: UInt64 = 1
        func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
        return (0..<drawn.sequences).map { index in
            TokenRow(
                name: "drawn \(index + 1)",
                tokens: (0..<length).map { _ in Int(next() % UInt64(max(1, vocabulary))) })
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
