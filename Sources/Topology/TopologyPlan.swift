// A topology judged for an artefact on a device under an engine: is it legal, what does each rank hold, what
// is left for the cache. And the search over all topologies of a number of devices.

import Architectures
import Diagnostics

/// What a plan is asked for.
package struct PlanRequest: Sendable {
    package var target: Target
    package var cache: CacheType
    /// Tokens of a sequence, the yardstick of what fits.
    package var context: Int
    package var placement: ExpertPlacement.Name
    package var allToAll: AllToAll
    /// The share of memory the engine takes; nil for its default.
    package var utilisation: Double?
    /// What a balanced placement is made from.
    package var load: ExpertLoad?

    package init(
        target: Target, cache: CacheType = .bf16, context: Int, placement: ExpertPlacement.Name = .linear,
        allToAll: AllToAll = .standard, utilisation: Double? = nil, load: ExpertLoad? = nil
    ) {
        self.target = target
        self.cache = cache
        self.context = context
        self.placement = placement
        self.allToAll = allToAll
        self.utilisation = utilisation
        self.load = load
    }
}

/// One topology with everything that was found of it.
package struct JudgedTopology: Sendable {
    package let rules: SplitRules
    package let findings: [Finding]
    /// Nil when the topology is not legal.
    package let weights: RankMemory?
    /// Nil when it is not legal, or the device's memory is not known.
    package let cache: CacheBudget?
    package let memory: DeviceMemory?
    let context: Int

    package var topology: ParallelTopology { rules.topology }
    /// Whether the engine can load it, memory apart.
    package var isLegal: Bool { weights != nil }
    /// Whether a sequence of the context fits beside the weights; unknown memory fits.
    package var fits: Bool { isLegal && (cache.map { $0.tokens >= context } ?? true) }
    /// Sequences of the context that all replicas hold together.
    package var sequences: Double {
        (cache?.sequences(of: context) ?? 0) * Double(topology.data)
    }
}

/// Plans topologies of one artefact.
///
/// - Checked by: LegalityTests, MemoryTests, PlanCommandTests.
package struct TopologyPlanner: Sendable {
    package let artefact: ArtefactTensors
    package let request: PlanRequest

    package init(_ artefact: ArtefactTensors, _ request: PlanRequest) {
        self.artefact = artefact
        self.request = request
    }

    private var engine: EngineProfile { request.target.engine }

    /// Judges one topology.
    package func judge(_ topology: ParallelTopology) throws(Failure) -> JudgedTopology {
        let rules = SplitRules(
            artefact.configuration, topology, engine.parallelism,
            placement: try request.placement.made(request.load, ranks: topology.expert),
            allToAll: request.allToAll)
        var findings = Legality(
            artefact, rules, allowsUneven: engine.parallelism.allowsUnevenExperts, engine: engine.title
        ).findings()
        guard !findings.contains(where: { $0.level == .error }) else {
            return JudgedTopology(
                rules: rules, findings: findings, weights: nil, cache: nil, memory: nil,
                context: request.context)
        }
        let weights = RankMemory(artefact, rules)
        let memory = DeviceMemory(
            request.target.device, engine.parallelism, utilisation: request.utilisation)
        let cache = memory.map { CacheBudget(rules, weights, $0, request.cache) }
        if let memory, let cache { findings += fitFindings(rules, weights, memory, cache) }
        return JudgedTopology(
            rules: rules, findings: findings, weights: weights, cache: cache, memory: memory,
            context: request.context)
    }

    private func fitFindings(
        _ rules: SplitRules, _ weights: RankMemory, _ memory: DeviceMemory, _ cache: CacheBudget
    ) -> [Finding] {
        guard cache.tokens < request.context else { return [] }
        let room = memory.bytes(world: rules.topology.world)
        let option = "--topology \(rules.topology.name)"
        guard cache.tokens > 0 else {
            return [
                Finding(
                    .error, .doesNotFit, "the weights leave no memory for a cache", option: option,
                    target: request.target.name,
                    expected: "less than \(gib(room)) GiB of weights on each device",
                    found: "\(gib(weights.largest)) GiB",
                    remedy: "more devices: ingot shard plan CHECKPOINT --devices N")
            ]
        }
        return [
            Finding(
                .warning, .doesNotFit, "no sequence of this length fits", option: option,
                target: request.target.name, expected: "\(grouped(request.context)) tokens of cache",
                found: "\(grouped(cache.tokens))",
                remedy: "--context \(cache.tokens) or less, --cache fp8, or more devices")
        ]
    }

    /// What holds for every topology: what the target makes of the artefact and of its lengths.
    package func generalFindings() -> [Finding] {
        var findings = request.target.findings(artefact.configuration)
        if let scheme = SchemeDescription(artefact.quantised) {
            findings += request.target.findings(scheme, .judging)
        }
        let c = artefact.configuration
        let reach = c.reach(engine)
        if request.context > reach {
            let factor = (Double(request.context) / Double(c.contextLength)).rounded(.up)
            findings.append(
                Finding(
                    .warning, .contextBeyondModel, "sequences of this length need YaRN",
                    field: "rope_scaling", option: "--context \(request.context)",
                    expected: "a context of at least \(grouped(request.context)) tokens",
                    found: "\(grouped(reach))",
                    remedy: "rope_scaling {\"type\": \"yarn\", \"factor\": \(decimals(factor, 1)), "
                        + "\"original_max_position_embeddings\": \(c.contextLength)} in config.json"))
        }
        if request.target.device.usableMemory == nil {
            findings.append(
                Finding(
                    .note, .memoryUnknown, "the memory of this device is not known: weights only",
                    target: request.target.name, remedy: "a target with a device that has its own memory"))
        }
        return findings
    }

}

extension BailingMoeV2Configuration {
    /// Tokens of a sequence that the config reaches in an engine.
    func reach(_ engine: EngineProfile) -> Int {
        guard let scaling = ropeScaling else { return contextLength }
        let factor = YaRN.effectiveFactor(
            scaling, contextLength: contextLength, generation: engine.ropeGeneration)
        return max(contextLength, Int(Double(scaling.originalContextLength) * factor))
    }
}
