// The merges of a byte-pair encoding, found by the ids of their two halves: one probe of a flat table for
// each pair looked at, and no string.

/// Merges by pair of ids.
///
/// Open addressing with linear probing, at most half full.
struct MergeTable: Sendable {
    /// What `merge` gives for a pair that does not merge; it orders after every merge.
    static let none = UInt64.max

    private var keys: [UInt64]
    private var values: [UInt64]
    private let shift: UInt64
    private(set) var count = 0

    /// An empty table with room for a number of merges.
    init(capacity: Int) {
        var bits = 4
        while 1 << bits < capacity * 2 { bits += 1 }
        keys = Array(repeating: Self.none, count: 1 << bits)
        values = Array(repeating: Self.none, count: 1 << bits)
        shift = UInt64(64 - bits)
    }

    /// Adds a merge, or replaces the one of the same pair: the later rank counts, as in the library.
    mutating func insert(_ left: UInt32, _ right: UInt32, rank: UInt32, result: UInt32) {
        let key = UInt64(left) << 32 | UInt64(right)
        let slot = slot(of: key)
        if keys[slot] != key { count += 1 }
        keys[slot] = key
        values[slot] = UInt64(rank) << 32 | UInt64(result)
    }

    /// The rank (high half) and the resulting id (low half) of a pair, or `none`.
    @inline(__always)
    func merge(_ left: UInt32, _ right: UInt32) -> UInt64 {
        values[slot(of: UInt64(left) << 32 | UInt64(right))]
    }

    @inline(__always)
    private func slot(of key: UInt64) -> Int {
        var slot = Int(truncatingIfNeeded: ((key ^ key >> 29) &* 0x9E37_79B9_7F4A_7C15) >> shift)
        while keys[slot] != key, keys[slot] != Self.none { slot = (slot + 1) & (keys.count - 1) }
        return slot
    }
}
