// Byte-pair encoding of one word: merge the pair of lowest rank, the leftmost of equals, until none is left.
// Short words look through all pairs each time; long ones keep the pairs in a heap, so that a word of a
// million bytes takes n log n and not n squared.

/// Merges the symbols of one word; keeps its working space between words.
struct MergeLoop {
    /// Words of up to this many symbols are scanned.
    static let scanLimit = 48

    private var candidates: [UInt64] = []
    private var next: [Int32] = []
    private var previous: [Int32] = []
    private var heap: [UInt64] = []

    /// Replaces the symbols of a word by its tokens.
    mutating func run(_ word: inout [UInt32], _ table: MergeTable) {
        guard word.count > 1 else { return }
        if word.count <= Self.scanLimit { scan(&word, table) } else { sift(&word, table) }
    }

    private mutating func scan(_ word: inout [UInt32], _ table: MergeTable) {
        var count = word.count
        candidates.removeAll(keepingCapacity: true)
        for index in 0..<count - 1 { candidates.append(table.merge(word[index], word[index + 1])) }
        while count > 1 {
            var best = MergeTable.none
            var at = 0
            for index in 0..<count - 1 where candidates[index] < best {
                best = candidates[index]
                at = index
            }
            guard best != MergeTable.none else { break }
            word[at] = UInt32(truncatingIfNeeded: best)
            count -= 1
            for index in at + 1..<max(count, at + 1) { word[index] = word[index + 1] }
            for index in at..<max(count - 1, at) { candidates[index] = candidates[index + 1] }
            if at + 1 < count { candidates[at] = table.merge(word[at], word[at + 1]) }
            if at > 0 { candidates[at - 1] = table.merge(word[at - 1], word[at]) }
        }
        word.removeLast(word.count - count)
    }

    /// The heap's entries are rank (high half) and position (low half) of the pair's left symbol.
    ///
    /// An entry is stale when its position is gone or its pair has another rank now; a rank names one pair.
    private mutating func sift(_ word: inout [UInt32], _ table: MergeTable) {
        let count = word.count
        next = (0..<count).map { Int32($0 + 1 < count ? $0 + 1 : -1) }
        previous = (0..<count).map { Int32($0 - 1) }
        var gone = [Bool](repeating: false, count: count)
        heap.removeAll(keepingCapacity: true)
        for index in 0..<count - 1 { push(word, index, index + 1, table) }
        while let top = pop() {
            let at = Int(top & 0xFFFF_FFFF)
            guard !gone[at], next[at] >= 0 else { continue }
            let right = Int(next[at])
            let merge = table.merge(word[at], word[right])
            guard merge != MergeTable.none, merge >> 32 == top >> 32 else { continue }
            word[at] = UInt32(truncatingIfNeeded: merge)
            gone[right] = true
            next[at] = next[right]
            if next[at] >= 0 {
                previous[Int(next[at])] = Int32(at)
                push(word, at, Int(next[at]), table)
            }
            if previous[at] >= 0 { push(word, Int(previous[at]), at, table) }
        }
        var kept = 0
        for index in 0..<count where !gone[index] {
            word[kept] = word[index]
            kept += 1
        }
        word.removeLast(count - kept)
    }

    private mutating func push(_ word: [UInt32], _ left: Int, _ right: Int, _ table: MergeTable) {
        let merge = table.merge(word[left], word[right])
        guard merge != MergeTable.none else { return }
        heap.append((merge & 0xFFFF_FFFF_0000_0000) | UInt64(left))
        var child = heap.count - 1
        while child > 0, heap[(child - 1) / 2] > heap[child] {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    private mutating func pop() -> UInt64? {
        guard let top = heap.first, let last = heap.popLast() else { return nil }
        guard !heap.isEmpty else { return top }
        heap[0] = last
        var parent = 0
        while true {
            var child = parent * 2 + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
            guard heap[child] < heap[parent] else { break }
            heap.swapAt(child, parent)
            parent = child
        }
        return top
    }
}
