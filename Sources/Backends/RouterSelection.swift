// Which experts a token goes to, and with what weight. Two details that ports trip over: the bias chooses and
// never weighs; a group that loses is out even where a kept expert's score is negative (−∞, not 0).
//
// Legend: T tokens, E experts, C experts chosen for a token.

import Glibc

/// The router's numbers, as the config has them.
package struct RouterRule: Equatable, Sendable {
    /// Groups of consecutive experts.
    package let groupCount: Int
    /// Groups kept for a token.
    package let groupsKept: Int
    /// C.
    package let expertsPerToken: Int
    /// The factor on the normalised weights.
    package let scalingFactor: Float

    package init(groupCount: Int, groupsKept: Int, expertsPerToken: Int, scalingFactor: Float) {
        self.groupCount = groupCount
        self.groupsKept = groupsKept
        self.expertsPerToken = expertsPerToken
        self.scalingFactor = scalingFactor
    }
}

/// The routes of some tokens at one layer.
package struct Routes: Equatable, Sendable {
    /// C.
    package let expertsPerToken: Int
    /// [T, C], ascending in each row.
    package let experts: [Int]
    /// [T, C], beside `experts`; a row sums to the scaling factor.
    package let weights: [Float]
    /// [T, E], before the sigmoid.
    package let logits: Matrix
    /// How far each token's choice is from another one, in units of biased score; T of them.
    ///
    /// The smaller of two gaps: last group kept to first group dropped, last expert chosen to first one not
    /// chosen of the kept groups. Infinite where there was no choice.
    package let margins: [Float]

    package init(expertsPerToken: Int, experts: [Int], weights: [Float], logits: Matrix, margins: [Float]) {
        self.expertsPerToken = expertsPerToken
        self.experts = experts
        self.weights = weights
        self.logits = logits
        self.margins = margins
    }

    /// T.
    package var tokenCount: Int { margins.count }

    /// The experts of a token, ascending.
    package func experts(ofToken token: Int) -> ArraySlice<Int> {
        experts[token * expertsPerToken..<(token + 1) * expertsPerToken]
    }

    /// The weights of a token's experts, in the same order.
    package func weights(ofToken token: Int) -> ArraySlice<Float> {
        weights[token * expertsPerToken..<(token + 1) * expertsPerToken]
    }

    /// The tokens of each expert that any token chose, experts ascending, with the weight it has for each.
    package var byExpert: [(expert: Int, tokens: [Int], weights: [Float])] {
        var tokens = [[Int]](repeating: [], count: logits.columns)
        var shares = [[Float]](repeating: [], count: logits.columns)
        for (place, expert) in experts.enumerated() {
            tokens[expert].append(place / expertsPerToken)
            shares[expert].append(weights[place])
        }
        return tokens.indices.filter { !tokens[$0].isEmpty }.map { ($0, tokens[$0], shares[$0]) }
    }
}

extension RouterRule {
    /// What the sum of weights is guarded by.
    ///
    /// - Source: BailingMoeV2Gate in inclusionAI/Ling-V2 at af8837e.
    private static let sumGuard: Float = 1e-20

    /// Chooses experts for each token.
    ///
    /// s = sigmoid(logit), b = s + bias. A group's score is the sum of its two best b; the best groups are
    /// kept, and of their experts the C best by b. Weights are s / (Σ s + 1e-20) × factor. Equal scores: the
    /// lower index wins, of groups and of experts.
    ///
    /// - Parameters:
    ///   - logits: [T, E].
    ///   - bias: E of them.
    /// - Source: BailingMoeV2Gate in inclusionAI/Ling-V2 at af8837e.
    /// - Checked by: RouterSelectionTests, GoldenTests.
    package func select(logits: Matrix, bias: [Float]) -> Routes {
        let expertCount = logits.columns
        precondition(bias.count == expertCount, "\(bias.count) biases for \(expertCount) experts")
        precondition(
            groupCount > 0 && expertCount % groupCount == 0
                && expertsPerToken <= groupsKept * (expertCount / groupCount),
            "\(expertCount) experts in \(groupCount) groups do not give \(expertsPerToken)")
        var experts: [Int] = []
        var weights: [Float] = []
        var margins: [Float] = []
        experts.reserveCapacity(logits.rows * expertsPerToken)
        weights.reserveCapacity(logits.rows * expertsPerToken)
        for token in 0..<logits.rows {
            let scores = logits.row(token).map(sigmoid)  // s, [E]
            let biased = zip(scores, bias).map(+)  // b, [E]
            let (chosen, margin) = choose(biased)
            let sum = chosen.reduce(0) { $0 + scores[$1] } + Self.sumGuard
            experts += chosen
            weights += chosen.map { scores[$0] / sum * scalingFactor }
            margins.append(margin)
        }
        return Routes(
            expertsPerToken: expertsPerToken, experts: experts, weights: weights, logits: logits,
            margins: margins)
    }

    /// The C experts of one token, ascending, and the margin of the choice.
    private func choose(_ biased: [Float]) -> (experts: [Int], margin: Float) {
        let size = biased.count / groupCount
        var margin = Float.infinity
        let groupScores = (0..<groupCount).map { group in
            twoBest(biased[group * size..<(group + 1) * size])
        }
        let groups = descending(groupScores)
        if groupsKept < groupCount {
            margin = groupScores[groups[groupsKept - 1]] - groupScores[groups[groupsKept]]
        }
        var open = [Float](repeating: -.infinity, count: biased.count)
        for group in groups.prefix(groupsKept) {
            for expert in group * size..<(group + 1) * size { open[expert] = biased[expert] }
        }
        let order = descending(open)
        if expertsPerToken < biased.count {
            margin = min(margin, open[order[expertsPerToken - 1]] - open[order[expertsPerToken]])
        }
        return (order.prefix(expertsPerToken).sorted(), margin)
    }

    /// The sum of the two largest; of one, that one.
    private func twoBest(_ scores: ArraySlice<Float>) -> Float {
        var (first, second) = (-Float.infinity, -Float.infinity)
        for score in scores {
            if score > first {
                (first, second) = (score, first)
            } else if score > second {
                second = score
            }
        }
        return second == -.infinity ? first : first + second
    }

    /// Indices from the largest score to the smallest, the lower index first among equals.
    private func descending(_ scores: [Float]) -> [Int] {
        scores.indices.sorted { scores[$0] == scores[$1] ? $0 < $1 : scores[$0] > scores[$1] }
    }

    private func sigmoid(_ logit: Float) -> Float { Float(1 / (1 + exp(-Double(logit)))) }
}
