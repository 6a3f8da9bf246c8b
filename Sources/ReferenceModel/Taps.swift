// What a pass lets one see on its way. A tap keeps, compares or counts; it changes nothing.
//
// Legend: T tokens of all sequences of the batch, one after another; H hidden; V vocabulary.

import Backends

/// An observer of a forward pass.
///
/// Every method does nothing unless a tap says otherwise. The prediction layer reports as the layer after the
/// last.
package protocol Taps: AnyObject {
    /// The embedding, [T, H]: the residual stream that enters layer 0.
    func embedding(_ hidden: Matrix)
    /// What a weight is about to be multiplied with, [rows, K]; of the gated MLPs in pieces of tokens.
    ///
    /// Gate and up share their input: it is shown once, for gate.
    ///
    /// - Parameter tokens: which token of the batch each row is.
    func input(_ x: Matrix, of key: WeightKey, tokens: [Int])
    /// Whether each expert's matrices are to be shown the tokens that the router did not send it, too.
    ///
    /// That costs the products of every expert over every token; what the pass gives stays the same.
    var wantsAllTokens: Bool { get }
    /// The same as `input`, of tokens that the router did not send to this expert; gate and down are shown.
    func unroutedInput(_ x: Matrix, of key: WeightKey, tokens: [Int])
    /// Keys after norm and rotation, and values, of the batch's tokens, [T, G·D] each.
    func keyValues(keys: Matrix, values: Matrix, layer: Int)
    /// What attention adds to the residual stream, [T, H].
    func attention(_ output: Matrix, layer: Int)
    /// The routes of all tokens at a layer with experts.
    func routes(_ routes: Routes, layer: Int)
    /// What the MLP or the experts add to the residual stream, [T, H].
    func mlp(_ output: Matrix, layer: Int)
    /// The residual stream after a layer, [T, H], before any norm.
    func residual(_ hidden: Matrix, afterLayer layer: Int)
    /// After the final norm, [T, H].
    func finalHidden(_ hidden: Matrix)
    /// Logits of some tokens for a range of the vocabulary, [rows.count, columns.count].
    ///
    /// Ranges come in order and cover the vocabulary; so many logits need never be in memory at once.
    func logits(_ values: Matrix, rows: [Int], columns: Range<Int>)
    /// The same of the prediction layer: row t is about the token after the next.
    func predictionLogits(_ values: Matrix, rows: [Int], columns: Range<Int>)
}

extension Taps {
    package func embedding(_ hidden: Matrix) {}
    package func input(_ x: Matrix, of key: WeightKey, tokens: [Int]) {}
    package var wantsAllTokens: Bool { false }
    package func unroutedInput(_ x: Matrix, of key: WeightKey, tokens: [Int]) {}
    package func keyValues(keys: Matrix, values: Matrix, layer: Int) {}
    package func attention(_ output: Matrix, layer: Int) {}
    package func routes(_ routes: Routes, layer: Int) {}
    package func mlp(_ output: Matrix, layer: Int) {}
    package func residual(_ hidden: Matrix, afterLayer layer: Int) {}
    package func finalHidden(_ hidden: Matrix) {}
    package func logits(_ values: Matrix, rows: [Int], columns: Range<Int>) {}
    package func predictionLogits(_ values: Matrix, rows: [Int], columns: Range<Int>) {}
}

/// Collects logits whole: for models and batches small enough.
package final class LogitCollector: Taps {
    /// [rows, V].
    package private(set) var logits = Matrix(rows: 0, columns: 0)
    /// Of the prediction layer, [rows, V].
    package private(set) var prediction = Matrix(rows: 0, columns: 0)

    package init() {}

    package func logits(_ values: Matrix, rows: [Int], columns: Range<Int>) {
        logits = columns.lowerBound == 0 ? values : logits.beside(values)
    }

    package func predictionLogits(_ values: Matrix, rows: [Int], columns: Range<Int>) {
        prediction = columns.lowerBound == 0 ? values : prediction.beside(values)
    }
}
