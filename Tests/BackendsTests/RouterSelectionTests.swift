// The router on cases small enough to work out by hand.

import Backends
import TestSupport
import Testing

/// The logit whose sigmoid is a score.
private func logit(_ score: Double) -> Float { Float(-logarithm(1 / score - 1)) }

struct RouterSelectionTests {
    /// Eight experts in four groups of two.
    static let rule = RouterRule(groupCount: 4, groupsKept: 2, expertsPerToken: 2, scalingFactor: 2.5)

    private func route(_ scores: [Double], bias: [Float]? = nil, rule: RouterRule = Self.rule) -> Routes {
        rule.select(
            logits: Matrix(rows: 1, columns: scores.count, values: scores.map(logit)),
            bias: bias ?? [Float](repeating: 0, count: scores.count))
    }

    @Test func groupsThatLoseAreOut() {
        // Group sums 1.0, 0.9, 1.2, 0.3: groups 2 and 0 stay; 0.85 of group 1 is the best expert and is out.
        let routes = route([0.5, 0.5, 0.85, 0.05, 0.55, 0.65, 0.1, 0.2])
        #expect(routes.experts == [4, 5])
        #expect(abs(routes.margins[0] - 0.05) < 1e-5)  // 0.55 against 0.5; groups are 0.1 apart
    }

    @Test func weightsSumToTheScalingFactor() {
        let routes = route([0.5, 0.5, 0.85, 0.05, 0.55, 0.65, 0.1, 0.2])
        #expect(abs(routes.weights[0] - 2.5 * 0.55 / 1.2) < 1e-5)
        #expect(abs(routes.weights[1] - 2.5 * 0.65 / 1.2) < 1e-5)
    }

    @Test func theBiasChoosesAndNeverWeighs() {
        var bias = [Float](repeating: 0, count: 8)
        bias[6] = 0.9
        bias[7] = 0.9
        let routes = route([0.5, 0.5, 0.5, 0.4, 0.3, 0.3, 0.1, 0.2], bias: bias)
        #expect(routes.experts == [6, 7])
        #expect(abs(routes.weights[0] - 2.5 / 3) < 1e-5)
        #expect(abs(routes.weights[1] - 5.0 / 3) < 1e-5)
    }

    @Test func negativeScoresStillBeatGroupsThatLost() {
        // All biased scores are below zero: a mask of zeros would choose from the groups that lost.
        let bias = [Float](repeating: -2, count: 8)
        let routes = route([0.9, 0.8, 0.1, 0.1, 0.7, 0.6, 0.1, 0.1], bias: bias)
        #expect(routes.experts == [0, 1])
        #expect(abs(routes.weights[0] - 2.5 * 0.9 / 1.7) < 1e-5)
        let wide = RouterRule(groupCount: 4, groupsKept: 2, expertsPerToken: 4, scalingFactor: 1)
        #expect(
            route([0.9, 0.8, 0.1, 0.1, 0.7, 0.6, 0.1, 0.1], bias: bias, rule: wide).experts == [0, 1, 4, 5])
    }

    @Test func equalScoresGoToTheLowerIndex() {
        let routes = route([Double](repeating: 0.5, count: 8))
        #expect(routes.experts == [0, 1])
        #expect(routes.margins == [0])
        let three = RouterRule(groupCount: 4, groupsKept: 2, expertsPerToken: 3, scalingFactor: 1)
        #expect(route([Double](repeating: 0.5, count: 8), rule: three).experts == [0, 1, 2])
    }

    @Test func withoutAChoiceTheMarginIsInfinite() {
        let all = RouterRule(groupCount: 1, groupsKept: 1, expertsPerToken: 2, scalingFactor: 1)
        #expect(route([0.2, 0.6], rule: all).margins == [.infinity])
    }

    @Test func tokensDoNotKnowEachOther() {
        let first = [0.5, 0.5, 0.85, 0.05, 0.55, 0.65, 0.1, 0.2].map(logit)
        let second = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8].map(logit)
        let bias = [Float](repeating: 0.1, count: 8)
        let both = Self.rule.select(logits: Matrix(rows: 2, columns: 8, values: first + second), bias: bias)
        let one = Self.rule.select(logits: Matrix(rows: 1, columns: 8, values: second), bias: bias)
        #expect(both.experts.suffix(2) == one.experts[...])
        #expect(both.weights.suffix(2) == one.weights[...])
    }

    @Test func expertsAreGroupedInOrder() {
        let routes = Self.rule.select(
            logits: Matrix(
                rows: 2, columns: 8,
                values: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8].map(logit)
                    + [0.8, 0.7, 0.1, 0.1, 0.1, 0.1, 0.6, 0.9].map(logit)),
            bias: [Float](repeating: 0, count: 8))
        #expect(routes.experts == [6, 7, 0, 7])
        #expect(routes.byExpert.map(\.expert) == [0, 6, 7])
        #expect(routes.byExpert.map(\.tokens) == [[1], [0], [0, 1]])
    }
}
