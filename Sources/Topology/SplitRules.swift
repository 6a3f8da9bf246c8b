// What each family of engines gives to which rank: the one place that knows. A rule answers for a tensor of
// the inventory; where the bytes are is in SliceRegion.swift.

import Architectures
import Diagnostics

/// How tokens travel between expert ranks.
package enum AllToAll: String, CaseIterable, Sendable {
    /// What the engine does without being asked.
    case standard
    /// DeepEP, low-latency mode.
    case deepEP = "deepep"
}

/// What a rank holds of a tensor.
package enum RankShare: Equatable, Sendable {
    /// Nothing.
    case absent
    /// All of it.
    case whole
    /// One of equal parts along the axis of the tensor's role.
    case part(index: Int, of: Int)
}

/// The rules by which a model is divided.
///
/// - Source: vLLM 0.33.0 models/bailing_moe.py, layers/linear.py, layers/fused_moe; SGLang 0.5.23
///   models/bailing_moe.py, layers/dp_attention.py.
/// - Checked by: GeometryTests, GridTests, and bit for bit against vLLM 0.32.0 by Tests/Judges/judge_sharded_state.py.
package struct SplitRules: Sendable {
    package let configuration: BailingMoeV2Configuration
    package let topology: ParallelTopology
    package let family: ParallelFamily
    package let allToAll: AllToAll
    package let placement: ExpertPlacement
    package let stages: PipelineSplit
    /// Rows of the vocabulary are padded to a multiple of this before they are cut; 1 pads nothing.
    package let vocabularyMultiple: Int

    /// The rules of a family for a topology; whether they hold for the model is for `Legality` to say.
    package init(
        _ configuration: BailingMoeV2Configuration, _ topology: ParallelTopology, family: ParallelFamily,
        remainder: PipelineRemainder, vocabularyMultiple: Int, placement: ExpertPlacement = .linear,
        allToAll: AllToAll = .standard
    ) {
        self.configuration = configuration
        self.topology = topology
        self.family = family
        self.allToAll = allToAll
        self.placement = placement
        self.vocabularyMultiple = vocabularyMultiple
        stages = PipelineSplit(
            layers: configuration.layerCount, stages: topology.pipeline, remainder: remainder)
    }

    /// The rules of an engine for a topology.
    package init(
        _ configuration: BailingMoeV2Configuration, _ topology: ParallelTopology,
        _ engine: EngineParallelism, placement: ExpertPlacement = .linear, allToAll: AllToAll = .standard
    ) {
        self.init(
            configuration, topology, family: engine.family, remainder: engine.pipeline,
            vocabularyMultiple: engine.vocabularyMultiple, placement: placement, allToAll: allToAll)
    }

    /// The same rules for other ranks of the same stages.
    func moved(to topology: ParallelTopology) -> SplitRules { SplitRules(self, topology) }

    private init(_ other: SplitRules, _ topology: ParallelTopology) {
        precondition(topology.pipeline == other.topology.pipeline)
        configuration = other.configuration
        self.topology = topology
        family = other.family
        allToAll = other.allToAll
        // Without expert parallelism there is nothing to place.
        placement = topology.expert > 1 ? other.placement : .linear
        stages = other.stages
        vocabularyMultiple = other.vocabularyMultiple
    }

    /// Rows of the embedding and the head with what the engine adds.
    package var paddedVocabulary: Int {
        let multiple = vocabularyMultiple
        return (configuration.vocabularySize + multiple - 1) / multiple * multiple
    }

    /// Into how many parts ranks of one stage cut a tensor of a role; 1 where each holder has all of it.
    package func parts(_ role: TensorRole) -> Int {
        guard role.tensorParallelSplit != .none else { return 1 }
        switch role {
        case .expert: return topology.expertTensor
        case .attentionQKV, .attentionOutput, .embedding: return topology.tensor
        case .sharedExpert, .denseMLP, .outputHead:
            switch family {
            case .vllm, .single: return topology.tensor
            case .sglang:
                // With DeepEP every rank computes the shared expert for its own tokens.
                if case .sharedExpert = role, allToAll == .deepEP, topology.expert > 1 { return 1 }
                return topology.expertRanks
            }
        default: return 1
        }
    }

    /// Where a layer or a tensor outside layers stands.
    package func stages(of entry: InventoryEntry) -> ClosedRange<Int>? {
        let last = topology.pipeline - 1
        if let layer = entry.layer {
            let stage = stages.stage(ofLayer: layer)
            return stage...stage
        }
        return entry.role == .embedding ? 0...0 : last...last
    }

    /// Whether a rank's stage has a tensor.
    package func holds(_ entry: InventoryEntry, stage: Int) -> Bool {
        if stages(of: entry)?.contains(stage) ?? true { return true }
        // A tied embedding is also the head.
        return entry.role == .embedding && configuration.tiesEmbeddings && stage == topology.pipeline - 1
    }

    /// What a rank holds of a tensor.
    package func share(_ entry: InventoryEntry, _ rank: Rank) -> RankShare {
        guard holds(entry, stage: rank.stage) else { return .absent }
        let parts = parts(entry.role)
        if let expert = entry.expert, let layer = entry.layer {
            let owner = placement.rank(
                ofExpert: expert, layer: layer, experts: configuration.expertCount, ranks: topology.expert)
            guard rank.expertPlace / topology.expertTensor == owner else { return .absent }
            return parts == 1 ? .whole : .part(index: rank.expertPlace % parts, of: parts)
        }
        guard parts > 1 else { return .whole }
        return .part(index: parts == topology.tensor ? rank.tensor : rank.expertPlace, of: parts)
    }
}
