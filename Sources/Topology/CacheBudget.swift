// What is left for the key/value cache, and how many tokens that is.

import Architectures
import Diagnostics

/// Element types of the key/value cache.
package enum CacheType: String, CaseIterable, Sendable {
    case bf16, fp8

    /// Bytes of an element.
    package var bytes: Int { self == .bf16 ? 2 : 1 }
}

/// Memory of one device that an engine may use, GiB.
package struct DeviceMemory: Equatable, Sendable {
    /// What the device has for an engine.
    package let usable: Double
    /// The share of it that the engine takes.
    package let utilisation: Double
    package let activation: Double
    package let otherAlone: Double
    package let otherTogether: Double

    /// The memory of a device under an engine; nil where a profile does not know the device's.
    package init?(_ device: DeviceProfile, _ engine: EngineParallelism, utilisation: Double? = nil) {
        guard let usable = device.usableMemory else { return nil }
        self.usable = usable
        self.utilisation = utilisation ?? engine.memoryUtilisation
        activation = engine.activationGiB
        otherAlone = engine.otherAloneGiB
        otherTogether = engine.otherTogetherGiB
    }

    /// Bytes for weights and cache on a device of a world.
    func bytes(world: Int) -> Int {
        Int((usable * utilisation - activation - (world > 1 ? otherTogether : otherAlone)) * gibibyte)
    }
}

/// The key/value cache of one replica.
package struct CacheBudget: Equatable, Sendable {
    /// Bytes left for it on the rank that has least for its tokens.
    package let bytes: Int
    /// Bytes that one token takes on that rank.
    package let bytesPerToken: Int
    /// Tokens of a replica.
    package var tokens: Int { max(0, bytes) / bytesPerToken }

    /// Sequences of a length that a replica can hold at once.
    package func sequences(of context: Int) -> Double { Double(tokens) / Double(context) }

    /// The cache that weights leave room for.
    ///
    /// A rank keeps G / TP key/value heads of its stage's layers, at least one.
    package init(_ rules: SplitRules, _ weights: RankMemory, _ memory: DeviceMemory, _ type: CacheType) {
        let topology = rules.topology
        let room = memory.bytes(world: topology.world)
        let least = zip(topology.ranks, weights.ranks).map { rank, held in
            (left: room - held.bytes, each: Self.bytesPerToken(rules, stage: rank.stage, type))
        }.min { $0.left / $0.each < $1.left / $1.each }
        bytes = least?.left ?? 0
        bytesPerToken = least?.each ?? 1
    }

    /// Bytes of a token's keys and values on a rank of a stage.
    package static func bytesPerToken(_ rules: SplitRules, stage: Int, _ type: CacheType) -> Int {
        let c = rules.configuration
        let heads = max(1, c.keyValueHeadCount / rules.topology.tensor)
        return rules.stages.stages[stage].count * 2 * heads * c.headDimension * type.bytes
    }
}
