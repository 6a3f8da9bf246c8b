// Losses against explicit autoregression in F64, gradients against finite differences of it.

import DraftHeads
import Foundation
import TestSupport
import Testing

struct GradientTests {
    private static let stepWeights: [Float] = [1, 0.8, 0.64, 0.512]

    /// The plain head and every option alone and all together.
    private static var configurations: [HeadConfiguration] {
        var all = [TrainingCase.shape]
        for change: (inout HeadConfiguration) -> Void in [
            { $0.inputNorm = .joined }, { $0.inputNorm = .each }, { $0.normBeforeResidual = true },
            { $0.feedsNormed = true },
            {
                $0.inputNorm = .each
                $0.normBeforeResidual = true
                $0.feedsNormed = true
            },
        ] {
            var configuration = TrainingCase.shape
            change(&configuration)
            all.append(configuration)
        }
        return all
    }

    @Test(arguments: configurations.indices) func lossesAreThoseOfAutoregression(_ index: Int) {
        let example = TrainingCase(Self.configurations[index])
        let found = example.run(Self.stepWeights).result
        let wanted = example.plain.losses(example.texts, steps: 4)
        for (step, sum) in wanted.enumerated() {
            #expect(abs(found.steps[step].loss - sum) <= 2e-5 * sum, "step \(step)")
        }
    }

    @Test(arguments: configurations.indices) func gradientsAreFiniteDifferences(_ index: Int) throws {
        let example = TrainingCase(Self.configurations[index])
        let gradients = example.run(Self.stepWeights).gradients
        var random = SeededGenerator(seed: 11)
        let layout = HeadLayout(example.configuration)
        func loss(_ plain: PlainHead) -> Double {
            zip(plain.losses(example.texts, steps: 4), Self.stepWeights).reduce(0) {
                $0 + $1.0 * Double($1.1)
            }
        }
        for entry in layout.entries {
            // Along a random direction through the whole parameter, and its two ends alone.
            let directions = [
                entry.range.map { _ in Double(random.normal()) },
                entry.range.map { $0 == entry.range.lowerBound ? 1 : 0 },
                entry.range.map { $0 == entry.range.upperBound - 1 ? 1 : 0 },
            ]
            let size = entry.range.reduce(0) { $0 + Double(gradients[$1]) * Double(gradients[$1]) }
                .squareRoot()
            #expect(size > 0)
            for direction in directions {
                let length = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
                let width = 1e-4 / length
                var (left, right) = (example.plain, example.plain)
                for (place, step) in zip(entry.range, direction) {
                    left.weights[place] -= width * step
                    right.weights[place] += width * step
                }
                let difference = (loss(right) - loss(left)) / (2 * width)
                let analytic = zip(entry.range, direction).reduce(0) { $0 + Double(gradients[$1.0]) * $1.1 }
                #expect(
                    abs(analytic - difference) <= 2e-5 * size * length,
                    "\(entry.parameter): \(analytic) and \(difference)")
            }
        }
    }

    /// What no judged row can see must not change a loss.
    @Test func rowsThatAreLetGoChangeNothing() {
        let whole = TrainingCase(lengths: [40], judgedShare: 3)
        var few = whole
        let teacher = whole.texts[0].teacher
        let kept = [4, 17, 18]
        let rows = kept.map { wanted in teacher.positions.firstIndex(of: wanted) ?? 0 }
        few.texts[0].teacher = TeacherRows(
            positions: kept,
            probabilities: FloatRows(teacher.probabilities.matrix.gathered(rows)),
            choices: rows.map { _ in 1 }, masses: rows.map { _ in 1 })
        let found = few.run(Self.stepWeights).result
        let wanted = few.plain.losses(few.texts, steps: 4)
        for step in 0..<4 {
            #expect(found.steps[step].counted == 3)
            #expect(abs(found.steps[step].loss - wanted[step]) <= 2e-5 * wanted[step])
        }
    }

    /// Chains are drafted from behind the first wrong guess of the last one.
    @Test func chainsStartBehindAMiss() {
        var example = TrainingCase(lengths: [70, 30, 1], judgedShare: 2)
        // The target says what the head guesses at one of its steps: runs of right guesses of every length.
        for index in example.texts.indices {
            let guesses = example.plain.guesses(example.texts[index], steps: 4)
            for (row, place) in example.texts[index].teacher.positions.enumerated() where row % 5 != 3 {
                let step = min(place - 1, place % 3)
                example.texts[index].teacher.choices[row] = Int32(guesses[place - 1 - step][step] ?? -1)
            }
        }
        let found = example.run(Self.stepWeights).result
        for chain in 1...4 {
            var (passes, gained) = (0, 0)
            for text in example.texts {
                let guesses = example.plain.guesses(text, steps: chain)
                let choices = Dictionary(
                    uniqueKeysWithValues: zip(text.teacher.positions, text.teacher.choices))
                var position = 0
                while position < text.positionCount {
                    // Judged at every guess, or no chain starts here.
                    let isWhole = guesses[position].allSatisfy { $0 != nil }
                    let right = guesses[position].enumerated().prefix { step, guess in
                        guess == choices[position + 1 + step].map(Int.init)
                    }
                    passes += isWhole ? 1 : 0
                    gained += isWhole ? right.count + 1 : 0
                    position += isWhole ? right.count + 1 : 1
                }
            }
            #expect(found.steps[chain - 1].passes == passes && passes > 10)
            #expect(found.steps[chain - 1].gained == gained && gained > passes)
            #expect(found.chainLength(chain: chain) == Double(gained) / Double(passes))
        }
    }

    /// Twice the same call is twice the same bits; gradients are added to.
    @Test func gradientsAreAdded() {
        let example = TrainingCase()
        let pass = UnrolledPass(example.configuration, stepCount: 4)
        var sums = [[Float]](repeating: [], count: 2)
        for (index, calls) in [1, 2].enumerated() {
            var gradients = [Float](repeating: 0, count: example.weights.count)
            for _ in 0..<calls {
                _ = pass.run(
                    example.texts, weights: example.weights, gradients: &gradients,
                    stepWeights: Self.stepWeights)
            }
            sums[index] = gradients
        }
        for (once, twice) in zip(sums[0], sums[1]) { #expect(abs(2 * once - twice) <= 1e-4) }
    }

    /// An untrained head knows nothing: its loss is near the logarithm of the vocabulary.
    @Test func anUntrainedLossIsTheLogarithm() {
        var example = TrainingCase(judgedShare: 3)
        for index in HeadLayout(example.configuration)[.draftLogits]?.range ?? 0..<0 {
            example.weights[index] *= 0.01
        }
        let sums = example.run(Self.stepWeights).result.steps
        for step in sums {
            let judged = Double(step.counted) * 0.8
            #expect(abs(step.loss / judged - log(27)) < 0.2, "\(step)")
        }
    }
}
