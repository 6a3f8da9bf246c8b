// Words that were merged before. Text repeats its words, so that most of them cost one look-up.

/// The tokens of words seen, up to a fixed number of words.
///
/// Words are found by a hash of their bytes and compared in full. A look-up gives up after a few probes, so
/// that words chosen to collide cost no more than words never seen.
struct WordCache {
    /// Longer words are not kept; they seldom repeat.
    static let wordLimit = 256
    /// Words kept at most; as many again fit the table, which stays half empty.
    static let capacity = 1 << 16
    private static let probes = 16

    private struct Entry {
        var hash: UInt64 = 0
        var word: UInt32 = 0
        var length: UInt32 = 0
        var token: UInt32 = 0
        var count: UInt32 = 0
    }

    private var entries: [Entry] = []
    private var words: [UInt8] = []
    private var tokens: [Int] = []
    private(set) var count = 0

    /// The hash of a word, never zero.
    @inline(__always)
    static func hash(_ word: UTF8Bytes) -> UInt64 {
        var hash = UInt64(truncatingIfNeeded: word.count) &* 0x9E37_79B9_7F4A_7C15
        var index = 0
        let raw = UnsafeRawBufferPointer(word)
        while index + 8 <= word.count {
            hash = mix(hash ^ raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            index += 8
        }
        var tail: UInt64 = 0
        while index < word.count {
            tail = tail << 8 | UInt64(word[index])
            index += 1
        }
        return mix(hash ^ tail) | 1
    }

    @inline(__always)
    private static func mix(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
        return product.high ^ product.low
    }

    /// Appends the tokens of a word to `output`; false when the word is not kept here.
    @inline(__always)
    func append(_ word: UTF8Bytes, hash: UInt64, to output: inout [Int]) -> Bool {
        guard !entries.isEmpty else { return false }
        let mask = entries.count - 1
        var slot = Int(truncatingIfNeeded: hash >> 20) & mask
        for _ in 0..<Self.probes {
            let entry = entries[slot]
            if entry.hash == 0 { return false }
            if entry.hash == hash, Int(entry.length) == word.count, equal(word, Int(entry.word)) {
                for index in Int(entry.token)..<Int(entry.token + entry.count) {
                    output.append(tokens[index])
                }
                return true
            }
            slot = (slot + 1) & mask
        }
        return false
    }

    /// Keeps a word with its tokens, if there is room.
    mutating func insert(_ word: UTF8Bytes, hash: UInt64, _ found: ArraySlice<Int>) {
        guard word.count <= Self.wordLimit, count < Self.capacity else { return }
        if count * 2 >= entries.count { grow() }
        guard let slot = freeSlot(hash) else { return }
        entries[slot] = Entry(
            hash: hash, word: UInt32(words.count), length: UInt32(word.count), token: UInt32(tokens.count),
            count: UInt32(found.count))
        words.append(contentsOf: word)
        tokens.append(contentsOf: found)
        count += 1
    }

    private func freeSlot(_ hash: UInt64) -> Int? {
        let mask = entries.count - 1
        var slot = Int(truncatingIfNeeded: hash >> 20) & mask
        for _ in 0..<Self.probes {
            if entries[slot].hash == 0 { return slot }
            slot = (slot + 1) & mask
        }
        return nil
    }

    private mutating func grow() {
        let old = entries
        entries = Array(repeating: Entry(), count: max(256, old.count * 2))
        for entry in old where entry.hash != 0 {
            if let slot = freeSlot(entry.hash) { entries[slot] = entry }
        }
    }

    @inline(__always)
    private func equal(_ word: UTF8Bytes, _ offset: Int) -> Bool {
        for index in 0..<word.count where word[index] != words[offset + index] { return false }
        return true
    }
}
