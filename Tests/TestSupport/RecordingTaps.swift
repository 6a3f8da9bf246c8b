// Keeps all that a forward pass shows.

import Backends
import ReferenceModel

/// Every tap of one pass.
package final class RecordingTaps: Taps {
    package private(set) var embedded: Matrix?
    package private(set) var attentions: [Int: Matrix] = [:]
    package private(set) var routesByLayer: [Int: Routes] = [:]
    package private(set) var mlps: [Int: Matrix] = [:]
    package private(set) var residuals: [Int: Matrix] = [:]
    package private(set) var final: Matrix?

    package init() {}

    package func embedding(_ hidden: Matrix) { embedded = hidden }
    package func attention(_ output: Matrix, layer: Int) { attentions[layer] = output }
    package func routes(_ routes: Routes, layer: Int) { routesByLayer[layer] = routes }
    package func mlp(_ output: Matrix, layer: Int) { mlps[layer] = output }
    package func residual(_ hidden: Matrix, afterLayer layer: Int) { residuals[layer] = hidden }
    package func finalHidden(_ hidden: Matrix) { final = hidden }
}

/// The largest of a row's values, the lowest index among equals.
package func argmax(_ values: some Collection<Float>) -> Int {
    var best = (0, -Float.infinity)
    for (index, value) in values.enumerated() where value > best.1 { best = (index, value) }
    return best.0
}

/// Greedy tokens after a prompt, one by one with a cache.
package func greedy(_ pass: ForwardPass, _ prompt: [Int], count: Int) throws -> [Int] {
    let cache = KeyValueCache(pass.configuration)
    var made: [Int] = []
    var step = prompt
    while made.count < count {
        let logits = LogitCollector()
        try pass.run([TokenSequence(step, cache: cache)], logits: .last, taps: [logits])
        step = [argmax(logits.logits.values)]
        made += step
    }
    return made
}
