// How far two sides' activations are from each other, layer by layer.
//
// Legend: T tokens, H hidden.

import Backends

/// Which activations of a layer.
package enum ActivationKind: String, CaseIterable, Sendable {
    /// What enters layer 0.
    case embedding
    /// What attention adds to the residual stream.
    case attention
    /// What the MLP or the experts add to it.
    case mlp
    /// The residual stream after the layer.
    case residual
    /// The hidden state after the final norm.
    case finalHidden = "final"

    /// What it is called in sentences.
    package var title: String {
        switch self {
        case .embedding: "embedding"
        case .attention: "attention's output"
        case .mlp: "the MLP's or the experts' output"
        case .residual: "residual stream"
        case .finalHidden: "hidden state after the final norm"
        }
    }
}

/// Relative errors of one kind of activation at one layer, over all tokens of a run.
package struct LayerDifference: Equatable, Sendable {
    package let kind: ActivationKind
    /// 0-based; nil for the embedding and the final hidden state.
    package let layer: Int?
    /// Mean over counted tokens of ‖right − left‖ / ‖left‖.
    package private(set) var mean = 0.0
    /// The largest of them.
    package private(set) var largest = 0.0
    /// Where: which text and which token of it.
    package private(set) var place: TokenPlace?
    /// Tokens counted.
    package private(set) var count = 0
    /// Tokens with a number that is not finite, on the right side.
    package private(set) var notFinite = 0
    /// The first of those.
    package private(set) var firstNotFinite: TokenPlace?

    init(kind: ActivationKind, layer: Int?) {
        self.kind = kind
        self.layer = layer
    }

    /// Adds one token's relative error.
    mutating func add(_ error: Double, at place: TokenPlace) {
        guard error.isFinite else {
            notFinite += 1
            if firstNotFinite == nil { firstNotFinite = place }
            return
        }
        if error > largest || self.place == nil { (largest, self.place) = (max(error, largest), place) }
        count += 1
        mean += (error - mean) / Double(count)
    }
}

/// A token of a run.
package struct TokenPlace: Hashable, Sendable {
    /// Which text, by its name.
    package let text: String
    /// Which token of it, from 0.
    package let token: Int

    package init(text: String, token: Int) {
        self.text = text
        self.token = token
    }
}

/// ‖b − a‖ / ‖a‖ of each row; NaN where either holds a number that is not finite.
///
/// Rows of zeros on both sides differ by 0; of zeros on the left alone, by 1.
func relativeErrors(_ a: Matrix, _ b: Matrix) -> [Double] {
    precondition(a.rows == b.rows && a.columns == b.columns, "activations of another shape")
    let width = a.columns
    return a.values.withUnsafeBufferPointer { a in
        b.values.withUnsafeBufferPointer { b in
            (0..<a.count / max(1, width)).map { row in
                let (difference, norm) = squares(a, b, row * width..<(row + 1) * width)
                if difference == 0 { return 0 }
                if norm == 0, difference.isFinite { return 1 }
                return (difference / norm).squareRoot()
            }
        }
    }
}

/// Σ (b − a)² and Σ a² over some elements.
@inline(__always)
private func squares(
    _ a: UnsafeBufferPointer<Float>, _ b: UnsafeBufferPointer<Float>, _ range: Range<Int>
) -> (Double, Double) {
    var (d0, d1, n0, n1) = (0.0, 0.0, 0.0, 0.0)
    var index = range.lowerBound
    while index + 2 <= range.upperBound {
        let (x0, x1) = (Double(a[index]), Double(a[index + 1]))
        let (e0, e1) = (Double(b[index]) - x0, Double(b[index + 1]) - x1)
        (d0, d1) = (d0 + e0 * e0, d1 + e1 * e1)
        (n0, n1) = (n0 + x0 * x0, n1 + x1 * x1)
        index += 2
    }
    if index < range.upperBound {
        let (x, y) = (Double(a[index]), Double(b[index]))
        (d0, n0) = (d0 + (y - x) * (y - x), n0 + x * x)
    }
    return (d0 + d1, n0 + n1)
}
