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
        let tap = MarginTap()
        try pass.run([TokenSequence(tokens)], predicting: false, taps: [tap])
        let values = try pass.nextLogits(after: tokens, KeyValueCache(configuration))
        guard values.indices.contains(a), values.indices.contains(b) else {
            return (tap.narrowest, .infinity)
        }
        return (tap.narrowest, abs(Double(values[a]) - Double(values[b])))
    }
}

/// The narrowest margin of all routes of a pass.
private final class MarginTap: Taps {
    private(set) var narrowest = Float.infinity

    func routes(_ routes: Routes, layer: Int) {
        for margin in routes.margins { narrowest = min(narrowest, margin) }
    }
}
