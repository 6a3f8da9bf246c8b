// Small heads and texts from a seed.

import Backends
import DraftHeads
import Foundation
import ReferenceModel
import TestSupport

/// A head of odd sizes with weights and texts to train on.
struct TrainingCase {
    var configuration: HeadConfiguration
    var weights: [Float]
    var texts: [TrainingSequence]
    let steps = 4

    static let shape = HeadConfiguration(
        hiddenSize: 24, targetHiddenSize: 20, mlpWidth: 37, attentionHeadCount: 4, keyValueHeadCount: 2,
        headDimension: 8, rmsNormEpsilon: 1e-5, ropeTheta: 10000, contextLength: 128, vocabularySize: 50,
        draftVocabularySize: 27, auxiliaryPoints: HeadConfiguration.standardPoints(layerCount: 8))

    /// - Parameter lengths: tokens of each text; 70 is more than a block of positions.
    init(
        _ configuration: HeadConfiguration = shape, lengths: [Int] = [9, 70, 1], seed: UInt64 = 5,
        judgedShare: Float = 0.7
    ) {
        var random = SeededGenerator(seed: seed)
        self.configuration = configuration
        let layout = HeadLayout(configuration)
        weights = [Float](repeating: 0, count: layout.count)
        for entry in layout.entries {
            let scale = entry.isNorm ? 0.2 : 0.8 / Float(entry.columns).squareRoot()
            for index in entry.range { weights[index] = random.normal() * scale + (entry.isNorm ? 1 : 0) }
        }
        func matrix(_ rows: Int, _ columns: Int) -> FloatRows {
            FloatRows(
                Matrix(
                    rows: rows, columns: columns, values: (0..<rows * columns).map { _ in random.normal() }))
        }
        texts = lengths.map { length in
            let positions = (0..<length).filter { _ in random.normal() < judgedShare }.filter { $0 > 0 }
            let logits = matrix(positions.count, configuration.draftVocabularySize).matrix
            let probabilities = (0..<logits.rows).flatMap { softmax(Array(logits.row($0))) }
            return TrainingSequence(
                features: matrix(length, configuration.featureWidth),
                embeddings: matrix(length, configuration.hiddenSize),
                teacher: TeacherRows(
                    positions: positions,
                    probabilities: FloatRows(
                        Matrix(rows: logits.rows, columns: logits.columns, values: probabilities)),
                    choices: positions.indices.map { $0 % 5 == 3 ? -1 : Int32($0 % logits.columns) },
                    masses: positions.map { _ in 0.9 }))
        }
    }

    var plain: PlainHead {
        PlainHead(
            c: configuration, layout: HeadLayout(configuration), weights: weights.map(Double.init))
    }

    /// Result and gradient of Σ weights · loss.
    func run(_ stepWeights: [Float]) -> (result: UnrolledResult, gradients: [Float]) {
        var gradients = [Float](repeating: 0, count: weights.count)
        let pass = UnrolledPass(configuration, stepCount: stepWeights.count)
        let result = gradients.withUnsafeMutableBufferPointer { target in
            weights.withUnsafeBufferPointer { weights in
                pass.run(
                    texts, weights: weights.baseAddress.unsafelyUnwrapped,
                    gradients: target.baseAddress, stepWeights: stepWeights)
            }
        }
        return (result, gradients)
    }
}

private func softmax(_ x: [Float]) -> [Float] {
    let sum = x.reduce(0) { $0 + Float(exp(Double($1))) }
    return x.map { Float(exp(Double($0))) / sum }
}
