// What is remembered of keys, values, routes and the residual stream of a layer.
//
// Legend: T tokens, G key/value heads, D channels of a head, E experts, B bins.

import Backends

/// Keys and values of one layer, by head.
package struct CacheStatistics: Equatable, Sendable {
    /// The largest magnitude of E4M3: what a cache without scales clips at.
    package static let codeLimit: Float = 448

    /// The largest magnitude of a key after norm and rotation, [G].
    package var keys: [Float]
    /// Of a value, [G].
    package var values: [Float]
    /// Keys beyond 448, [G].
    package var keysBeyond: [Int]
    /// Values beyond 448, [G].
    package var valuesBeyond: [Int]

    package init(heads: Int) {
        keys = Array(repeating: 0, count: heads)
        values = keys
        keysBeyond = Array(repeating: 0, count: heads)
        valuesBeyond = keysBeyond
    }

    /// Takes in the keys and values of some tokens, [T, G·D] each.
    package mutating func observe(keys: Matrix, values: Matrix) {
        Self.observe(keys, &self.keys, &keysBeyond)
        Self.observe(values, &self.values, &valuesBeyond)
    }

    private static func observe(_ x: Matrix, _ largest: inout [Float], _ beyond: inout [Int]) {
        let heads = largest.count
        let width = x.columns / max(1, heads)
        x.values.withUnsafeBufferPointer { values in
            for row in 0..<x.rows {
                for head in 0..<heads {
                    let start = row * x.columns + head * width
                    for index in start..<start + width {
                        let magnitude = finiteMagnitude(values[index])
                        largest[head] = max(largest[head], magnitude)
                        if magnitude > codeLimit { beyond[head] += 1 }
                    }
                }
            }
        }
    }
}

/// Choices of the router of one layer.
package struct RouteStatistics: Equatable, Sendable {
    /// Tokens sent to each expert, [E].
    package var tokens: [Int]
    /// Σ of their weights in units of ExactSum, [E].
    package var weights: [Int128]
    /// Margins of the choices in bins, [B]: see Routes.margins.
    package var margins: [Int]

    package init(experts: Int) {
        tokens = Array(repeating: 0, count: experts)
        weights = Array(repeating: 0, count: experts)
        margins = Array(repeating: 0, count: MagnitudeBins.count)
    }

    /// Takes in the routes of some tokens.
    package mutating func observe(_ routes: Routes) {
        for (expert, weight) in zip(routes.experts, routes.weights) {
            tokens[expert] += 1
            let term = min(finiteMagnitude(weight), ExactSum.largestMagnitude)
            weights[expert] &+= ExactSum.units(Double(term))
        }
        for margin in routes.margins { margins[MagnitudeBins.bin(margin)] += 1 }
    }
}

/// The residual stream between layers.
package struct StreamStatistics: Equatable, Sendable {
    /// The largest magnitude of the embedding, then after each layer.
    package var largest: [Float]
    /// Elements that float16 would make infinite.
    package var halfOverflows: [Int]

    package init(places: Int) {
        largest = Array(repeating: 0, count: places)
        halfOverflows = Array(repeating: 0, count: places)
    }

    /// Takes in the stream at one place: 0 for the embedding, then one more than the layer.
    package mutating func observe(_ hidden: Matrix, place: Int) {
        guard largest.indices.contains(place) else { return }
        var (top, beyond) = (largest[place], 0)
        hidden.values.withUnsafeBufferPointer { values in
            for value in values {
                top = max(top, finiteMagnitude(value))
                if abs(value) >= InputStatistics.halfOverflow { beyond += 1 }
            }
        }
        largest[place] = top
        halfOverflows[place] += beyond
    }
}
