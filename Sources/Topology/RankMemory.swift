// Bytes that each rank holds, from the headers: what is cut, what is repeated, whole experts, padding.

import Architectures
import Diagnostics

/// What one rank holds, bytes of weights and scales by group.
package struct RankWeights: Equatable, Sendable {
    /// Bytes by group; the prediction layer is apart from the rest.
    package fileprivate(set) var groups: [RoleGroup: Int] = [:]
    /// Routed experts held in the layer that has most of them here.
    package fileprivate(set) var experts = 0

    /// Bytes an engine loads to serve without speculative decoding.
    package var bytes: Int { groups.filter { $0.key != .prediction }.values.reduce(0, +) }

    /// Bytes of the prediction layer, which engines load only to draft with it.
    package var predictionBytes: Int { groups[.prediction] ?? 0 }
}

/// The weights of all ranks of a stage's expert places, for every stage.
///
/// Ranks that differ only in what they hold of equal parts are equal here.
package struct RankMemory: Sendable {
    /// By rank of the topology.
    package let ranks: [RankWeights]

    /// Adds up what every rank holds.
    ///
    /// - Complexity: one pass over the weights, then ranks × stages.
    package init(_ artefact: ArtefactTensors, _ rules: SplitRules) {
        let topology = rules.topology
        let inventory = artefact.inventory
        let bytes = artefact.kinds.map { rules.partBytes($0, artefact.granularity) }
        var common = [[RoleGroup: Int]](repeating: [:], count: topology.pipeline)
        // [stage][expert rank]
        var routed = [[RankWeights]](
            repeating: [RankWeights](repeating: RankWeights(), count: topology.expert),
            count: topology.pipeline)
        var counts = [Int](repeating: 0, count: topology.expert)
        var countedLayer = -1
        for tensor in artefact.tensors {
            let entry = inventory.entries[tensor.entry]
            let group = inventory.isPrediction(entry) ? RoleGroup.prediction : RoleGroup(entry.role)
            let size = bytes[tensor.kind]
            if let expert = entry.expert, let layer = entry.layer {
                if layer != countedLayer {
                    countedLayer = layer
                    for place in counts.indices { counts[place] = 0 }
                }
                let stage = rules.stages.stage(ofLayer: layer)
                let rank = rules.placement.rank(
                    ofExpert: expert, layer: layer, experts: rules.configuration.expertCount,
                    ranks: topology.expert)
                routed[stage][rank].groups[group, default: 0] += size
                if case .expert(.gate) = entry.role {
                    counts[rank] += 1
                    routed[stage][rank].experts = max(routed[stage][rank].experts, counts[rank])
                }
                continue
            }
            for stage in 0..<topology.pipeline where rules.holds(entry, stage: stage) {
                common[stage][group, default: 0] += size
            }
        }
        ranks = topology.ranks.map { rank in
            var weights = routed[rank.stage][rank.expertPlace / topology.expertTensor]
            weights.groups.merge(common[rank.stage], uniquingKeysWith: +)
            return weights
        }
    }

    /// The rank that holds most.
    package var largest: Int { ranks.map(\.bytes).max() ?? 0 }
    /// The rank that holds least.
    package var smallest: Int { ranks.map(\.bytes).min() ?? 0 }
    /// All ranks together.
    package var total: Int { ranks.reduce(0) { $0 + $1.bytes } }
}

/// 2³⁰ bytes, in which device memory is told.
package let gibibyte = 1_073_741_824.0

/// Bytes as GiB with two decimals.
package func gib(_ bytes: Int) -> String { decimals(Double(bytes) / gibibyte, 2) }
