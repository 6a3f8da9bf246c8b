// What a sequence has left behind, so that its next token need not read it again.

import Architectures
import Backends

/// Keys and values of every layer of one sequence.
package final class KeyValueCache {
    /// By layer; the prediction layer's stand last.
    var layers: [KeyValues]

    package init(_ configuration: BailingMoeV2Configuration) {
        layers = Array(
            repeating: KeyValues(width: configuration.keyRows.count),
            count: configuration.layerCount + configuration.predictionLayerCount)
    }

    private init(layers: [KeyValues]) { self.layers = layers }

    /// Another with the same content, to go on elsewhere; what is shared is copied when one of them grows.
    package func copy() -> KeyValueCache { KeyValueCache(layers: layers) }

    /// Positions held: where the sequence goes on.
    package var count: Int { layers.first?.count ?? 0 }

    /// Forgets the positions from one on.
    package func truncate(to count: Int) {
        for layer in layers.indices where layers[layer].count > count { layers[layer].truncate(to: count) }
    }
}

/// The next tokens of a sequence.
package struct TokenSequence {
    /// Ids in the order of the text.
    package let tokens: [Int]
    /// What came before them; nil when they are the whole sequence and nothing follows.
    package let cache: KeyValueCache?

    package init(_ tokens: [Int], cache: KeyValueCache? = nil) {
        self.tokens = tokens
        self.cache = cache
    }
}
