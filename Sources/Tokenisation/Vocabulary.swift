// The tokens by id: their text as tokenizer.json writes it and the bytes they decode to.

import Documents

/// Tokens by id and by text; ids may have gaps.
struct Vocabulary: Sendable {
    /// Ids from here on are refused: no vocabulary has sixteen million tokens, and tables are kept by id.
    static let idLimit = 1 << 24

    private var texts: [String?] = []
    private var ids: [ExactString: Int] = [:]
    private var bytes: [UInt8] = []
    private var ranges: [Range<Int>] = []

    /// How many ids name a token.
    private(set) var count = 0

    init(capacity: Int) { ids.reserveCapacity(capacity) }

    /// One more than the largest id.
    var idBound: Int { texts.count }

    /// Adds a token.
    ///
    /// False when the id is taken by another text or the text has another id.
    mutating func insert(_ text: String, id: Int) -> Bool {
        let key = ExactString(text)
        if let known = ids[key] { return known == id }
        guard (0..<Self.idLimit).contains(id), !contains(id) else { return false }
        if id >= texts.count {
            let missing = id + 1 - texts.count
            texts.append(contentsOf: repeatElement(nil, count: missing))
            ranges.append(contentsOf: repeatElement(0..<0, count: missing))
        }
        ids[key] = id
        texts[id] = text
        let start = bytes.count
        bytes.append(contentsOf: ByteAlphabet.bytes(text) ?? Array(text.utf8))
        ranges[id] = start..<bytes.count
        count += 1
        return true
    }

    /// Whether an id names a token.
    func contains(_ id: Int) -> Bool { texts.indices.contains(id) && texts[id] != nil }

    /// The token of an id, as tokenizer.json writes it.
    func text(_ id: Int) -> String? { texts.indices.contains(id) ? texts[id] : nil }

    /// The id of a token, as tokenizer.json writes it.
    func id(_ text: String) -> Int? { ids[ExactString(text)] }

    /// The bytes that an id decodes to; none for an id that names nothing.
    ///
    /// A token with a character outside the byte alphabet decodes to its own UTF-8.
    func bytes(_ id: Int) -> ArraySlice<UInt8> {
        ranges.indices.contains(id) ? bytes[ranges[id]] : []
    }
}
