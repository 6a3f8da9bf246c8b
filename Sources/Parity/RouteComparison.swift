// Whether two sides send tokens to the same experts, with the same weights. Experts are compared by id, never
// by their place in a list; a choice that differs where the margin is a rounding error is a tie, counted apart.
//
// Legend: T tokens, E experts, C experts chosen for a token.

import Backends

/// How the routes of one layer compare, over all tokens of a run.
package struct RouteDifference: Equatable, Sendable {
    package let layer: Int
    /// Tokens compared.
    package private(set) var tokens = 0
    /// Experts chosen, T · C.
    package private(set) var choices = 0
    /// Choices that both sides made.
    package private(set) var equal = 0
    /// Tokens with another choice, though the margin exceeded the tie limit.
    package private(set) var flips = 0
    /// Tokens with another choice at a margin within it.
    package private(set) var ties = 0
    /// The flip with the largest margin.
    package private(set) var worst: Flip?
    /// Largest difference of a weight, of experts that both sides chose for a token with no other choice.
    package private(set) var weightDifference = 0.0
    /// Weights compared.
    package private(set) var weightCount = 0
    /// Where the largest difference is.
    package private(set) var weightPlace: (place: TokenPlace, expert: Int)?
    /// Tokens that chose each expert, of both sides; E of each.
    package private(set) var leftLoad: [Int]
    package private(set) var rightLoad: [Int]
    /// The narrowest margin of the left side.
    package private(set) var narrowest = Float.infinity

    /// A token that went elsewhere.
    package struct Flip: Equatable, Sendable {
        package let place: TokenPlace
        /// Experts that only the left side chose.
        package let left: [Int]
        /// Experts that only the right side chose.
        package let right: [Int]
        /// The margin, as both sides together know it; see `BatchComparison`.
        package let margin: Float
    }

    init(layer: Int, expertCount: Int) {
        self.layer = layer
        leftLoad = Array(repeating: 0, count: expertCount)
        rightLoad = leftLoad
    }

    /// Part of all choices that both sides made.
    package var agreement: Double { choices == 0 ? 1 : Double(equal) / Double(choices) }

    package static func == (a: RouteDifference, b: RouteDifference) -> Bool {
        a.layer == b.layer && a.tokens == b.tokens && a.equal == b.equal && a.flips == b.flips
            && a.ties == b.ties && a.leftLoad == b.leftLoad && a.rightLoad == b.rightLoad
    }

    /// Adds one token.
    ///
    /// - Parameters:
    ///   - isCounted: whether it may count as a flip; one whose past was a tie may not.
    /// - Returns: whether the choice is another one.
    mutating func add(
        _ left: Routes, _ right: Routes, token: Int, at place: TokenPlace, tieMargin: Float, isCounted: Bool
    ) -> Bool {
        let (a, b) = (left.experts(ofToken: token), right.experts(ofToken: token))
        Self.count(a, in: &leftLoad)
        Self.count(b, in: &rightLoad)
        tokens += 1
        let shared = Set(a).intersection(b)
        choices += a.count
        equal += shared.count
        let margin = left.margins[token]
        narrowest = min(narrowest, margin)
        if shared.count == a.count, a.count == b.count {
            if isCounted { compareWeights(left, right, token, place) }
            return false
        }
        guard isCounted else { return true }
        if margin <= tieMargin {
            ties += 1
        } else {
            flips += 1
            if margin > worst?.margin ?? -1 {
                worst = Flip(
                    place: place, left: a.filter { !shared.contains($0) },
                    right: b.filter { !shared.contains($0) }, margin: margin)
            }
        }
        return true
    }

    /// Counts a token's experts; a recording may name more of them in a later batch.
    private static func count(_ experts: ArraySlice<Int>, in load: inout [Int]) {
        for expert in experts {
            if expert >= load.count { load += Array(repeating: 0, count: expert + 1 - load.count) }
            load[expert] += 1
        }
    }

    private mutating func compareWeights(
        _ left: Routes, _ right: Routes, _ token: Int, _ place: TokenPlace
    ) {
        // A recording need not hold the weights.
        guard !left.weights.isEmpty, !right.weights.isEmpty else { return }
        // Both lists are ascending by expert.
        let pairs = zip(left.weights(ofToken: token), right.weights(ofToken: token))
        for ((a, b), expert) in zip(pairs, left.experts(ofToken: token)) {
            let difference = abs(Double(a) - Double(b))
            if difference > weightDifference || difference.isNaN {
                weightDifference = difference.isNaN ? .infinity : difference
                weightPlace = (place, expert)
            }
            weightCount += 1
        }
    }
}
