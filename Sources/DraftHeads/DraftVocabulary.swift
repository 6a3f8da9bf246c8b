// The tokens that a head can draft: a part of the target's vocabulary, in ascending order. Files hold it twice, as
// offsets d2t (target id = draft id + d2t[draft id]) and as a mask t2d; both follow from the list of target ids.

/// The draft vocabulary of a head.
///
/// - Source: sgl-project/SpecForge specforge/data/preprocessing.py and vllm-project/speculators
///   train/vocab_mapping.py; ties by the smaller id as the latter, so that no order of reading shows.
package struct DraftVocabulary: Equatable, Sendable {
    /// N target ids, ascending: the target id of each draft id.
    package let targetIds: [Int]
    /// V, size of the target's vocabulary.
    package let vocabularySize: Int

    /// A list that is ascending and inside the vocabulary; nil otherwise.
    package init?(targetIds: [Int], vocabularySize: Int) {
        var next = 0
        for id in targetIds {
            guard id >= next, id < vocabularySize else { return nil }
            next = id + 1
        }
        self.targetIds = targetIds
        self.vocabularySize = vocabularySize
    }

    /// The most frequent tokens; among equals, and where too few were seen, the smallest ids.
    ///
    /// - Parameters:
    ///   - counts: how often each token of the vocabulary stands where the loss counts, V of them.
    ///   - size: N, at most V.
    package init(counts: [Int], size: Int) {
        precondition(size <= counts.count, "a draft vocabulary of \(size) from \(counts.count) tokens")
        let order = counts.indices.sorted { counts[$0] != counts[$1] ? counts[$0] > counts[$1] : $0 < $1 }
        targetIds = order[..<size].sorted()
        vocabularySize = counts.count
    }

    /// N.
    package var count: Int { targetIds.count }

    /// N offsets: target id less draft id; not negative and never falling.
    package var d2t: [Int64] { targetIds.enumerated().map { Int64($1 - $0) } }

    /// V flags: whether a token can be drafted.
    package var t2d: [Bool] {
        var flags = [Bool](repeating: false, count: vocabularySize)
        for id in targetIds { flags[id] = true }
        return flags
    }

    /// V draft ids, −1 where a token cannot be drafted.
    package var draftIds: [Int32] {
        var ids = [Int32](repeating: -1, count: vocabularySize)
        for (draft, target) in targetIds.enumerated() { ids[target] = Int32(draft) }
        return ids
    }
}
