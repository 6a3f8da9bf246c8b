// Two distributions of the next token, compared while their logits stream by in ranges of the vocabulary:
// neither is ever whole in memory. All sums are F64, and log-probabilities are normalised in F64: with logits
// normalised in F32 the Kullback-Leibler divergence of equal distributions is noise of 3e-7.
//
// Legend: T tokens, V vocabulary; p the left side, q the right one.

import Backends
import Dispatch
import Glibc

/// What there is to say about the outputs at one position.
package struct PositionOutputs: Equatable, Sendable {
    /// KL(p ‖ q), nats.
    package let divergence: Double
    /// Largest |log p − log q| over the vocabulary.
    package let largestDifference: Double
    /// Its token.
    package let largestToken: Int
    /// The likeliest token of either side, the lower id among equals.
    package let leftChoice: Int
    package let rightChoice: Int
    /// How far the left side's likeliest token is above its second, nats.
    package let choiceMargin: Double
    /// Log-probability of the token that follows in the text; nil after the last.
    package let leftNext: Double?
    package let rightNext: Double?
    /// Whether every logit of both sides is finite.
    package let isFinite: Bool

    package init(
        divergence: Double, largestDifference: Double, largestToken: Int, leftChoice: Int, rightChoice: Int,
        choiceMargin: Double, leftNext: Double?, rightNext: Double?, isFinite: Bool
    ) {
        self.divergence = divergence
        self.largestDifference = largestDifference
        self.largestToken = largestToken
        self.leftChoice = leftChoice
        self.rightChoice = rightChoice
        self.choiceMargin = choiceMargin
        self.leftNext = leftNext
        self.rightNext = rightNext
        self.isFinite = isFinite
    }
}

/// Compares the logits of a batch range by range.
///
/// - Checked by: OutputComparisonTests, against whole distributions.
package struct OutputComparison: Sendable {
    private struct Row {
        var left = StreamedLogits()
        var right = StreamedLogits()
        /// Logits of the token that follows.
        var next: (left: Float, right: Float)?
        /// Σ e^(p's logit − its largest) · (p's logit − q's).
        var cross = 0.0
        var least = (difference: Double.infinity, token: -1)
        var most = (difference: -Double.infinity, token: -1)
        var isFinite = true
    }

    private var rows: [Row]
    private let next: [Int?]

    /// - Parameter next: the token that follows each of T; nil where none does.
    package init(next: [Int?]) {
        self.next = next
        rows = Array(repeating: Row(), count: next.count)
    }

    /// Takes the logits of a range of the vocabulary, [T, columns.count] of each side; ranges come in order.
    package mutating func add(_ left: Matrix, _ right: Matrix, columns: Range<Int>) {
        precondition(
            left.rows == rows.count && right.rows == rows.count && left.columns == columns.count
                && right.columns == columns.count, "logits of another batch")
        let width = columns.count
        let next = next
        let count = rows.count
        rows.withUnsafeMutableBufferPointer { rows in
            guard let base = rows.baseAddress else { return }
            let target = Unchecked(base)
            left.values.withUnsafeBufferPointer { left in
                right.values.withUnsafeBufferPointer { right in
                    guard let left = left.baseAddress, let right = right.baseAddress else { return }
                    let (p, q) = (Unchecked(left), Unchecked(right))
                    DispatchQueue.concurrentPerform(iterations: count) { row in
                        Self.add(
                            &target.value[row], p.value + row * width, q.value + row * width, columns,
                            next[row])
                    }
                }
            }
        }
    }

    private static func add(
        _ row: inout Row, _ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>, _ columns: Range<Int>,
        _ next: Int?
    ) {
        // The cross sum is weighed by the left side's probabilities.
        var cross = row.cross * row.left.look(at: p, columns)
        _ = row.right.look(at: q, columns)
        if row.left.largest.isFinite, row.right.largest.isFinite {
            let (pTop, qTop) = (row.left.largest, row.right.largest)
            var (pSum, qSum) = (0.0, 0.0)
            for index in 0..<columns.count {
                let (a, b) = (Double(p[index]), Double(q[index]))
                let weight = exp(a - pTop)
                pSum += weight
                qSum += exp(b - qTop)
                let difference = a - b
                if weight > 0 { cross += weight * difference }
                if difference < row.least.difference {
                    row.least = (difference, columns.lowerBound + index)
                }
                if difference > row.most.difference { row.most = (difference, columns.lowerBound + index) }
                if !difference.isFinite { row.isFinite = false }
            }
            row.left.sum += pSum
            row.right.sum += qSum
        } else {
            row.isFinite = false
        }
        row.cross = cross
        if let next, columns.contains(next) {
            row.next = (p[next - columns.lowerBound], q[next - columns.lowerBound])
        }
    }

    /// What came out at each of T positions, once all of the vocabulary was seen.
    package var positions: [PositionOutputs] { rows.map(Self.result) }

    private static func result(_ row: Row) -> PositionOutputs {
        let (p, q) = (row.left.logNormaliser, row.right.logNormaliser)
        // log p − log q = (difference of logits) + (log normaliser of q − log normaliser of p)
        let shift = q - p
        let low = abs(row.least.difference + shift)
        let high = abs(row.most.difference + shift)
        return PositionOutputs(
            divergence: row.cross / row.left.sum + shift,
            largestDifference: max(low, high), largestToken: high >= low ? row.most.token : row.least.token,
            leftChoice: row.left.choice, rightChoice: row.right.choice,
            choiceMargin: row.left.margin, leftNext: row.next.map { Double($0.left) - p },
            rightNext: row.next.map { Double($0.right) - q },
            isFinite: row.isFinite && p.isFinite && q.isFinite)
    }
}

/// Something that threads share and that each uses in a place of its own.
package struct Unchecked<Value>: @unchecked Sendable {
    package let value: Value
    package init(_ value: Value) { self.value = value }
}
