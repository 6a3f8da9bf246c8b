// Which expert rank holds an expert: consecutive blocks, in turn, or as a measured load asks for.

import Documents

/// Where the experts of each layer live.
///
/// - Source: vLLM 0.32.0 fused_moe/expert_map_manager.py `determine_expert_map`: the first ranks take the
///   remainder.
/// - Checked by: GeometryTests, BalanceTests.
package enum ExpertPlacement: Equatable, Sendable {
    /// Rank r holds consecutive experts.
    case linear
    /// Expert e is on rank e mod EP.
    case roundRobin
    /// By layer, the rank of each expert; layers that are not in it are linear.
    case listed([Int: [Int]])

    /// The name people type and records say.
    package enum Name: String, CaseIterable, Sendable {
        case linear
        case roundRobin = "round-robin"
        case balanced
    }

    /// What it is called.
    package var name: Name {
        switch self {
        case .linear: .linear
        case .roundRobin: .roundRobin
        case .listed: .balanced
        }
    }

    /// The expert rank that holds an expert.
    package func rank(ofExpert expert: Int, layer: Int, experts: Int, ranks: Int) -> Int {
        switch self {
        case .linear: return Self.linearRank(expert, experts, ranks)
        case .roundRobin: return expert % ranks
        case .listed(let layers): return layers[layer]?[expert] ?? Self.linearRank(expert, experts, ranks)
        }
    }

    /// The experts of a rank, ascending.
    package func experts(ofRank rank: Int, layer: Int, experts: Int, ranks: Int) -> [Int] {
        (0..<experts).filter {
            self.rank(ofExpert: $0, layer: layer, experts: experts, ranks: ranks) == rank
        }
    }

    /// How many experts a rank holds in linear and round-robin placement.
    package static func count(ofRank rank: Int, experts: Int, ranks: Int) -> Int {
        experts / ranks + (rank < experts % ranks ? 1 : 0)
    }

    /// Everything that decides where experts live, the same in every process: digests of plans have it.
    var identity: String {
        guard case .listed(let layers) = self else { return "\(self)" }
        return layers.sorted { $0.key < $1.key }.reduce(into: name.rawValue) { text, layer in
            text += " \(layer.key):" + layer.value.map(String.init).joined(separator: ",")
        }
    }

    private static func linearRank(_ expert: Int, _ experts: Int, _ ranks: Int) -> Int {
        let (base, left) = experts.quotientAndRemainder(dividingBy: ranks)
        // The first `left` ranks hold one expert more.
        let edge = left * (base + 1)
        return expert < edge ? expert / (base + 1) : left + (expert - edge) / max(1, base)
    }
}
