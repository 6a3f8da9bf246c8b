// Two distributions compared range by range are what they are as a whole.

import Backends
import Foundation
import Parity
import ReferenceModel
import TestSupport
import Testing
import Tokenisation

struct OutputComparisonTests {
    private static let vocabulary = 301
    /// Where ranges of the vocabulary end.
    static let splits: [[Int]] = [
        [301], [1, 301], [300, 301], [7, 64, 65, 200, 301], Array(1...301),
    ]

    /// What is known of two whole distributions, in F64.
    private struct Whole {
        let divergence: Double
        let largest: Double
        let left: [Double]
        let right: [Double]

        init(_ p: [Float], _ q: [Float]) {
            func logProbabilities(_ logits: [Float]) -> [Double] {
                let top = Double(logits.max() ?? 0)
                let sum = logits.reduce(0) { $0 + exp(Double($1) - top) }
                return logits.map { Double($0) - top - log(sum) }
            }
            (left, right) = (logProbabilities(p), logProbabilities(q))
            divergence = zip(left, right).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
            largest = zip(left, right).reduce(0) { max($0, abs($1.0 - $1.1)) }
        }
    }

    private func compared(_ p: [[Float]], _ q: [[Float]], _ split: [Int], next: [Int?]) -> [PositionOutputs] {
        var comparison = OutputComparison(next: next)
        var start = 0
        for end in split {
            func part(_ rows: [[Float]]) -> Matrix {
                Matrix(
                    rows: rows.count, columns: end - start, values: rows.flatMap { Array($0[start..<end]) })
            }
            comparison.add(part(p), part(q), columns: start..<end)
            start = end
        }
        return comparison.positions
    }

    private func drawn(_ rows: Int, seed: UInt64, spread: Float = 3, offset: Float = 0) -> [[Float]] {
        var generator = SeededGenerator(seed: seed)
        return (0..<rows).map { _ in (0..<Self.vocabulary).map { _ in spread * generator.normal() + offset } }
    }

    @Test(
        arguments: splits,
        [(3, 0, 0), (12, 0, 5), (3, 1000, -1000), (40, 80, -80)] as [(Float, Float, Float)])
    func rangesGiveTheWhole(split: [Int], shape: (Float, Float, Float)) throws {
        let p = drawn(6, seed: 3, spread: shape.0, offset: shape.1)
        let q = drawn(6, seed: 4, spread: shape.0, offset: shape.2)
        let next: [Int?] = [0, 300, 150, nil, 7, 64]
        for (row, made) in compared(p, q, split, next: next).enumerated() {
            let whole = Whole(p[row], q[row])
            #expect(abs(made.divergence - whole.divergence) <= 1e-12 * max(1, whole.divergence, 1000))
            #expect(abs(made.largestDifference - whole.largest) < 1e-9)
            let place = abs(whole.left[made.largestToken] - whole.right[made.largestToken])
            #expect(abs(place - whole.largest) < 1e-9)
            #expect(made.leftChoice == argmax(p[row]) && made.rightChoice == argmax(q[row]))
            let sorted = p[row].sorted(by: >)
            #expect(made.choiceMargin == Double(sorted[0]) - Double(sorted[1]))
            #expect((made.leftNext == nil) == (next[row] == nil) && made.isFinite)
            if let token = next[row], let a = made.leftNext, let b = made.rightNext {
                #expect(abs(a - whole.left[token]) < 1e-9 && abs(b - whole.right[token]) < 1e-9)
            }
        }
    }

    @Test(arguments: splits) func equalDistributions(split: [Int]) {
        for spread in [0, 1, 30] as [Float] {
            let p = drawn(8, seed: 9, spread: spread, offset: 500)
            for made in compared(p, p, split, next: Array(repeating: 5, count: 8)) {
                #expect(abs(made.divergence) < 1e-15 && made.largestDifference < 1e-15)
                #expect(made.leftChoice == made.rightChoice && made.leftNext == made.rightNext)
            }
        }
    }

    @Test(arguments: splits) func theLowerOfEquals(split: [Int]) {
        var row = Array(repeating: Float(-1), count: Self.vocabulary)
        (row[70], row[200], row[299]) = (4, 4, 4)
        let made = compared([row], [row], split, next: [nil])[0]
        #expect(made.leftChoice == 70 && made.rightChoice == 70 && made.choiceMargin == 0)
        let flat = compared([row.map { _ in 2 }], [row.map { _ in 2 }], split, next: [nil])[0]
        #expect(flat.leftChoice == 0 && flat.rightChoice == 0)
    }

    /// Numbers that are none are told, wherever they stand, on either side.
    @Test(arguments: splits, [-Float.infinity, .infinity, .nan])
    func whatIsNotFinite(split: [Int], value: Float) {
        for place in [0, 64, 300] {
            let p = drawn(1, seed: 2)
            var q = p
            q[0][place] = value
            #expect(!compared(p, q, split, next: [3])[0].isFinite)
            #expect(!compared(q, p, split, next: [3])[0].isFinite)
            #expect(!compared(q, q, split, next: [3])[0].isFinite)
        }
        let all = [Array(repeating: value, count: Self.vocabulary)]
        #expect(!compared(all, all, split, next: [3])[0].isFinite)
    }

    // MARK: Batches

    /// Whatever goes into a batch, the differences are the same.
    @Test func batchesMakeNoDifference() throws {
        let good = ParitySide.model(try model(Repository.checkpoint("micro"), isReference: true))
        var damage = try CheckpointDamage(Repository.checkpoint("micro"))
        try damage.edit("model.layers.1.mlp.gate.weight") { $0 = $0.map { 1.01 * $0 } }
        let folder = try TemporaryFolder()
        let bad = ParitySide.model(
            try model(try damage.write(folder.path("bad")), isReference: true))
        let rows = drawnRows([30, 1, 12, 25, 8])
        let results = try [1, 31, 40, 4096].map {
            try compare(good, bad, [.forward], rows: rows, batchTokens: $0)
        }
        let first = try #require(results.first?.differences)
        #expect(first.tokens == 76 && first.texts == 5 && first.outputs.count == 76)
        for result in results {
            let other = try #require(result.differences)
            #expect(other.layers == first.layers && other.routes == first.routes)
            #expect(other.outputs.values == first.outputs.values)
            #expect(other.outputs.divergence == first.outputs.divergence)
            #expect(other.outputs.perplexities?.right == first.outputs.perplexities?.right)
            #expect(other.outputs.changes == first.outputs.changes && other.excused == first.excused)
            #expect(result.gates == results[0].gates)
        }
    }
}
