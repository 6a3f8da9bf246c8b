// Verification by itself: what stays is distributed as the target, whatever was drafted.

import DraftHeads
import Foundation
import TestSupport
import Testing

struct VerificationTests {
    /// Random distributions over a few tokens, some of them impossible.
    private static func distribution(_ size: Int, _ random: inout SeededGenerator, spread: Float)
        -> TokenDistribution
    {
        var weights = (0..<size).map { _ in Double(exp(spread * random.normal())) }
        weights[Int(random.next() % UInt64(size))] = 0
        let sum = weights.reduce(0, +)
        return TokenDistribution(ids: Array(0..<size), probabilities: weights.map { $0 / sum })
    }

    private static func unit(_ random: inout SeededGenerator) -> Double {
        Double(random.next() >> 11) * 0x1p-53
    }

    /// χ² of counts against probabilities, and how many cells could differ.
    static func chiSquare(_ counts: [Int], _ probabilities: [Double]) -> (value: Double, freedom: Int) {
        let n = Double(counts.reduce(0, +))
        var value = 0.0
        var cells = 0
        for (count, probability) in zip(counts, probabilities) where probability > 0 {
            value += pow(Double(count) - n * probability, 2) / (n * probability)
            cells += 1
        }
        return (value, cells - 1)
    }

    /// A bound that χ² passes once in ten thousand times: the mean and four deviations.
    static func bound(_ freedom: Int) -> Double {
        let n = Double(freedom)
        return n * pow(1 - 2 / (9 * n) + 3.72 * (2 / (9 * n)).squareRoot(), 3)
    }

    /// Chains drawn from q: pairs of tokens come as p says.
    @Test(arguments: 1...6) func drawnChains(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let size = 6
        let first = Self.distribution(size, &random, spread: 1)
        let second = (0..<size).map { _ in Self.distribution(size, &random, spread: 1.5) }
        let q = (0...size).map { _ in Self.distribution(size, &random, spread: 1) }
        var counts = Array(repeating: 0, count: size * size)
        for _ in 0..<40_000 {
            let a = q[0].draw(Self.unit(&random))
            let b = q[a + 1].draw(Self.unit(&random))
            let tree = DraftTree([
                DraftNode(token: a, parent: nil, distribution: q[0]),
                DraftNode(token: b, parent: 0, distribution: q[a + 1]),
            ])
            let target: ([Int]) -> TokenDistribution = { accepted in
                switch accepted.count {
                case 0: first
                case 1: second[tree.nodes[accepted[0]].token]
                default: first
                }
            }
            let verified = tree.verified(target: target, unit: { Self.unit(&random) })
            let tokens = verified.accepted.map { tree.nodes[$0].token } + [verified.next]
            let next = tokens.count > 1 ? tokens[1] : second[tokens[0]].draw(Self.unit(&random))
            counts[tokens[0] * size + next] += 1
        }
        let wanted = (0..<size * size).map {
            first.probabilities[$0 / size] * second[$0 / size].probabilities[$0 % size]
        }
        #expect(zip(counts, wanted).allSatisfy { $1 > 0 || $0 == 0 })
        let (value, freedom) = Self.chiSquare(counts, wanted)
        #expect(value < Self.bound(freedom), "χ² \(value) of \(freedom)")
    }

    /// Trees of chosen tokens, siblings included.
    @Test(arguments: 1...6) func chosenTrees(seed: Int) {
        var random = SeededGenerator(seed: UInt64(100 + seed))
        let size = 5
        let first = Self.distribution(size, &random, spread: 1)
        let second = (0..<size).map { _ in Self.distribution(size, &random, spread: 1) }
        let tree = DraftTree([
            DraftNode(token: 2, parent: nil), DraftNode(token: 4, parent: nil),
            DraftNode(token: 1, parent: nil),
            DraftNode(token: 0, parent: 1), DraftNode(token: 3, parent: 1), DraftNode(token: 3, parent: 0),
        ])
        var counts = Array(repeating: 0, count: size * size)
        for _ in 0..<40_000 {
            let verified = tree.verified(
                target: { $0.isEmpty ? first : second[tree.nodes[$0[0]].token] },
                unit: { Self.unit(&random) })
            let tokens = verified.accepted.map { tree.nodes[$0].token } + [verified.next]
            let next = tokens.count > 1 ? tokens[1] : second[tokens[0]].draw(Self.unit(&random))
            counts[tokens[0] * size + next] += 1
        }
        let wanted = (0..<size * size).map {
            first.probabilities[$0 / size] * second[$0 / size].probabilities[$0 % size]
        }
        let (value, freedom) = Self.chiSquare(counts, wanted)
        #expect(value < Self.bound(freedom), "χ² \(value) of \(freedom)")
    }

    @Test func greedyTakesTheLongestWay() {
        let tree = DraftTree([
            DraftNode(token: 5, parent: nil), DraftNode(token: 7, parent: nil),
            DraftNode(token: 9, parent: 1),
            DraftNode(token: 4, parent: 2),
        ])
        let said: [Int?: Int] = [nil: 7, 1: 9, 2: 8]
        let verified = tree.verified(choice: { said[$0] ?? 0 })
        #expect(verified.accepted == [1, 2])
        #expect(verified.next == 8)
        #expect(tree.verified(choice: { _ in 3 }).accepted.isEmpty)
    }
}
