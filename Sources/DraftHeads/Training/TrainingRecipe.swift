// How a head is trained: the loss, the optimiser, the data's order. Numbers come from a profile; options replace some.

import Documents
import Glibc

/// The numbers of a training.
package struct TrainingRecipe: Equatable, Sendable {
    /// Steps of the training-time test.
    package var unrolledSteps: Int
    /// Weight of a step's loss relative to the step before.
    package var stepDecay: Double
    package var learningRate: Double
    /// Share of the training over which the rate rises to its peak.
    package var warmUpShare: Double
    /// What the rate falls to, as a share of the peak.
    package var finalShare: Double
    package var beta1: Double
    package var beta2: Double
    package var epsilon: Double
    package var weightDecay: Double
    /// Largest norm of a step's gradient.
    package var clip: Double
    /// Texts of one optimiser step.
    package var batch: Int
    /// Passes that a shard's texts are cut into, one after another.
    package var accumulation: Int
    /// Tokens of a text; the rest is cut off.
    package var length: Int
    /// Optimiser steps.
    package var steps: Int
    package var seed: Int
    /// Standard deviation of a new matrix, times the square root of its columns.
    package var initialScale: Double
    /// Whether the draft vocabulary's head starts as the target's rows.
    package var startsFromTarget: Bool
    /// Parts of the batch whose gradients are summed in a fixed order: the most threads that help.
    package var shards: Int
    package var logEvery: Int
    package var evaluateEvery: Int
    /// Held-out texts of an evaluation at most.
    package var evaluationTexts: Int
    /// Evaluations without a better one before the training ends; 0 for none.
    package var patience: Int
    /// Guesses of a chain, for acceptance lengths.
    package var chain: Int
    package var sealEvery: Int

    /// Weight of each unrolled step's mean loss.
    package var stepWeights: [Double] { (0..<unrolledSteps).map { pow(stepDecay, Double($0)) } }

    /// The rate at a step.
    ///
    /// rate · min(1, warm-up) · (cos from 1 to the final share).
    ///
    /// - Parameters:
    ///   - done: share of the training that is done, from 0 to 1.
    ///   - step: steps done, for a warm-up that is shorter than a step.
    ///   - total: steps in all; nil when the clock decides.
    package func rate(done: Double, step: Int, total: Int?) -> Double {
        var warmth = 1.0
        if let total {
            let steps = max(1, (warmUpShare * Double(total)).rounded())
            warmth = min(1, Double(step + 1) / steps)
        } else if warmUpShare > 0 {
            warmth = min(1, max(done, 1e-3) / warmUpShare)
        }
        let wave = 0.5 * (1 + cos(Double.pi * min(1, done)))
        return learningRate * warmth * (wave * (1 - finalShare) + finalShare)
    }
}

extension TrainingRecipe {
    /// The numbers as a document, for the digest of a plan and the record of a training.
    package var document: JSONObject {
        var object = JSONObject()
        object["unrolled_steps"] = .integer(unrolledSteps)
        object["step_decay"] = .real(stepDecay)
        object["learning_rate"] = .real(learningRate)
        object["warm_up_share"] = .real(warmUpShare)
        object["final_share"] = .real(finalShare)
        object["beta1"] = .real(beta1)
        object["beta2"] = .real(beta2)
        object["epsilon"] = .real(epsilon)
        object["weight_decay"] = .real(weightDecay)
        object["clip"] = .real(clip)
        object["batch"] = .integer(batch)
        object["accumulation"] = .integer(accumulation)
        object["length"] = .integer(length)
        object["steps"] = .integer(steps)
        object["seed"] = .integer(seed)
        object["initial_scale"] = .real(initialScale)
        object["starts_from_target"] = .bool(startsFromTarget)
        object["shards"] = .integer(shards)
        object["log_every"] = .integer(logEvery)
        object["evaluate_every"] = .integer(evaluateEvery)
        object["evaluation_texts"] = .integer(evaluationTexts)
        object["patience"] = .integer(patience)
        object["chain"] = .integer(chain)
        object["seal_every"] = .integer(sealEvery)
        return object
    }
}
