// How far two matrices, or two sets of logits, are from each other: always with the worst place, so that a
// failure says where to look.

import Backends

/// The difference of two matrices.
package struct Agreement: CustomStringConvertible {
    /// Largest |a − b|.
    package private(set) var worst: Float = 0
    /// Where it is.
    package private(set) var row = 0
    package private(set) var column = 0
    /// Largest over rows of ‖a − b‖ / ‖b‖.
    package private(set) var relative = 0.0
    private var values: (Float, Float) = (0, 0)
    /// Whether any value is NaN, or shapes differ.
    package private(set) var isBroken: Bool

    /// - Parameter b: what `relative` is relative to.
    package init(_ a: Matrix, _ b: Matrix) {
        isBroken = a.rows != b.rows || a.columns != b.columns
        guard !isBroken else { return }
        for row in 0..<a.rows {
            var (difference, norm) = (0.0, 0.0)
            for column in 0..<a.columns {
                let (x, y) = (a.values[row * a.columns + column], b.values[row * b.columns + column])
                if x.isNaN || y.isNaN { isBroken = true }
                if abs(x - y) > worst {
                    (worst, self.row, self.column, values) = (abs(x - y), row, column, (x, y))
                }
                difference += Double(x - y) * Double(x - y)
                norm += Double(y) * Double(y)
            }
            relative = max(relative, (difference / max(norm, 1e-300)).squareRoot())
        }
    }

    package var description: String {
        isBroken
            ? "shapes differ or a value is NaN"
            : "worst \(worst) at [\(row), \(column)]: \(values.0) and \(values.1); relative \(relative)"
    }
}

/// log softmax of each row, in F64.
package func logProbabilities(_ logits: Matrix) -> [[Double]] {
    (0..<logits.rows).map { row in
        let values = logits.row(row).map(Double.init)
        let largest = values.max() ?? 0
        let sum = values.reduce(0) { $0 + exponential($1 - largest) }
        let shift = largest + logarithm(sum)
        return values.map { $0 - shift }
    }
}

/// How far log-probabilities are from recorded ones.
package struct OutputAgreement: CustomStringConvertible {
    /// Largest difference of a log-probability.
    package private(set) var worst = 0.0
    /// Mean over positions of KL(recorded ‖ made).
    package private(set) var meanKL = 0.0

    package init(made: Matrix, recorded: Matrix) {
        guard made.rows == recorded.rows, made.columns == recorded.columns else {
            (worst, meanKL) = (.infinity, .infinity)
            return
        }
        for (p, q) in zip(logProbabilities(recorded), logProbabilities(made)) {
            for (a, b) in zip(p, q) {
                worst = max(worst, (a - b).isNaN ? .infinity : abs(a - b))
                meanKL += exponential(a) * (a - b)
            }
        }
        meanKL /= Double(max(1, made.rows))
    }

    package var description: String { "log-probability \(worst), mean KL \(meanKL)" }
}
