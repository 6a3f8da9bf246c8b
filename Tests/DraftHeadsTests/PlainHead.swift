// A head in F64, written from the definition and nothing else: every position is its own autoregression with a cache
// of keys and values. What the trained pass unrolls for all positions at once must be the same numbers.

import DraftHeads
import Foundation

/// A head and the losses of texts, in F64.
struct PlainHead {
    typealias Vector = [Double]
    let c: HeadConfiguration
    let layout: HeadLayout
    var weights: [Double]

    /// Loss summed over the rows of each step.
    func losses(_ texts: [TrainingSequence], steps: Int) -> [Double] {
        var sums = [Double](repeating: 0, count: steps)
        for text in texts {
            guess(text, steps: steps) { _, step, row, logits in
                guard text.teacher.choices[row] >= 0 else { return }
                let top = logits.max() ?? 0
                let normaliser = top + log(logits.reduce(0) { $0 + exp($1 - top) })
                let p = text.teacher.probabilities.matrix.row(row)
                sums[step] += zip(p, logits).reduce(0) { $0 + Double($1.0) * (normaliser - $1.1) }
            }
        }
        return sums
    }

    /// The draft id guessed at each position of a text and each step; nil where the loss does not count.
    func guesses(_ text: TrainingSequence, steps: Int) -> [[Int?]] {
        var guesses = [[Int?]](
            repeating: [Int?](repeating: nil, count: steps), count: text.positionCount)
        guess(text, steps: steps) { position, step, _, logits in
            guesses[position][step] = logits.indices.max { logits[$0] < logits[$1] }
        }
        return guesses
    }

    /// Drafts from every position along the text; gives logits where there is a row of the teacher.
    private func guess(
        _ text: TrainingSequence, steps: Int,
        _ body: (_ position: Int, _ step: Int, _ row: Int, _ logits: Vector) -> Void
    ) {
        let features = text.features.matrix, embeddings = text.embeddings.matrix
        var keys: [Vector] = []
        var values: [Vector] = []
        let rows = Dictionary(uniqueKeysWithValues: text.teacher.positions.enumerated().map { ($1, $0) })
        for position in 0..<text.positionCount {
            var state = fused(features.row(position).map(Double.init))
            var (pastKeys, pastValues) = (keys, values)
            for step in 0..<steps where position + 1 + step < text.count {
                let token = embeddings.row(position + 1 + step).map(Double.init)
                let (result, key, value) = self.step(
                    state, token, at: position + step, &pastKeys, &pastValues)
                if step == 0 {
                    keys.append(key)
                    values.append(value)
                }
                let normed = norm(result, .finalNorm)
                state = c.feedsNormed ? normed : result
                guard let row = rows[position + 1 + step] else { continue }
                body(position, step, row, times(.draftLogits, normed))
            }
        }
    }

    private func step(
        _ state: Vector, _ token: Vector, at position: Int, _ keys: inout [Vector], _ values: inout [Vector]
    ) -> (result: Vector, key: Vector, value: Vector) {
        let b = norm(state, .hiddenNorm)
        let u = norm(token, .embeddingNorm) + b
        let q = rotated(times(.query, u), position)
        let key = rotated(times(.key, u), position)
        let value = times(.value, u)
        keys.append(key)
        values.append(value)
        let d = c.headDimension
        var mixed: Vector = []
        for head in 0..<c.attentionHeadCount {
            let group = head * c.keyValueHeadCount / c.attentionHeadCount
            let scores = keys.map { key in
                (0..<d).reduce(0) { $0 + q[head * d + $1] * key[group * d + $1] } / Double(d).squareRoot()
            }
            let top = scores.max() ?? 0
            let weights = scores.map { exp($0 - top) }
            let sum = weights.reduce(0, +)
            for channel in 0..<d {
                mixed.append(
                    zip(weights, values).reduce(0) { $0 + $1.0 * $1.1[group * d + channel] } / sum)
            }
        }
        let middle = zip(c.normBeforeResidual ? b : state, times(.output, mixed)).map { $0 + $1 }
        let y = norm(middle, .mlpNorm)
        let unit = zip(times(.gate, y), times(.up, y)).map { $0 / (1 + exp(-$0)) * $1 }
        return (zip(middle, times(.down, unit)).map { $0 + $1 }, key, value)
    }

    private func fused(_ states: Vector) -> Vector {
        switch c.inputNorm {
        case .none: return times(.fuse, states)
        case .joined: return times(.fuse, norm(states, .joinedInputNorm))
        case .each:
            let width = c.targetHiddenSize
            let parts = (0..<c.featureCount).flatMap {
                norm(Array(states[$0 * width..<($0 + 1) * width]), .inputNorm($0))
            }
            return times(.fuse, parts)
        }
    }

    private func norm(_ x: Vector, _ parameter: HeadParameter) -> Vector {
        guard let entry = layout[parameter] else { return x }
        let mean = x.reduce(0) { $0 + $1 * $1 } / Double(x.count)
        return x.indices.map { x[$0] / (mean + c.rmsNormEpsilon).squareRoot() * weights[entry.offset + $0] }
    }

    private func times(_ parameter: HeadParameter, _ x: Vector) -> Vector {
        guard let entry = layout[parameter] else { return [] }
        return weights.withUnsafeBufferPointer { weights in
            x.withUnsafeBufferPointer { x in
                (0..<entry.rows).map { row in
                    var sum = 0.0
                    let start = entry.offset + row * entry.columns
                    for column in 0..<entry.columns { sum += weights[start + column] * x[column] }
                    return sum
                }
            }
        }
    }

    private func rotated(_ x: Vector, _ position: Int) -> Vector {
        let d = c.headDimension, half = d / 2
        var y = x
        for start in stride(from: 0, to: x.count, by: d) {
            for pair in 0..<half {
                // As engines do: an F32 product.
                let inverse = Float(pow(c.ropeTheta, -2 * Double(pair) / Double(d)))
                let angle = Double(Float(position) * inverse)
                let (a, b) = (x[start + pair], x[start + pair + half])
                y[start + pair] = a * cos(angle) - b * sin(angle)
                y[start + pair + half] = b * cos(angle) + a * sin(angle)
            }
        }
        return y
    }
}
