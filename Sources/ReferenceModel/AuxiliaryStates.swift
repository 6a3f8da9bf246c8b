// Hidden states for draft heads. One project counts them after a layer, another as they enter one; a bare
// number is how heads get trained on the wrong layers, so here it cannot be written.

import Backends

/// A place in the residual stream.
package enum AuxiliaryPoint: Hashable, Sendable {
    /// After layer i, 0-based.
    case after(layer: Int)
    /// Entering layer i, 0-based: the embedding for layer 0, else what layer i − 1 left.
    case entering(layer: Int)

    /// The layer after which the state is there; nil is the embedding.
    package var afterLayer: Int? {
        switch self {
        case .after(let layer): layer
        case .entering(let layer): layer == 0 ? nil : layer - 1
        }
    }
}

/// Collects the residual stream at some places, side by side as a draft head reads them.
package final class AuxiliaryStates: Taps {
    /// In the order in which the head reads them.
    package let points: [AuxiliaryPoint]
    private var states: [Int: Matrix] = [:]  // −1 is the embedding
    private let wanted: Set<Int>

    package init(_ points: [AuxiliaryPoint]) {
        self.points = points
        wanted = Set(points.map { $0.afterLayer ?? -1 })
    }

    package func embedding(_ hidden: Matrix) { keep(hidden, -1) }

    package func residual(_ hidden: Matrix, afterLayer layer: Int) { keep(hidden, layer) }

    /// [T, points · H]; nil when a place is past the last layer of the pass.
    package var joined: Matrix? {
        var result: Matrix?
        for point in points {
            guard let state = states[point.afterLayer ?? -1] else { return nil }
            result = result?.beside(state) ?? state
        }
        return result
    }

    private func keep(_ hidden: Matrix, _ layer: Int) { if wanted.contains(layer) { states[layer] = hidden } }
}
