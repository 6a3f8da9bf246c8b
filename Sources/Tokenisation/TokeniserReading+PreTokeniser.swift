// The pre-tokeniser of tokenizer.json: the one pattern that is written out in PieceSplitter, then bytes.

import Diagnostics
import Documents

extension TokeniserReading {
    /// Accepts a Sequence of a Split by the family's pattern and a ByteLevel that adds and splits nothing.
    mutating func checkPreTokeniser(_ reader: StrictReader) throws {
        let type = try reader.string("type")
        guard type == "Sequence" else {
            refuse("pre_tokenizer", "a Sequence of Split and ByteLevel", type, code: .preTokeniserUnknown)
            return
        }
        let parts = try reader.objects("pretokenizers")
        let types = try parts.map { part throws in try part.string("type") }
        guard types == ["Split", "ByteLevel"] else {
            refuse(
                "pre_tokenizer.pretokenizers", "Split, ByteLevel",
                types.isEmpty ? "none" : abridged(types), code: .preTokeniserUnknown)
            return
        }
        try checkSplit(parts[0])
        try checkByteLevel(parts[1])
        noteUnread(reader)
    }

    private mutating func checkSplit(_ reader: StrictReader) throws {
        let pattern = try reader.object("pattern")
        let field = "\(reader.path).pattern.Regex"
        guard pattern.has("Regex") else {
            refuse(field, PieceSplitter.pattern, "no regular expression", code: .preTokeniserUnknown)
            return
        }
        let regex = try pattern.string("Regex")
        if !regex.utf8.elementsEqual(PieceSplitter.pattern.utf8) {
            refuse(field, PieceSplitter.pattern, regex, code: .preTokeniserUnknown)
        }
        // Every character lies in a match, so that keeping matches alone is the same as isolating them.
        let behaviour = try reader.string("behavior")
        let inverted = try reader.bool("invert")
        if !((behaviour == "Isolated" && !inverted) || (behaviour == "Removed" && inverted)) {
            refuse(
                "\(reader.path).behavior", "Isolated, or Removed with invert true",
                "\(behaviour) with invert \(inverted)", code: .preTokeniserUnknown)
        }
        noteUnread(reader)
    }

    private mutating func checkByteLevel(_ reader: StrictReader) throws {
        if try reader.bool("add_prefix_space") {
            refuse("\(reader.path).add_prefix_space", "false", "true", code: .preTokeniserUnknown)
        }
        // Absent means true to the library.
        if try !reader.has("use_regex") || reader.bool("use_regex") {
            refuse("\(reader.path).use_regex", "false", "true or absent", code: .preTokeniserUnknown)
        }
        // Offsets are not computed here; the library demands the key all the same.
        _ = try reader.bool("trim_offsets")
        noteUnread(reader)
    }
}
