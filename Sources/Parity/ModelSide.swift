// A checkpoint as a side of a comparison: what it shows while it reads tokens.

import Architectures
import Backends
import Diagnostics
import ReferenceModel
import Tokenisation

/// A checkpoint that runs on this machine.
package struct ModelSide: Sendable {
    /// The folder as it was given.
    package let folder: String
    package let weights: CheckpointWeights
    package let pass: ForwardPass
    /// Counts numbers that are not finite where the numerics may overflow; nil where they cannot.
    private let watch: Unchecked<OverflowTaps>?

    package init(folder: String, weights: CheckpointWeights, pass: ForwardPass) {
        self.folder = folder
        self.weights = weights
        if pass.backend.numerics.format == .f16 {
            let watched = WatchedBackend(pass.backend, watch: OverflowWatch())
            self.pass = pass.with(watched)
            watch = Unchecked(OverflowTaps(watched))
        } else {
            self.pass = pass
            watch = nil
        }
    }

    /// What overflowed, and what came nearest to it; nil where nothing can.
    ///
    /// To be read between passes.
    var overflow: OverflowReport? { watch?.value.report }

    package var configuration: BailingMoeV2Configuration { weights.configuration }

    /// Whether any weight is stored as codes.
    package var hasCodes: Bool { configuration.quantisation.fp8 != nil }

    /// Shows one pass over some texts; every weight is read once for all of them.
    func play(_ rows: [TokenRow], predicting: Bool, into queue: EventQueue) throws(Failure) {
        let tap = EventTap(queue, layerCount: configuration.layerCount)
        // The watch is read first: what the comparison waits for must not be taken for another layer's.
        let taps: [any Taps] = (watch.map { [$0.value] } ?? []) + [tap]
        try pass.run(rows.map { TokenSequence($0.tokens) }, predicting: predicting, taps: taps)
        try weights.checkUnchanged()
    }

    /// Greedy tokens after a prompt, with a cache.
    func continued(_ prompt: [Int], count: Int) throws(Failure) -> [Int] {
        let cache = KeyValueCache(configuration)
        var (made, step) = ([Int](), prompt)
        while made.count < count {
            let values = try pass.nextLogits(after: step, cache)
            guard var best = values.indices.first else { return made }
            for index in values.indices where values[index] > values[best] { best = index }
            step = [best]
            made.append(best)
        }
        return made
    }

    /// The narrowest choice of experts over a text, and by how much one of two tokens leads after it, nats.
    func closestCall(_ tokens: [Int], _ a: Int, _ b: Int) throws(Failure) -> (margin: Float, lead: Double) {
        let tap = ClosestCallTap(lastRow: tokens.count - 1, ids: [a, b])
        try pass.run([TokenSequence(tokens)], predicting: false, taps: [tap])
        guard let first = tap.logits[a], let second = tap.logits[b] else { return (tap.margin, .infinity) }
        return (tap.margin, abs(Double(first) - Double(second)))
    }
}

/// The narrowest margin of all routes of a pass, and logits of some tokens after its last one.
private final class ClosestCallTap: Taps {
    private let lastRow: Int
    private let ids: [Int]
    private(set) var margin = Float.infinity
    private(set) var logits: [Int: Float] = [:]

    init(lastRow: Int, ids: [Int]) {
        self.lastRow = lastRow
        self.ids = ids
    }

    func routes(_ routes: Routes, layer: Int) {
        for margin in routes.margins { self.margin = min(self.margin, margin) }
    }

    func logits(_ values: Matrix, rows: [Int], columns: Range<Int>) {
        guard let row = rows.firstIndex(of: lastRow) else { return }
        for id in ids where columns.contains(id) {
            logits[id] = values.values[row * columns.count + id - columns.lowerBound]
        }
    }
}
