// A placement that evens the load of expert ranks, from the tokens that a calibration saw go to each expert.

import Architectures
import Calibration
import Diagnostics

/// Tokens that the router sent to each expert, by layer.
package struct ExpertLoad: Equatable, Sendable {
    /// By layer, tokens of each expert, [E].
    package let tokens: [Int: [Int]]

    package init(tokens: [Int: [Int]]) { self.tokens = tokens }

    /// The load that a calibration recorded.
    ///
    /// - Throws: `TOPO-013` when it did not observe routes, or is of a model of another shape.
    package init(_ record: CalibrationRecord, _ configuration: BailingMoeV2Configuration) throws(Failure) {
        var tokens: [Int: [Int]] = [:]
        for layer in configuration.expertLayers {
            guard let routes = try record.routes(layer: layer) else { continue }
            guard routes.tokens.count == configuration.expertCount,
                routes.tokens.allSatisfy({ $0 >= 0 })
            else {
                throw Failure(
                    Finding(
                        .error, .loadUnknown, "the calibration is of a model of another shape",
                        file: record.folder, expected: "loads of \(configuration.expertCount) experts",
                        found: "\(routes.tokens.count) in layer \(layer)",
                        remedy: "calibrate this checkpoint"))
            }
            tokens[layer] = routes.tokens
        }
        guard tokens.count == configuration.expertLayers.count else {
            throw Failure(
                Finding(
                    .error, .loadUnknown, "the calibration does not say how loaded the experts are",
                    file: record.folder,
                    expected: "routes of \(configuration.expertLayers.count) layers with experts",
                    found: "routes of \(tokens.count) layers",
                    remedy: "ingot calibrate with routes among --observe, on this checkpoint"))
        }
        self.tokens = tokens
    }
}

/// How uneven the ranks of a placement are loaded.
package struct Imbalance: Equatable, Sendable {
    /// Over layers, the mean of largest rank / mean rank: 1 is even, EP is one rank doing all.
    package let mean: Double
    /// The worst layer.
    package let worst: Double
    package let worstLayer: Int
}

extension ExpertLoad {
    /// How uneven a placement loads the ranks; layers without tokens count as even.
    package func imbalance(_ placement: ExpertPlacement, ranks: Int) -> Imbalance {
        var (sum, worst, worstLayer) = (0.0, 0.0, tokens.keys.min() ?? 0)
        for (layer, counts) in tokens.sorted(by: { $0.key < $1.key }) {
            var loads = [Int](repeating: 0, count: ranks)
            for (expert, count) in counts.enumerated() {
                let rank = placement.rank(
                    ofExpert: expert, layer: layer, experts: counts.count, ranks: ranks)
                loads[rank] += count
            }
            let total = loads.reduce(0, +)
            let ratio = total == 0 ? 1 : Double((loads.max() ?? 0) * ranks) / Double(total)
            sum += ratio
            if ratio > worst { (worst, worstLayer) = (ratio, layer) }
        }
        return Imbalance(mean: sum / Double(max(1, tokens.count)), worst: worst, worstLayer: worstLayer)
    }

    /// A placement in which every rank has as many experts as in a linear one, loaded as evenly as found.
    ///
    /// Largest first to the least loaded rank with room, then exchanges between the most loaded rank and
    /// others while one makes the larger of the two loads smaller.
    ///
    /// - Complexity: E log E + exchanges × E for each layer.
    package func balanced(ranks: Int) -> ExpertPlacement {
        .listed(tokens.mapValues { Self.balanced($0, ranks: ranks) })
    }

    static func balanced(_ tokens: [Int], ranks: Int) -> [Int] {
        var room = (0..<ranks).map { ExpertPlacement.count(ofRank: $0, experts: tokens.count, ranks: ranks) }
        var loads = [Int](repeating: 0, count: ranks)
        var owner = [Int](repeating: 0, count: tokens.count)
        for expert in tokens.indices.sorted(by: { (-tokens[$0], $0) < (-tokens[$1], $1) }) {
            let rank = (0..<ranks).filter { room[$0] > 0 }.min { (loads[$0], $0) < (loads[$1], $1) } ?? 0
            owner[expert] = rank
            loads[rank] += tokens[expert]
            room[rank] -= 1
        }
        // Each exchange lowers the sum of squares: it ends; the bound is for the time it may take.
        for _ in 0..<4 * tokens.count {
            guard let swap = bestExchange(tokens, owner, loads) else { break }
            let change = tokens[swap.from] - tokens[swap.to]
            loads[owner[swap.from]] -= change
            loads[owner[swap.to]] += change
            owner.swapAt(swap.from, swap.to)
        }
        return owner
    }

    /// An expert of the most loaded rank and one of another rank that lower the larger of both loads most.
    private static func bestExchange(_ tokens: [Int], _ owner: [Int], _ loads: [Int]) -> (from: Int, to: Int)?
    {
        guard let top = loads.indices.max(by: { (loads[$0], -$0) < (loads[$1], -$1) }) else { return nil }
        var best: (from: Int, to: Int, larger: Int)?
        let own = tokens.indices.filter { owner[$0] == top }
        for to in tokens.indices where owner[to] != top {
            for from in own where tokens[from] > tokens[to] {
                let change = tokens[from] - tokens[to]
                let larger = max(loads[top] - change, loads[owner[to]] + change)
                if larger < best?.larger ?? loads[top] { best = (from, to, larger) }
            }
        }
        return best.map { ($0.from, $0.to) }
    }
}
