// The added tokens of tokenizer.json. The library does not take their ids from the file: it numbers them in
// order after the vocabulary, unless the vocabulary has them. A file that says otherwise is refused.

import Diagnostics
import Documents

extension TokeniserReading {
    /// Reads the added tokens and adds them to the vocabulary.
    ///
    /// - Source: tokenizers 0.22.2, `AddedVocabulary::add_tokens`.
    mutating func readAddedTokens(
        _ readers: [StrictReader], _ vocabulary: inout Vocabulary
    ) throws -> [AddedToken] {
        var tokens: [AddedToken] = []
        var seen: Set<ExactString> = []
        var next = vocabulary.count
        for reader in readers {
            let token = try readAddedToken(reader)
            noteUnread(reader)
            guard !token.content.isEmpty, seen.insert(ExactString(token.content)).inserted else {
                impossible(token, "a text that stands once", token.content.isEmpty ? "none" : "it again")
                continue
            }
            let given: Int
            if let known = vocabulary.id(token.content) {
                given = known
            } else {
                given = next
                next += 1
            }
            guard given == token.id else {
                impossible(
                    token, "id \(grouped(given)), which the library gives it", "id \(grouped(token.id))")
                continue
            }
            guard vocabulary.insert(token.content, id: token.id) else {
                impossible(
                    token, "an id of its own below \(grouped(Vocabulary.idLimit))", "id \(grouped(token.id))")
                continue
            }
            tokens.append(token)
        }
        return tokens
    }

    private func readAddedToken(_ reader: StrictReader) throws -> AddedToken {
        AddedToken(
            id: try reader.integer("id"), content: try reader.string("content"),
            special: try reader.bool("special"), singleWord: try reader.bool("single_word"),
            stripsLeft: try reader.bool("lstrip"), stripsRight: try reader.bool("rstrip"),
            normalised: try reader.bool("normalized"))
    }

    private mutating func impossible(_ token: AddedToken, _ expected: String, _ found: String) {
        findings.add(
            Finding(
                .error, .addedTokenImpossible, "an added token cannot be what the file says", file: file,
                field: "added_tokens \"\(token.content)\"", expected: expected, found: found,
                remedy: "save the tokeniser again with the library, and compare the ids with config.json"))
    }
}
