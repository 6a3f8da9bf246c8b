// The logits of one position while ranges of the vocabulary stream by: the normaliser of the distribution and its
// two likeliest tokens. Sums are F64 and relative to the largest logit so far.

import Glibc

/// What is known of one position's distribution after some ranges of the vocabulary.
///
/// - Checked by: OutputComparisonTests, MultipleChoiceTests.
package struct StreamedLogits: Sendable {
    /// The likeliest token, the lower id among equals; −1 before any.
    package private(set) var choice = -1
    /// Its logit.
    package private(set) var best = -Float.infinity
    /// The next one's.
    package private(set) var second = -Float.infinity
    /// Σ e^(logit − best).
    package var sum = 0.0

    package init() {}

    /// The largest logit, which the sum is relative to.
    package var largest: Double { Double(best) }

    /// log Σ e^logit.
    package var logNormaliser: Double { largest + log(sum) }

    /// How far the likeliest token is above the second, nats.
    package var margin: Double { Double(best) - Double(second) }

    /// Takes note of the largest values of a range and rescales the sum to the new largest; adds nothing to it.
    ///
    /// - Returns: what any other sum relative to the largest has to be multiplied by.
    package mutating func look(at values: UnsafePointer<Float>, _ columns: Range<Int>) -> Double {
        let before = best
        for index in 0..<columns.count {
            let value = values[index]
            if value > best {
                (second, best) = (best, value)
                choice = columns.lowerBound + index
            } else if value > second {
                second = value
            }
        }
        guard best > before else { return 1 }
        let factor = before == -.infinity ? 0 : exp(Double(before) - largest)
        sum *= factor
        return factor
    }

    /// Takes the logits of a range; ranges come in order.
    package mutating func add(_ values: UnsafePointer<Float>, _ columns: Range<Int>) {
        _ = look(at: values, columns)
        let top = largest
        var added = 0.0
        for index in 0..<columns.count { added += exp(Double(values[index]) - top) }
        sum += added
    }
}
