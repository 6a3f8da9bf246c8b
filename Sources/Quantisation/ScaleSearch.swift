// Scales that are searched instead of taken from amax: of sixteen multiples of amax / 448 the one with the least
// squared error of its block.

import Architectures
import Backends
import Diagnostics
import ReferenceModel

/// What a search of scales makes small.
///
/// The kernel tries multiples from 0.81 to 1.88 of amax / 448; absmax itself wins among equals.
///
/// - Source: no tool's; each block's error is never more than without, by construction.
/// - Checked by: ScaleSearchTests, against a search over decoded codes.
package enum ScaleSearch: String, CaseIterable, Sendable {
    /// Σ (code × scale − x)² of the block.
    case mse
    /// The same, each column weighted by the mean square of its input: about the error of the output.
    case secondMoment = "second-moment"

    /// What it adds to the summary of an operation.
    var summary: String { " search \(rawValue)" }
}

/// Where a weighted search takes the mean squares of inputs from.
package protocol InputMoments: Sendable {
    /// What tells these moments from others, in records of what was made with them.
    var digest: String { get }
    /// Mean x² of each input channel of a weight, [K]; nil for a weight whose inputs were never seen.
    func secondMoments(of key: WeightKey) throws(Failure) -> [Float]?
}

/// Adds up squares of inputs during a pass.
///
/// A pass over the same tokens in the same batches gives the same bits.
package final class MomentTaps: Taps {
    private var sums: [WeightKey: (squares: [Double], rows: Int)] = [:]

    package init() {}

    package func input(_ x: Matrix, of key: WeightKey, tokens: [Int]) {
        var entry = sums.removeValue(forKey: key) ?? (Array(repeating: 0, count: x.columns), 0)
        for row in 0..<x.rows {
            for (column, value) in x.row(row).enumerated() {
                entry.squares[column] += Double(value) * Double(value)
            }
        }
        entry.rows += x.rows
        sums[key] = entry
    }

    /// The moments of what was seen so far.
    package var moments: SeenMoments {
        SeenMoments(
            values: sums.mapValues { entry in
                entry.squares.map { Float($0 / Double(max(1, entry.rows))) }
            })
    }
}

/// Moments of inputs that a pass showed.
package struct SeenMoments: InputMoments {
    private let values: [WeightKey: [Float]]

    init(values: [WeightKey: [Float]]) { self.values = values }

    package var digest: String { "seen" }

    package func secondMoments(of key: WeightKey) throws(Failure) -> [Float]? { values[key.ofInput] }
}

extension WeightKey {
    /// The key under which a pass shows the inputs of this weight: gate's for up.
    package var ofInput: WeightKey {
        switch role {
        case .expert(.up): WeightKey(.expert(.gate), layer: layer, expert: expert)
        case .sharedExpert(.up): WeightKey(.sharedExpert(.gate), layer: layer)
        case .denseMLP(.up): WeightKey(.denseMLP(.gate), layer: layer)
        default: self
        }
    }
}
