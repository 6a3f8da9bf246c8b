// Feeds a state from a forward pass.

import Architectures
import Backends
import ReferenceModel

/// Taps that observe what a calibration asks for; they change nothing of the pass.
///
/// - Checked by: VectorTests, CalibrationRunTests.
package final class CalibrationTaps: Taps {
    /// What was seen so far.
    package private(set) var state: CalibrationState
    /// Whether every expert is shown every token.
    package let wantsAllTokens: Bool

    package init(_ state: CalibrationState, allExperts: Bool) {
        self.state = state
        wantsAllTokens = allExperts
    }

    package func input(_ x: Matrix, of key: WeightKey, tokens: [Int]) {
        guard let site = InputSite(key) else { return }
        state.inputs[site]?.observe(x, slot: key.expert ?? 0)
    }

    package func unroutedInput(_ x: Matrix, of key: WeightKey, tokens: [Int]) {
        input(x, of: key, tokens: tokens)
    }

    package func keyValues(keys: Matrix, values: Matrix, layer: Int) {
        state.caches[layer]?.observe(keys: keys, values: values)
    }

    package func routes(_ routes: Routes, layer: Int) { state.routes[layer]?.observe(routes) }

    package func embedding(_ hidden: Matrix) { state.stream.observe(hidden, place: 0) }

    package func residual(_ hidden: Matrix, afterLayer layer: Int) {
        state.stream.observe(hidden, place: layer + 1)
    }
}
