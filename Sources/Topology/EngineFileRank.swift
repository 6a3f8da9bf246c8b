// The names of an engine's rank files, written and read. Engines look for these names and nothing else in a folder.

extension EngineForm {
    /// The file of a rank.
    func fileName(_ rank: Rank, _ topology: ParallelTopology, part: Int) -> String {
        switch self {
        case .vllmShardedState:
            topology.pipeline == 1
                ? "model-rank-\(rank.tensor)-part-\(part).safetensors"
                : "model-pp-\(rank.stage)-tp-\(rank.tensor)-part-\(part).safetensors"
        case .deepSeekMP: "model\(rank.index)-mp\(topology.world).safetensors"
        }
    }
}

/// What a file's name says of its rank.
struct EngineFileRank {
    let form: EngineForm
    var stage = 0
    let tensor: Int
    /// Ranks that the name announces; nil where it does not.
    var count: Int?

    /// Reads a name; nil for a file of another kind.
    init?(_ name: String) {
        let ending = ".safetensors"
        guard name.hasSuffix(ending) else { return nil }
        let parts = name.dropLast(ending.count).split(separator: "-", omittingEmptySubsequences: false)
        switch parts.count {
        case 5 where parts[0] == "model" && parts[1] == "rank" && parts[3] == "part":
            guard let rank = Self.number(parts[2]), Self.number(parts[4]) != nil else { return nil }
            (form, tensor) = (.vllmShardedState, rank)
        case 7 where parts[0] == "model" && parts[1] == "pp" && parts[3] == "tp" && parts[5] == "part":
            guard let stage = Self.number(parts[2]), let rank = Self.number(parts[4]),
                Self.number(parts[6]) != nil
            else { return nil }
            (form, tensor) = (.vllmShardedState, rank)
            self.stage = stage
        case 2 where parts[0].hasPrefix("model") && parts[1].hasPrefix("mp"):
            guard let rank = Self.number(parts[0].dropFirst(5)),
                let count = Self.number(parts[1].dropFirst(2)),
                rank < count
            else { return nil }
            (form, tensor) = (.deepSeekMP, rank)
            self.count = count
        default: return nil
        }
    }

    /// Decimal digits, below what any cluster has.
    private static func number(_ text: Substring) -> Int? {
        text.utf8.allSatisfy { $0 &- 0x30 < 10 } ? Int(text).flatMap { $0 < 4096 ? $0 : nil } : nil
    }
}
