// What a pass of the target leaves for a head: the states that it fuses, embeddings, and the target's distributions
// where something is learnt. Logits stream by in ranges of the vocabulary; of each row a normaliser, the largest and
// the columns of the draft vocabulary are kept.

import Backends
import CKernels
import Glibc
import ReferenceModel

/// Collects what a head learns from, text by text: as a tap of a pass, or from a cache.
///
/// Legend: W width of the target's states, V vocabulary.
final class FeatureTap: Taps {
    /// Rows of the pass that get logits.
    let judgedRows: [Int]
    private let texts: [TrainingText]
    private let points: [AuxiliaryPoint]
    private let vocabulary: DraftVocabulary
    private let workers: Workers
    private let width: Int
    private(set) var features: [FloatRows] = []
    private(set) var embeddings: [FloatRows] = []
    private var probabilities: [FloatRows] = []
    /// Of each judged row, what is known of its distribution so far.
    private var normalisers: [Double]
    private var best: [Float]
    private var choices: [Int]
    /// Text and row there of each judged row.
    private let places: [(text: Int, row: Int)]

    init(
        _ texts: [TrainingText], _ points: [AuxiliaryPoint], _ vocabulary: DraftVocabulary, _ width: Int,
        _ workers: Workers
    ) {
        (self.texts, self.points, self.vocabulary) = (texts, points, vocabulary)
        (self.width, self.workers) = (width, workers)
        var (rows, places, first) = ([Int](), [(text: Int, row: Int)](), 0)
        for (text, content) in texts.enumerated() {
            for (row, position) in content.judged.enumerated() {
                rows.append(first + position)
                places.append((text, row))
            }
            let count = content.tokens.count
            features.append(FloatRows(rows: count, columns: points.count * width) { _ in })
            embeddings.append(FloatRows(rows: count, columns: width) { _ in })
            probabilities.append(
                FloatRows(rows: content.judged.count, columns: vocabulary.count) { _ in })
            first += count
        }
        (judgedRows, self.places) = (rows, places)
        normalisers = [Double](repeating: -.infinity, count: rows.count)
        best = [Float](repeating: -.infinity, count: rows.count)
        choices = [Int](repeating: 0, count: rows.count)
    }

    func embedding(_ hidden: Matrix) {
        scatter(hidden, into: embeddings, column: 0)
        keep(hidden, after: nil)
    }

    func residual(_ hidden: Matrix, afterLayer layer: Int) { keep(hidden, after: layer) }

    private func keep(_ hidden: Matrix, after layer: Int?) {
        for (index, point) in points.enumerated() where point.afterLayer == layer {
            scatter(hidden, into: features, column: index * width)
        }
    }

    private func scatter(_ hidden: Matrix, into targets: [FloatRows], column: Int) {
        hidden.values.withUnsafeBufferPointer { source in
            guard let base = source.baseAddress else { return }
            var first = 0
            for target in targets {
                for row in 0..<target.rows {
                    (target.base + row * target.columns + column).update(
                        from: base + (first + row) * width, count: width)
                }
                first += target.rows
            }
        }
    }

    func logits(_ values: Matrix, rows: [Int], columns: Range<Int>) {
        let ids = vocabulary.targetIds
        let first = ids.firstIndex { $0 >= columns.lowerBound } ?? ids.count
        let last = ids.firstIndex { $0 >= columns.upperBound } ?? ids.count
        let level = ingot_simd_best()
        let (places, probabilities, count) = (self.places, self.probabilities, columns.count)
        values.values.withUnsafeBufferPointer { source in
            normalisers.withUnsafeMutableBufferPointer { normalisers in
                best.withUnsafeMutableBufferPointer { best in
                    choices.withUnsafeMutableBufferPointer { choices in
                        guard let base = source.baseAddress else { return }
                        let (n, b, c) = (normalisers.baseAddress, best.baseAddress, choices.baseAddress)
                        guard let n, let b, let c else { return }
                        workers.run(units: places.count) { row, _ in
                            let line = base + row * count
                            var choice: Int32 = 0
                            let sum = Double(ingot_log_sum_exp(line, count, &choice, level))
                            let top = max(n[row], sum)
                            n[row] = top + log(exp(n[row] - top) + exp(sum - top))
                            if line[Int(choice)] > b[row] {
                                b[row] = line[Int(choice)]
                                c[row] = columns.lowerBound + Int(choice)
                            }
                            let (text, place) = places[row]
                            let target = probabilities[text].base + place * ids.count
                            for draft in first..<last {
                                target[draft] = line[ids[draft] - columns.lowerBound]
                            }
                        }
                    }
                }
            }
        }
    }

    /// The sequences; of each row's kept logits, their softmax.
    func finish() -> [TrainingSequence] {
        let drafts = vocabulary.draftIds
        var masses = [Float](repeating: 0, count: places.count)
        let level = ingot_simd_best()
        let (places, probabilities, normalisers) = (self.places, self.probabilities, self.normalisers)
        masses.withUnsafeMutableBufferPointer { masses in
            guard let target = masses.baseAddress else { return }
            workers.run(units: places.count) { row, _ in
                let (text, place) = places[row]
                let line = probabilities[text].base + place * probabilities[text].columns
                let sum = Double(ingot_softmax(line, probabilities[text].columns, level))
                target[row] = Float(min(1, exp(sum - normalisers[row])))
            }
        }
        var next = 0
        return texts.indices.map { text in
            let rows = next..<next + texts[text].judged.count
            next = rows.upperBound
            return TrainingSequence(
                features: features[text], embeddings: embeddings[text],
                teacher: TeacherRows(
                    positions: texts[text].judged, probabilities: probabilities[text],
                    choices: rows.map { drafts[choices[$0]] }, masses: rows.map { masses[$0] }))
        }
    }
}
