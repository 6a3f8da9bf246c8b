// One optimiser step after another. A batch is cut into a fixed number of shards; each shard's gradient is one
// thread's work, and the shards' gradients are summed in a fixed tree, so the bits of a head do not depend on how
// many threads trained it.
//
// Source: AdamW as in Loshchilov and Hutter, "Decoupled weight decay regularization" (2019), on F32 masters whose
// BF16 rounding is what the passes run on, as sgl-project/SpecForge specforge/optimizer.py at a6b6b023 does.

import Architectures
import Backends
import CKernels
import Diagnostics
import Glibc
import ReferenceModel

/// A head in training.
///
/// - Checked by: TorchStepTests, TrainingRunTests.
package final class HeadTrainer {
    package let configuration: HeadConfiguration
    package let recipe: TrainingRecipe
    /// F32 masters, in the order of the layout.
    package let masters: FloatRows
    /// AdamW's running means of the gradient and of its square.
    package let first: FloatRows
    package let second: FloatRows
    /// The masters rounded to BF16: what passes run on and what is saved.
    package let rounded: FloatRows
    /// Optimiser steps done.
    package private(set) var steps = 0
    private let gradients: [FloatRows]
    private let workers: Workers
    private let passes: [UnrolledPass]
    private let level = ingot_simd_best()

    /// What one step found.
    package struct StepReport: Sendable {
        package let result: UnrolledResult
        /// Positions of all texts, judged or not: what each step's mean loss is over.
        package let positions: Int
        /// Σᵢ decayⁱ · mean loss.
        package let loss: Double
        /// Norm of the gradient before clipping.
        package let norm: Double
    }

    /// A head whose parameters are all zero; see `start` and `load`.
    package init(_ configuration: HeadConfiguration, _ recipe: TrainingRecipe, threads: Int) {
        self.configuration = configuration
        self.recipe = recipe
        let count = HeadLayout(configuration).count
        func zeros() -> FloatRows {
            FloatRows(rows: 1, columns: count) { $0.initialize(repeating: 0, count: count) }
        }
        (masters, first, second, rounded) = (zeros(), zeros(), zeros(), zeros())
        gradients = (0..<recipe.shards).map { _ in zeros() }
        workers = Workers(count: threads)
        passes = (0..<min(workers.count, recipe.shards)).map { _ in
            UnrolledPass(configuration, stepCount: recipe.unrolledSteps)
        }
    }

    // MARK: The beginning

    /// New weights: matrices normal with a deviation of scale/√columns, norms 1.
    ///
    /// - Parameter logits: rows of the target's head for the draft vocabulary, [N, H], to start from; nil for
    ///   random ones.
    package func start(logits: Matrix?) {
        var random = RandomSequence(seed: UInt64(bitPattern: Int64(recipe.seed)))
        for entry in HeadLayout(configuration).entries {
            let target = masters.base + entry.offset
            if entry.isNorm {
                target.update(repeating: 1, count: entry.count)
                continue
            }
            let deviation = recipe.initialScale / Double(entry.columns).squareRoot()
            for index in 0..<entry.count {
                // Box and Muller, one of the pair.
                let radius = (-2 * log(1 - random.nextUnit())).squareRoot()
                target[index] = Float(deviation * radius * cos(2 * Double.pi * random.nextUnit()))
            }
            if entry.parameter == .draftLogits, let logits {
                precondition(logits.values.count == entry.count, "rows of another head")
                logits.values.withUnsafeBufferPointer { source in
                    if let base = source.baseAddress { target.update(from: base, count: entry.count) }
                }
            }
        }
        round()
    }

    /// Given weights, in the order of the layout.
    package func start(masters values: [Float]) {
        precondition(values.count == masters.columns, "weights of another head")
        for (index, value) in values.enumerated() { masters.base[index] = value }
        round()
    }

    /// Takes up a state of an earlier run whose arrays have been read into masters, first and second.
    package func resume(atStep steps: Int) {
        self.steps = steps
        round()
    }

    private func round() {
        for index in 0..<masters.columns {
            let bits = masters.base[index].bitPattern
            let up = (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) & 0xFFFF_0000
            rounded.base[index] = Float(bitPattern: up)
        }
    }

    // MARK: A step

    /// Trains on the texts of a batch.
    ///
    /// - Throws: DRAFT-006 when the gradient is no number; the weights are then as before.
    package func step(_ sequences: [TrainingSequence], rate: Double) throws(Failure) -> StepReport {
        let positions = max(1, sequences.reduce(0) { $0 + $1.positionCount })
        let weights = recipe.stepWeights.map { Float($0 / Double(positions)) }
        let shards = Self.shards(sequences, count: recipe.shards)
        var results = [UnrolledResult](
            repeating: UnrolledResult(stepCount: recipe.unrolledSteps), count: recipe.shards)
        let (gradients, passes, rounded) = (self.gradients, self.passes, self.rounded)
        let parts = recipe.accumulation
        results.withUnsafeMutableBufferPointer { results in
            guard let results = results.baseAddress else { return }
            workers.run(units: shards.count) { shard, worker in
                gradients[shard].base.update(repeating: 0, count: gradients[shard].columns)
                for part in Self.parts(shards[shard], count: parts) {
                    results[shard].add(
                        passes[worker].run(
                            part, weights: rounded.base, gradients: gradients[shard].base,
                            stepWeights: weights))
                }
            }
        }
        var result = UnrolledResult(stepCount: recipe.unrolledSteps)
        for shard in results { result.add(shard) }
        let norm = sum().squareRoot()
        guard norm.isFinite else { throw diverged(norm) }
        steps += 1
        update(rate: rate, factor: norm > recipe.clip ? recipe.clip / (norm + 1e-6) : 1)
        return StepReport(
            result: result, positions: positions, loss: loss(result, positions: positions), norm: norm)
    }

    /// Σᵢ decayⁱ · mean loss.
    package func loss(_ result: UnrolledResult, positions: Int) -> Double {
        zip(result.steps, recipe.stepWeights).reduce(0) { $0 + $1.0.loss * $1.1 } / Double(max(1, positions))
    }

    /// Runs the head over texts without learning from them.
    package func judge(_ sequences: [TrainingSequence]) -> UnrolledResult {
        let shards = Self.shards(sequences, count: recipe.shards)
        let weights = [Float](repeating: 0, count: recipe.unrolledSteps)
        var results = [UnrolledResult](
            repeating: UnrolledResult(stepCount: recipe.unrolledSteps), count: recipe.shards)
        let (passes, rounded) = (self.passes, self.rounded)
        results.withUnsafeMutableBufferPointer { results in
            guard let results = results.baseAddress else { return }
            workers.run(units: shards.count) { shard, worker in
                results[shard] = passes[worker].run(
                    shards[shard], weights: rounded.base, gradients: nil, stepWeights: weights)
            }
        }
        return results.reduce(into: UnrolledResult(stepCount: recipe.unrolledSteps)) { $0.add($1) }
    }

    /// Texts of each shard: the longest first, each to the shard with the fewest tokens so far.
    static func shards(_ sequences: [TrainingSequence], count: Int) -> [[TrainingSequence]] {
        var shards = [[TrainingSequence]](repeating: [], count: count)
        var sizes = [Int](repeating: 0, count: count)
        for index in sequences.indices.sorted(by: {
            (-sequences[$0].count, $0) < (-sequences[$1].count, $1)
        }) {
            let least = sizes.indices.min { (sizes[$0], $0) < (sizes[$1], $1) } ?? 0
            shards[least].append(sequences[index])
            sizes[least] += sequences[index].count
        }
        return shards
    }

    /// Texts one after another in a number of runs, as even as can be.
    private static func parts(_ sequences: [TrainingSequence], count: Int) -> [[TrainingSequence]] {
        (0..<count).map { part in
            Array(
                sequences[sequences.count * part / count..<sequences.count * (part + 1) / count])
        }.filter { !$0.isEmpty }
    }

    // MARK: Sum and update

    /// Elements that one thread sums and updates at a time.
    private static let chunk = 1 << 15

    private func eachChunk(_ body: (_ chunk: Int, _ range: Range<Int>) -> Void) {
        let count = masters.columns
        workers.run(units: (count + Self.chunk - 1) / Self.chunk) { chunk, _ in
            body(chunk, chunk * Self.chunk..<min(count, (chunk + 1) * Self.chunk))
        }
    }

    /// Sums the shards' gradients into the first one; its squared norm.
    private func sum() -> Double {
        var squares = [Double](repeating: 0, count: (masters.columns + Self.chunk - 1) / Self.chunk)
        let (gradients, level) = (self.gradients, self.level)
        squares.withUnsafeMutableBufferPointer { squares in
            guard let squares = squares.baseAddress else { return }
            eachChunk { chunk, range in
                // A tree: neighbours, then pairs of pairs. Its shape is that of the number of shards.
                var stride = 1
                while stride < gradients.count {
                    for shard in Swift.stride(from: 0, to: gradients.count - stride, by: 2 * stride) {
                        ingot_add(
                            gradients[shard].base + range.lowerBound,
                            gradients[shard + stride].base + range.lowerBound, range.count, level)
                    }
                    stride *= 2
                }
                squares[chunk] = ingot_square_sum(gradients[0].base + range.lowerBound, range.count, level)
            }
        }
        return squares.reduce(0, +)
    }

    private func update(rate: Double, factor: Double) {
        let recipe = self.recipe
        let factors = (
            1 / (1 - pow(recipe.beta1, Double(steps))), 1 / (1 - pow(recipe.beta2, Double(steps)))
        )
        let (masters, first, second, rounded) = (self.masters, self.first, self.second, self.rounded)
        let (gradient, level) = (gradients[0], self.level)
        eachChunk { _, range in
            var job = ingot_adam_job()
            job.count = range.count
            job.masters = masters.base + range.lowerBound
            job.first = first.base + range.lowerBound
            job.second = second.base + range.lowerBound
            job.rounded = rounded.base + range.lowerBound
            job.gradients = UnsafePointer(gradient.base + range.lowerBound)
            job.gradient_factor = Float(factor)
            (job.beta1, job.beta2) = (Float(recipe.beta1), Float(recipe.beta2))
            (job.epsilon, job.decay) = (Float(recipe.epsilon), Float(recipe.weightDecay))
            job.rate = Float(rate)
            (job.first_factor, job.second_factor) = (Float(factors.0), Float(factors.1))
            ingot_adam(&job, level)
        }
    }

    private func diverged(_ norm: Double) -> Failure {
        Failure(
            Finding(
                .error, .trainingDiverged, "the gradient is no number at step \(steps + 1)",
                expected: "a finite norm", found: "\(norm)",
                remedy:
                    "a smaller --rate, and a look at the texts of this step; --resume takes up the last seal")
        )
    }
}
