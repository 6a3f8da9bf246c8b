// draft-train: a step of training a head of the tiny fixture's shape, against the machine's peak for the
// multiply-adds of its products.

import DraftHeads
import Glibc
import ReferenceModel

struct DraftMeasurement {
    let turns: Int
    let threads: Int

    /// Texts of a step, and tokens of each: the recipe that other trainers are compared by.
    private static let texts = 8
    private static let length = 192

    func run() throws -> [Measurement] {
        let profile = try DraftProfile.named("eagle3-ling-tiny-icd")
        let configuration = HeadConfiguration(
            hiddenSize: 256, targetHiddenSize: 256, mlpWidth: profile.shape.mlpWidth,
            attentionHeadCount: profile.shape.attentionHeadCount,
            keyValueHeadCount: profile.shape.keyValueHeadCount, headDimension: profile.shape.headDimension,
            rmsNormEpsilon: profile.shape.rmsNormEpsilon, ropeTheta: profile.shape.ropeTheta,
            contextLength: profile.shape.contextLength, vocabularySize: 2048,
            draftVocabularySize: profile.shape.draftVocabularySize,
            auxiliaryPoints: profile.shape.auxiliaryPoints)
        let trainer = HeadTrainer(configuration, profile.recipe, threads: threads)
        trainer.start(logits: nil)
        let sequences = Self.sequences(configuration)
        let peak = MachinePeak(threads: threads)
        let operations = Self.operations(configuration, steps: profile.recipe.unrolledSteps)
        let times = try inTurn(turns) {
            _ = try trainer.step(sequences, rate: 1e-4)
        } _: {
            peak.multiplyAdd(operations: operations)
        }
        var result = Measurement(
            name: "draft.train.\(Self.texts)x\(Self.length)", bytes: 4 * HeadLayout(configuration).count,
            subject: times.subject, baseline: times.baseline, baselineName: "F32 peak")
        let best = times.subject.min() ?? 1
        result.note =
            "\(Int(1 / best * 100)) steps in 100 s, \(Int(Double(operations) / best * 1e-9)) GFLOP/s"
        return [result]
    }

    private static func sequences(_ c: HeadConfiguration) -> [TrainingSequence] {
        var random = RandomSequence(seed: 1)
        return (0..<texts).map { _ in
            let rows = { (rows: Int, columns: Int) in
                FloatRows(rows: rows, columns: columns) { target in
                    for index in 0..<rows * columns { target[index] = Float(random.nextUnit() - 0.5) }
                }
            }
            let judged = Array(1..<length)
            let probabilities = FloatRows(rows: judged.count, columns: c.draftVocabularySize) { target in
                let share = 1 / Float(c.draftVocabularySize)
                target.initialize(repeating: share, count: judged.count * c.draftVocabularySize)
            }
            return TrainingSequence(
                features: rows(length, c.featureWidth), embeddings: rows(length, c.hiddenSize),
                teacher: TeacherRows(
                    positions: judged, probabilities: probabilities, choices: judged.map { _ in 0 },
                    masses: judged.map { _ in 1 }))
        }
    }

    /// Multiply-adds of a step's products as the definition has them, twice over for two operations each, and
    /// three times for the way there and both ways back; attention over half of a square.
    private static func operations(_ c: HeadConfiguration, steps: Int) -> Int {
        let positions = texts * (length - 1)
        let layer =
            2 * c.hiddenSize * (c.queryWidth + 2 * c.keyValueWidth) + c.hiddenSize * c.queryWidth
            + 3 * c.hiddenSize * c.mlpWidth + c.hiddenSize * c.draftVocabularySize
        let attention = c.queryWidth * (length - 1)
        return 6 * positions * (steps * (layer + attention) + c.hiddenSize * c.featureWidth)
    }
}
