// What a drafter proposes: tokens that may follow a known one, as a tree. A chain is a tree without branches.

/// How many tokens are drafted, and how they hang together.
package enum DraftShape: Equatable, Sendable {
    /// One token after another.
    case chain(Int)
    /// The best of a tree: `depth` steps, `width` branches at each, the likeliest `count` tokens in all.
    ///
    /// - Source: EAGLE-2, Li et al. (2024); SafeAILab/EAGLE eagle/model/cnets.py, `topK_genrate`.
    case tree(depth: Int, width: Int, count: Int)

    /// The most tokens of a draft that can be accepted.
    package var depth: Int {
        switch self {
        case .chain(let count): count
        case .tree(let depth, _, _): depth
        }
    }
}

/// One drafted token.
package struct DraftNode: Sendable {
    package let token: Int
    /// The node it follows; nil when it follows the known token.
    package let parent: Int?
    /// Where it was drawn from at random, what it was drawn from; nil where it was chosen.
    package let distribution: TokenDistribution?

    package init(token: Int, parent: Int?, distribution: TokenDistribution? = nil) {
        self.token = token
        self.parent = parent
        self.distribution = distribution
    }
}

/// A draft: parents stand before their children, siblings with the likeliest first.
package struct DraftTree: Sendable {
    package let nodes: [DraftNode]

    package init(_ nodes: [DraftNode]) {
        for (index, node) in nodes.enumerated() {
            precondition((node.parent ?? -1) < index, "a node before its parent")
        }
        self.nodes = nodes
    }

    /// The nodes that follow one, or the known token.
    package func children(of parent: Int?) -> [Int] { nodes.indices.filter { nodes[$0].parent == parent } }

    /// The ways from the known token to each node without children, in order; one that is empty without nodes.
    var paths: [[Int]] {
        let parents = Set(nodes.compactMap(\.parent))
        let leaves = nodes.indices.filter { !parents.contains($0) }
        return leaves.isEmpty ? [[]] : leaves.map(path)
    }

    /// The nodes from the first to one.
    private func path(to leaf: Int) -> [Int] {
        var path = [leaf]
        while let parent = nodes[path[path.count - 1]].parent { path.append(parent) }
        return path.reversed()
    }
}

/// Probabilities of some tokens; all others have none.
package struct TokenDistribution: Equatable, Sendable {
    /// Ascending.
    package let ids: [Int]
    /// As many, summing to 1 but for rounding.
    package let probabilities: [Double]

    package init(ids: [Int], probabilities: [Double]) {
        self.ids = ids
        self.probabilities = probabilities
    }

    /// The probability of one token.
    ///
    /// - Complexity: O(log n).
    package func probability(of id: Int) -> Double {
        var (low, high) = (0, ids.count)
        while low < high {
            let middle = (low + high) / 2
            if ids[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low < ids.count && ids[low] == id ? probabilities[low] : 0
    }

    /// The token that a number from 0 to below 1 falls on.
    package func draw(_ unit: Double) -> Int {
        var left = unit * probabilities.reduce(0, +)
        for (id, probability) in zip(ids, probabilities) {
            left -= probability
            if left < 0 { return id }
        }
        return ids[probabilities.lastIndex { $0 > 0 } ?? 0]
    }
}
