// The special token ids of config.json and generation_config.json: one integer, or for the end a list.

import Diagnostics
import Documents

/// The begin, end and pad ids of one file.
package struct SpecialTokens: Equatable, Sendable {
    /// `bos_token_id`.
    package let begin: Int?
    /// In the order written; empty when the file has none.
    package let end: [Int]
    /// `pad_token_id`.
    package let pad: Int?

    /// Reads the three members and adds findings for values of the wrong kind.
    static func read(_ reader: inout ConfigurationReader) -> SpecialTokens {
        SpecialTokens(
            begin: ids("bos_token_id", &reader).first, end: ids("eos_token_id", &reader),
            pad: ids("pad_token_id", &reader).first)
    }

    private static func ids(_ field: String, _ reader: inout ConfigurationReader) -> [Int] {
        guard let value = reader.value(field) else { return [] }
        let elements: [JSONValue] =
            if case .array(let list) = value, field == "eos_token_id" { list } else { [value] }
        var ids: [Int] = []
        for element in elements {
            guard case .number(let number) = element, let id = number.integer else {
                reader.report(
                    .tokenIdImpossible, "a token id is not an integer", field: field,
                    expected: field == "eos_token_id" ? "an id or a list of ids" : "an id",
                    found: spelling(element))
                continue
            }
            ids.append(id)
        }
        return ids
    }

    /// Adds a finding for each id outside the vocabulary.
    func check(vocabularySize: Int, _ reader: inout ConfigurationReader) {
        let named =
            [("bos_token_id", begin)] + end.map { ("eos_token_id", $0) } + [("pad_token_id", pad)]
        for (field, id) in named {
            guard let id, !(0..<vocabularySize).contains(id) else { continue }
            reader.report(
                .tokenIdImpossible, "a token id lies outside the vocabulary", field: field,
                expected: "an id from 0 to \(vocabularySize - 1), below vocab_size \(vocabularySize)",
                found: "\(id)", remedy: "take the id from the checkpoint's own tokenizer.json")
        }
    }
}
