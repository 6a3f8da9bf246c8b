// Scales that are searched instead of taken from amax: of sixteen multiples of amax / 448 the one with the least
// squared error of its block.

import CKernels

/// What a search of scales makes small.
///
/// The kernel tries multiples from 0.81 to 1.88 of amax / 448; absmax itself wins among equals.
///
/// - Source: no tool's; each block's error is never more than without, by construction.
/// - Checked by: ScaleSearchTests, against a search over decoded codes.
package enum ScaleSearch: String, CaseIterable, Sendable {
    /// Σ (code × scale − x)² of the block.
    case mse

    /// What it adds to the summary of an operation.
    var summary: String { " search \(rawValue)" }
}
