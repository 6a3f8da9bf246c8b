// One step of training against torch: losses, gradients and weights after AdamW.

import Backends
import DraftHeads
import Foundation
import ReferenceModel
import TestSupport
import Testing

struct TorchStepTests {
    private static let names: [(HeadParameter, String)] = [
        (.fuse, "fc"), (.inputNorm(0), "fc_norm.0"), (.inputNorm(1), "fc_norm.1"),
        (.inputNorm(2), "fc_norm.2"),
        (.embeddingNorm, "input_layernorm"), (.hiddenNorm, "hidden_norm"), (.query, "q"), (.key, "k"),
        (.value, "v"), (.output, "o"), (.mlpNorm, "post_attention_layernorm"), (.gate, "gate"), (.up, "up"),
        (.down, "down"), (.finalNorm, "norm"), (.draftLogits, "lm_head"),
    ]

    private let file: TensorFile

    init() throws { file = try TensorFile(Repository.path("Fixtures/vectors/eagle3/step.safetensors")) }

    private func configuration(_ variant: String) -> HeadConfiguration {
        var configuration = HeadConfiguration(
            hiddenSize: 16, targetHiddenSize: 16, mlpWidth: 24, attentionHeadCount: 2, keyValueHeadCount: 1,
            headDimension: 8, rmsNormEpsilon: 1e-5, ropeTheta: 10000, contextLength: 64, vocabularySize: 32,
            draftVocabularySize: 20, auxiliaryPoints: HeadConfiguration.standardPoints(layerCount: 8))
        guard variant == "options" else { return configuration }
        configuration.inputNorm = .each
        configuration.normBeforeResidual = true
        configuration.feedsNormed = true
        return configuration
    }

    private func matrix(_ name: String) throws -> Matrix {
        let tensor = try #require(file[name])
        return Matrix(rows: tensor.shape[0], columns: tensor.shape[1], values: tensor.floats)
    }

    /// A buffer of the layout from the vectors of a kind.
    private func buffer(_ variant: String, _ kind: String) throws -> [Float] {
        let layout = HeadLayout(configuration(variant))
        var values = [Float](repeating: .nan, count: layout.count)
        for (parameter, name) in Self.names {
            guard let entry = layout[parameter] else { continue }
            let tensor = try #require(file["\(variant).\(kind).\(name)"])
            values.replaceSubrange(entry.range, with: tensor.floats)
        }
        #expect(!values.contains { $0.isNaN })
        return values
    }

    /// The texts, with the teacher's rows made from the whole logits here.
    private func texts() throws -> [TrainingSequence] {
        let ids = try #require(file["ids"]).floats.map { Int($0) }
        return try (0..<3).map { text in
            let logits = try matrix("\(text).logits")
            let mask = try #require(file["\(text).mask"]).bytes
            let positions = mask.indices.filter { mask[$0] != 0 }
            var (rows, choices, masses) = ([Float](), [Int32](), [Float]())
            for position in positions {
                let all = logits.row(position).map { exp(Double($0)) }
                let kept = ids.map { all[$0] }
                let sum = kept.reduce(0, +)
                rows += kept.map { Float($0 / sum) }
                masses.append(Float(sum / all.reduce(0, +)))
                let best = all.indices.max { all[$0] < all[$1] } ?? 0
                choices.append(Int32(ids.firstIndex(of: best) ?? -1))
            }
            return TrainingSequence(
                features: FloatRows(try matrix("\(text).features")),
                embeddings: FloatRows(try matrix("\(text).embeddings")),
                teacher: TeacherRows(
                    positions: positions,
                    probabilities: FloatRows(
                        Matrix(rows: positions.count, columns: ids.count, values: rows)),
                    choices: choices, masses: masses))
        }
    }

    private func recipe(shards: Int) throws -> TrainingRecipe {
        var recipe = try DraftProfile.named("eagle3-ling-tiny-icd").recipe
        (recipe.beta1, recipe.beta2, recipe.clip, recipe.weightDecay) = (0.9, 0.95, 0.5, 0)
        (recipe.unrolledSteps, recipe.stepDecay, recipe.shards) = (7, 0.8, shards)
        return recipe
    }

    @Test(arguments: ["plain", "options"]) func gradientsAreTorchs(_ variant: String) throws {
        let texts = try texts()
        let weights = try buffer(variant, "weight")
        var gradients = [Float](repeating: 0, count: weights.count)
        let positions = Double(texts.reduce(0) { $0 + $1.positionCount })
        let recipe = try recipe(shards: 1)
        let result = UnrolledPass(configuration(variant), stepCount: 7).run(
            texts, weights: weights, gradients: &gradients,
            stepWeights: recipe.stepWeights.map { Float($0 / positions) })
        let losses = try #require(file["\(variant).losses"]).bytes.withUnsafeBytes {
            Array($0.bindMemory(to: Double.self))
        }
        for (step, loss) in losses.enumerated() {
            #expect(abs(result.steps[step].loss / positions - loss) <= 1e-5 * loss, "step \(step)")
        }
        let wanted = try buffer(variant, "gradient")
        let largest = wanted.map(abs).max() ?? 0
        let worst = zip(gradients, wanted).map { abs($0 - $1) }.max() ?? 1
        #expect(worst <= 1e-5 * largest, "\(worst) of \(largest)")
    }

    @Test(arguments: ["plain", "options"], [1, 2, 4]) func aStepIsTorchs(_ variant: String, _ shards: Int)
        throws
    {
        let recipe = try recipe(shards: shards)
        let trainer = HeadTrainer(configuration(variant), recipe, threads: 2)
        let weights = try buffer(variant, "weight")
        trainer.start(masters: weights)
        let report = try trainer.step(try texts(), rate: 1e-3)
        let norm = try #require(file["\(variant).norm"]).bytes.withUnsafeBytes {
            $0.loadUnaligned(as: Double.self)
        }
        #expect(abs(report.norm - norm) <= 1e-5 * norm)
        let wanted = try buffer(variant, "after")
        let found = trainer.masters.matrix.values
        // Where the gradient is nothing but rounding, Adam's first step is its sign: those are left out.
        let gradient = try buffer(variant, "gradient")
        let noise = 1e-4 * (gradient.map(abs).max() ?? 0)
        var compared = 0
        for index in wanted.indices where abs(gradient[index]) > noise {
            compared += 1
            #expect(abs(found[index] - wanted[index]) <= 1e-5, "\(index)")
        }
        #expect(Double(compared) > 0.9 * Double(wanted.count))
    }

    @Test func weightsOfTheSteps() throws {
        let weights = try recipe(shards: 1).stepWeights
        let wanted = [1, 0.8, 0.64, 0.512, 0.4096, 0.32768, 0.262144]
        for (found, value) in zip(weights, wanted) { #expect(abs(found - value) < 1e-12) }
        #expect(abs(weights.reduce(0, +) - 3.951424) < 1e-12)
    }
}
