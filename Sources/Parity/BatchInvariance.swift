// Whether a token's route depends on what else is computed with it: a text alone, token by token with a cache,
// and in a batch. A server batches as requests come; a route that depends on it makes answers change from one
// call to the next.

import Backends
import Diagnostics
import ReferenceModel
import Tokenisation

/// What batching does to the routes of a few texts.
package struct BatchInvariance: Equatable, Sendable {
    /// Routes compared: tokens × layers × ways.
    package private(set) var routes = 0
    /// Routes with another expert, though the margin exceeded the tie margin.
    package private(set) var flips = 0
    /// The same within it.
    package private(set) var ties = 0
    /// Routes whose weights are the same bits.
    package private(set) var identical = 0
    /// Largest difference of a router logit.
    package private(set) var largest: Float = 0
    /// The first flip: where, and in which layer.
    package private(set) var first: String?

    /// Texts that are tried, and tokens of each, at most.
    private static let texts = 3
    private static let tokens = 48
    /// Tokens that are fed one by one.
    private static let steps = 12

    /// Tries the first texts.
    static func run(
        _ model: ModelSide, _ rows: [TokenRow], tieMargin: Double, progress: any ProgressSink
    ) throws(Failure) -> BatchInvariance {
        let texts = rows.prefix(Self.texts).map { Array($0.tokens.prefix(Self.tokens)) }
        progress.begin(stage: "batch", total: texts.count + 1, unit: .texts)
        defer { progress.end() }
        let together = RouteTap()
        try model.pass.run(texts.map { TokenSequence($0) }, logits: .none, taps: [together])
        progress.advance(1)
        var result = BatchInvariance()
        var offset = 0
        for (index, text) in texts.enumerated() {
            let alone = RouteTap()
            try model.pass.run([TokenSequence(text)], logits: .none, taps: [alone])
            result.compare(
                alone.layers, together.layers, offset, Float(tieMargin), "\(rows[index].name), alone")
            if index == 0 {
                let stepped = try steps(model, Array(text.prefix(Self.steps)))
                result.compare(
                    stepped, together.layers, offset, Float(tieMargin), "\(rows[index].name), token by token")
            }
            offset += text.count
            progress.advance(1)
        }
        return result
    }

    private static func steps(_ model: ModelSide, _ text: [Int]) throws(Failure) -> [Int: [Routes]] {
        let cache = KeyValueCache(model.configuration)
        var layers: [Int: [Routes]] = [:]
        for token in text {
            let tap = RouteTap()
            try model.pass.run([TokenSequence([token], cache: cache)], logits: .none, taps: [tap])
            for (layer, routes) in tap.layers { layers[layer, default: []] += routes }
        }
        return layers
    }

    /// Compares routes of some tokens with those from an offset of a batch.
    private mutating func compare(
        _ parts: [Int: [Routes]], _ batch: [Int: [Routes]], _ offset: Int, _ tieMargin: Float, _ title: String
    ) {
        for (layer, all) in parts.sorted(by: { $0.key < $1.key }) {
            guard let whole = batch[layer]?.first else { continue }
            var token = offset
            for routes in all {
                for own in 0..<routes.tokenCount {
                    compare(routes, own, whole, token, tieMargin) {
                        "\(title): token \(token - offset) at layer \(layer)"
                    }
                    token += 1
                }
            }
        }
    }

    private mutating func compare(
        _ a: Routes, _ i: Int, _ b: Routes, _ j: Int, _ tieMargin: Float, _ place: () -> String
    ) {
        routes += 1
        for (x, y) in zip(a.logits.row(i), b.logits.row(j)) { largest = max(largest, abs(x - y)) }
        if a.experts(ofToken: i) != b.experts(ofToken: j) {
            if min(a.margins[i], b.margins[j]) <= tieMargin {
                ties += 1
            } else {
                flips += 1
                if first == nil { first = place() }
            }
        } else if a.weights(ofToken: i) == b.weights(ofToken: j) {
            identical += 1
        }
    }
}

/// Keeps the routes of every layer.
private final class RouteTap: Taps {
    private(set) var layers: [Int: [Routes]] = [:]
    func routes(_ routes: Routes, layer: Int) { layers[layer, default: []].append(routes) }
}
