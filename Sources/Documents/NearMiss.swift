// "Did you mean": the nearest known word to one that is not known.

/// The candidate nearest to a word, when it is near enough to be what was meant.
///
/// Near enough is at most a third of the word's length in single-letter edits and swaps (and at least one),
/// or one of the two being a prefix of the other from three letters on.
package func nearMiss(_ word: String, among candidates: [String]) -> String? {
    let folded = word.lowercased()
    var best: (word: String, distance: Int)?
    for candidate in candidates {
        let other = candidate.lowercased()
        let isPrefix =
            min(folded.count, other.count) >= 3 && (other.hasPrefix(folded) || folded.hasPrefix(other))
        let distance = isPrefix ? 1 : editDistance(Array(folded.utf8), Array(other.utf8))
        guard isPrefix || distance <= max(1, word.count / 3) else { continue }
        if best.map({ distance < $0.distance }) ?? true { best = (candidate, distance) }
    }
    return best?.word
}

/// Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours.
private func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
    var beforeLast = [Int](repeating: 0, count: b.count + 1)
    var last = Array(0...b.count)
    for i in 1...a.count {
        var row = [i] + [Int](repeating: 0, count: b.count)
        for j in 1...b.count {
            let same = a[i - 1] == b[j - 1]
            row[j] = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1))
            if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
                row[j] = min(row[j], beforeLast[j - 2] + 1)
            }
        }
        beforeLast = last
        last = row
    }
    return last[b.count]
}
