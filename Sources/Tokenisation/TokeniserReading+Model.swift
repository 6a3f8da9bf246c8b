// The model of tokenizer.json: the vocabulary and the merges of a byte-pair encoding.

import Diagnostics
import Documents

extension TokeniserReading {
    /// What the model says, checked.
    struct Model {
        var vocabulary: Vocabulary
        var merges: MergeTable
        var ignoresMerges: Bool
        var byteIds: [Int32]
        var wholeWords: [[UInt8]: Int]
    }

    /// Reads the vocabulary and the merges; refuses options that would change the ids.
    mutating func readModel(_ reader: StrictReader) throws -> Model {
        let type = try reader.string("type")
        guard type == "BPE" else {
            throw Failure(refusal("model.type", "BPE", type))
        }
        try checkOptions(reader)
        let ignores = try reader.has("ignore_merges") && reader.bool("ignore_merges")
        let vocabulary = try readVocabulary(reader)
        let merges = try readMerges(reader, vocabulary)
        noteUnread(reader)
        return Model(
            vocabulary: vocabulary, merges: merges, ignoresMerges: ignores, byteIds: byteIds(vocabulary),
            wholeWords: ignores ? wholeWords(vocabulary) : [:])
    }

    private mutating func checkOptions(_ reader: StrictReader) throws {
        if reader.has("dropout"), try reader.double("dropout") != 0 {
            refuse("model.dropout", "null", "a probability")
        }
        if reader.has("unk_token") {
            refuse("model.unk_token", "null", "\"\(try reader.string("unk_token"))\"")
        }
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] where reader.has(key) {
            let affix = try reader.string(key)
            if !affix.isEmpty { refuse("model.\(key)", "null", "\"\(affix)\"") }
        }
        if reader.has("byte_fallback"), try reader.bool("byte_fallback") {
            refuse("model.byte_fallback", "false", "true")
        }
        // Only matters with an unknown token, which is refused.
        if reader.has("fuse_unk") { _ = try reader.bool("fuse_unk") }
    }

    private mutating func readVocabulary(_ reader: StrictReader) throws -> Vocabulary {
        guard case .object(let object) = try reader.required("vocab") else {
            throw reader.mismatch("vocab", "an object of tokens and ids")
        }
        var vocabulary = Vocabulary(capacity: object.members.count)
        for member in object.members {
            guard case .number(let number) = member.value, let id = number.integer, id >= 0 else {
                impossible(member.key, "an id of 0 or above", spelled(member.value))
                continue
            }
            guard id < Vocabulary.idLimit else {
                impossible(member.key, "an id below \(grouped(Vocabulary.idLimit))", grouped(id))
                continue
            }
            if !vocabulary.insert(member.key, id: id) {
                impossible(
                    member.key, "an id of its own", "\(id), which is that of \"\(vocabulary.text(id) ?? "")\""
                )
            }
        }
        return vocabulary
    }

    private mutating func readMerges(
        _ reader: StrictReader, _ vocabulary: Vocabulary
    ) throws -> MergeTable {
        guard case .array(let elements) = try reader.required("merges") else {
            throw reader.mismatch("merges", "an array of merges")
        }
        var table = MergeTable(capacity: elements.count)
        var rank = 0
        var pairs: Bool?
        for (index, element) in elements.enumerated() {
            // A line of the older form may be the heading of merges.txt, which has no rank.
            if case .string(let line) = element, line.hasPrefix("#version") { continue }
            let place = "model.merges[\(index)]"
            guard let (left, right, isPair) = halves(element), pairs ?? isPair == isPair else {
                throw DocumentError(
                    path: place, what: "this is no merge of the kind of the others",
                    expected: "[\"a\", \"b\"] throughout, or \"a b\" throughout", found: spelled(element))
            }
            pairs = isPair
            insert(left, right, rank: rank, at: place, vocabulary, &table)
            rank += 1
        }
        return table
    }

    private func halves(_ element: JSONValue) -> (String, String, isPair: Bool)? {
        switch element {
        case .array(let parts):
            guard parts.count == 2, case .string(let left) = parts[0], case .string(let right) = parts[1]
            else { return nil }
            return (left, right, true)
        case .string(let line):
            let parts = line.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
            guard parts.count == 2 else { return nil }
            return (String(Substring(parts[0])), String(Substring(parts[1])), false)
        default: return nil
        }
    }

    private mutating func insert(
        _ left: String, _ right: String, rank: Int, at place: String, _ vocabulary: Vocabulary,
        _ table: inout MergeTable
    ) {
        guard let a = vocabulary.id(left), let b = vocabulary.id(right),
            let joined = vocabulary.id(left + right)
        else {
            let missing = [left, right, left + right].first { vocabulary.id($0) == nil } ?? ""
            findings.add(
                Finding(
                    .error, .mergeImpossible, "a merge names what is no token", file: file, field: place,
                    expected: "\"\(missing)\" in the vocabulary", found: "no such token",
                    remedy: "restore tokenizer.json from its source"))
            return
        }
        table.insert(UInt32(a), UInt32(b), rank: UInt32(rank), result: UInt32(joined))
    }

    private mutating func byteIds(_ vocabulary: Vocabulary) -> [Int32] {
        let ids = (0...255).map { byte in
            Int32(vocabulary.id(String(ByteAlphabet.character(UInt8(byte)))) ?? -1)
        }
        let missing = ids.indices.filter { ids[$0] < 0 }
        if !missing.isEmpty {
            findings.add(
                Finding(
                    .warning, .byteWithoutToken, "text with some bytes would lose them in silence",
                    file: file,
                    field: "model.vocab", expected: "a token for each of the 256 bytes",
                    found: "none for \(grouped(missing.count)): \(ranges(missing))",
                    remedy: "train the vocabulary from the whole byte alphabet"))
        }
        return ids
    }

    private func wholeWords(_ vocabulary: Vocabulary) -> [[UInt8]: Int] {
        var words: [[UInt8]: Int] = [:]
        for id in 0..<vocabulary.idBound {
            if let text = vocabulary.text(id), let bytes = ByteAlphabet.bytes(text) { words[bytes] = id }
        }
        return words
    }

    private mutating func impossible(_ token: String, _ expected: String, _ found: String) {
        findings.add(
            Finding(
                .error, .vocabularyImpossible, "a token has an id that cannot be", file: file,
                field: "model.vocab \"\(token)\"", expected: expected, found: found,
                remedy: "restore tokenizer.json from its source"))
    }

    private func refusal(_ field: String, _ expected: String, _ found: String) -> Finding {
        Finding(
            .error, .tokeniserPartUnknown, "this part of the tokeniser is not one that Ingot carries out",
            file: file, field: field, expected: expected, found: found,
            remedy: "use the tokenizer.json of a checkpoint of the Ling 2.0 family")
    }

    private func spelled(_ value: JSONValue) -> String {
        switch value {
        case .string(let text): "\"\(text)\""
        case .number(let number): number.literal
        default: value.kind
        }
    }
}
