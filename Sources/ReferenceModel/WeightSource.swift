// Where a forward pass takes its weights from: by role, never by name.

import Architectures
import Backends
import Diagnostics

/// One weight of a model.
package struct WeightKey: Hashable, Sendable {
    package let role: TensorRole
    /// Nil outside layers; the prediction layer has the index after the last.
    package let layer: Int?
    /// The routed expert.
    package let expert: Int?

    package init(_ role: TensorRole, layer: Int? = nil, expert: Int? = nil) {
        self.role = role
        self.layer = layer
        self.expert = expert
    }
}

/// The three matrices of a gated MLP.
package struct MLPWeights: Sendable {
    package let gate: WeightMatrix  // [M, H]
    package let up: WeightMatrix  // [M, H]
    package let down: WeightMatrix  // [H, M]

    package init(gate: WeightMatrix, up: WeightMatrix, down: WeightMatrix) {
        self.gate = gate
        self.up = up
        self.down = down
    }
}

/// Weights of one model.
///
/// A pass asks for each weight once, in the order of the model, and lets go of it before it asks for the next.
package protocol WeightSource: AnyObject, Sendable {
    /// A whole weight; vectors are matrices of one row.
    func weight(_ key: WeightKey) throws(Failure) -> WeightMatrix

    /// Some rows of a weight, in the order asked for: [indices.count, K].
    func rows(_ indices: [Int], of key: WeightKey) throws(Failure) -> WeightMatrix

    /// A tall weight strip by strip, from the first row to the last, each with the rows it holds.
    func strips(
        of key: WeightKey, _ body: (Range<Int>, WeightMatrix) throws(Failure) -> Void
    ) throws(Failure)

    /// Routed experts of a layer one by one, in the order asked for.
    func experts(
        _ experts: [Int], layer: Int, _ body: (Int, MLPWeights) throws(Failure) -> Void
    ) throws(Failure)
}

extension WeightSource {
    /// The matrices of a gated MLP.
    package func mlp(
        _ role: (MLPProjection) -> TensorRole, layer: Int
    ) throws(Failure) -> MLPWeights {
        MLPWeights(
            gate: try weight(WeightKey(role(.gate), layer: layer)),
            up: try weight(WeightKey(role(.up), layer: layer)),
            down: try weight(WeightKey(role(.down), layer: layer)))
    }
}
