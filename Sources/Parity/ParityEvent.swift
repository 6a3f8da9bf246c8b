// What one side of a comparison shows while it runs, in the order in which a forward pass makes it. Both
// sides run at once and are compared event by event, so that no more than one layer of either is in memory.
//
// Legend: T tokens of the batch, H hidden, V vocabulary.

import Backends
import ReferenceModel

/// One thing a side shows of a batch.
package enum ParityEvent: Sendable {
    /// [T, H], what enters layer 0.
    case embedding(Matrix)
    /// What attention adds, [T, H].
    case attention(layer: Int, Matrix)
    /// Where the tokens go.
    case routes(layer: Int, Routes)
    /// What the MLP or the experts add, [T, H].
    case mlp(layer: Int, Matrix)
    /// The residual stream after a layer, [T, H].
    case residual(layer: Int, Matrix)
    /// After the final norm, [T, H].
    case finalHidden(Matrix)
    /// Logits of all tokens for a range of the vocabulary.
    case logits(Matrix, columns: Range<Int>)
    /// The same of the prediction layer.
    case predictionLogits(Matrix, columns: Range<Int>)

    /// Grows from event to event of a side; equal on both sides for what can be compared.
    var order: Int {
        switch self {
        case .embedding: 0
        case .attention(let layer, _): 4 * layer + 1
        case .routes(let layer, _): 4 * layer + 2
        case .mlp(let layer, _): 4 * layer + 3
        case .residual(let layer, _): 4 * layer + 4
        case .finalHidden: 1 << 40
        case .logits: 1 << 40 + 1
        case .predictionLogits: 1 << 40 + 2
        }
    }
}

/// Sends what a pass shows into a queue.
///
/// Prediction layers report under the number after the last layer and are left out but for their logits: the
/// trunk's events must stay in order.
final class EventTap: Taps {
    private let queue: EventQueue
    private let layerCount: Int

    init(_ queue: EventQueue, layerCount: Int) {
        self.queue = queue
        self.layerCount = layerCount
    }

    func embedding(_ hidden: Matrix) { queue.push(.embedding(hidden)) }
    func attention(_ output: Matrix, layer: Int) { push(layer, .attention(layer: layer, output)) }
    func routes(_ routes: Routes, layer: Int) { push(layer, .routes(layer: layer, routes)) }
    func mlp(_ output: Matrix, layer: Int) { push(layer, .mlp(layer: layer, output)) }
    func residual(_ hidden: Matrix, afterLayer layer: Int) { push(layer, .residual(layer: layer, hidden)) }
    func finalHidden(_ hidden: Matrix) { queue.push(.finalHidden(hidden)) }

    func logits(_ values: Matrix, rows: [Int], columns: Range<Int>) {
        queue.push(.logits(values, columns: columns))
    }

    func predictionLogits(_ values: Matrix, rows: [Int], columns: Range<Int>) {
        queue.push(.predictionLogits(values, columns: columns))
    }

    private func push(_ layer: Int, _ event: @autoclosure () -> ParityEvent) {
        if layer < layerCount { queue.push(event()) }
    }
}
