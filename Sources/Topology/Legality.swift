// Whether a topology can hold an artefact at all, and what to do when not. Every objection names the tensor
// that makes it so, the numbers that do not divide, and a layout or a scheme that would work.

import Architectures
import Diagnostics
import Tensors

/// Judges a topology for an artefact.
///
/// - Source: vLLM 0.33.0 quantization/utils/fp8_utils.py (every part of a merged matrix a multiple of the
///   block), layers/linear.py; SGLang 0.5.23 layers/quantization/fp8.py.
/// - Checked by: LegalityTests, against the table of docs/08-topology.md.
package struct Legality: Sendable {
    let artefact: ArtefactTensors
    let rules: SplitRules
    /// Whether the engine's expert ranks may hold different numbers of experts.
    let allowsUneven: Bool
    /// What the engine is called, for messages.
    let engine: String

    var topology: ParallelTopology { rules.topology }
    var c: BailingMoeV2Configuration { rules.configuration }

    package init(_ artefact: ArtefactTensors, _ rules: SplitRules, allowsUneven: Bool, engine: String) {
        self.artefact = artefact
        self.rules = rules
        self.allowsUneven = allowsUneven
        self.engine = engine
    }

    /// Everything against the topology, and what is worth knowing of a legal one.
    package func findings() -> [Finding] {
        let shape = productFindings() + stageFindings() + expertFindings()
        // With products that make no sense the rest would only repeat it.
        guard !shape.contains(where: { $0.level == .error }) else { return shape }
        let sizes = headFindings() + sizeFindings()
        guard !sizes.contains(where: { $0.level == .error }) else { return shape + sizes }
        return shape + sizes + blockFindings()
    }

    private func finding(
        _ level: Finding.Level = .error, _ code: DiagnosticCode, _ what: String, tensor: String? = nil,
        expected: String? = nil, found: String? = nil, remedy: String? = nil
    ) -> Finding {
        Finding(
            level, code, what, tensor: tensor, option: "--topology \(topology.name)", expected: expected,
            found: found, remedy: remedy)
    }

    // MARK: Products

    private func productFindings() -> [Finding] {
        let (places, expert) = (topology.expertRanks, topology.expert)
        switch rules.family {
        case .single:
            guard topology.world > 1 || expert > 1 else { return [] }
            return [
                finding(
                    .error, .topologyUnknownToEngine, "\(engine) runs this model in one process",
                    expected: "tp1", found: topology.name,
                    remedy: "--topology tp1, or an engine that divides models")
            ]
        case .vllm:
            guard expert > 1, expert != places else { return [] }
            return [
                finding(
                    .error, .topologyUnknownToEngine,
                    "\(engine) divides experts over all ranks of a stage or not at all",
                    expected: "EP = TP × DP = \(places)", found: "EP \(expert)",
                    remedy: legalRemedy([places, 1].map(withExperts)))
            ]
        case .sglang:
            guard places % expert != 0 else { return [] }
            return [
                finding(
                    .error, .topologyUnknownToEngine, "\(engine) divides --tp by --ep",
                    expected: "EP that divides TP × DP = \(places)", found: "EP \(expert)",
                    remedy: legalRemedy(
                        (1...min(expert, places)).reversed().filter { places % $0 == 0 }.map(withExperts)))
            ]
        }
    }

    private func stageFindings() -> [Finding] {
        let counts = rules.stages.stages.map(\.count)
        guard topology.pipeline > 1 else { return [] }
        if counts.contains(0) {
            return [
                finding(
                    .error, .stageEmpty, "a pipeline stage has no layer",
                    expected: "at most \(c.layerCount) stages", found: "\(topology.pipeline)",
                    remedy: "fewer stages")
            ]
        }
        guard Set(counts).count > 1 else { return [] }
        let variable = rules.family == .sglang ? "SGLANG_PP_LAYER_PARTITION" : "VLLM_PP_LAYER_PARTITION"
        return [
            finding(
                .note, .stageEmpty, "the layers do not divide over the stages",
                expected: "\(c.layerCount) layers in equal stages",
                found: counts.map(String.init).joined(separator: ", "),
                remedy: "\(variable)=… for another division")
        ]
    }

    private func expertFindings() -> [Finding] {
        let expert = topology.expert
        guard expert > 1 else {
            guard rules.placement != .linear else { return [] }
            return [
                finding(
                    .error, .topologyUnknownToEngine,
                    "experts are placed only where expert parallelism is on",
                    expected: "an EP above 1", found: "\(rules.placement.name.rawValue) placement",
                    remedy: "--placement linear, or a topology with ep")
            ]
        }
        var findings: [Finding] = []
        let example = exampleName(.expert(.gate)) ?? "routed experts"
        if expert > c.expertCount {
            findings.append(
                finding(
                    .error, .expertsDoNotDivide, "there are more expert ranks than experts", tensor: example,
                    expected: "at most \(c.expertCount) expert ranks", found: "\(expert)",
                    remedy: "a smaller TP × DP"))
        } else if c.expertCount % expert != 0 {
            let counts = (0..<expert).map {
                ExpertPlacement.count(ofRank: $0, experts: c.expertCount, ranks: expert)
            }
            findings.append(
                finding(
                    allowsUneven ? .warning : .error, .expertsDoNotDivide,
                    "experts do not divide over the expert ranks", tensor: example,
                    expected: "\(c.expertCount) experts in equal shares",
                    found: "\(counts.max() ?? 0) on the first \(c.expertCount % expert) ranks, "
                        + "\(counts.min() ?? 0) on the others",
                    remedy: "EP \(largestDivisor(of: c.expertCount, upTo: expert)); load balancing at run "
                        + "time needs equal shares"))
        }
        findings += placementFindings()
        return findings
    }

    private func placementFindings() -> [Finding] {
        guard rules.placement == .roundRobin else { return [] }
        switch rules.family {
        case .sglang, .single:
            return [
                finding(
                    .error, .placementFallsBack, "\(engine) has no round-robin placement",
                    expected: "linear, or balanced with a map of experts", found: "round-robin",
                    remedy: "--placement linear")
            ]
        case .vllm:
            // Its weight filter follows what was asked for, its layers what they fell back to: a rank would
            // skip experts that it needs, and a quantised load is not checked.
            if c.groupCount <= 1 {
                return [
                    finding(
                        .error, .placementFallsBack,
                        "the engine falls back to linear placement in its layers and not in its weight filter",
                        expected: "a model with expert groups", found: "n_group \(c.groupCount)",
                        remedy: "--placement linear")
                ]
            }
            guard topology.data > 1, rules.allToAll != .deepEP else { return [] }
            return [
                finding(
                    .error, .placementFallsBack,
                    "the engine falls back to linear placement in its layers and not in its weight filter",
                    expected: "DeepEP low latency between data-parallel ranks", found: "its standard backend",
                    remedy: "--placement linear, or --all-to-all deepep")
            ]
        }
    }

    // MARK: Sizes

    private func headFindings() -> [Finding] {
        let (tensor, heads, groups) = (topology.tensor, c.attentionHeadCount, c.keyValueHeadCount)
        let name = exampleName(.attentionQKV)
        if heads % tensor != 0 || (groups % tensor != 0 && tensor % groups != 0) {
            func divides(_ degree: Int) -> Bool {
                heads % degree == 0 && (groups % degree == 0 || degree % groups == 0)
            }
            let works = (1...tensor).last(where: divides) ?? 1
            let wanted = "a TP that divides \(heads) query heads, and that divides \(groups) key/value heads"
            return [
                finding(
                    .error, .headsDoNotDivide, "attention heads do not divide over the tensor ranks",
                    tensor: name,
                    expected: wanted + " or is a multiple of them",
                    found: "TP \(tensor)", remedy: "TP \(works)")
            ]
        }
        guard tensor > groups, topology.world > 1 else { return [] }
        let places = topology.expertRanks
        let copies = tensor / groups
        // Experts stay whole where that is legal: they then take no more room than before.
        let others = [places, 1].map {
            ParallelTopology(
                tensor: groups, data: places / groups, expert: $0, pipeline: topology.pipeline)
        }
        return [
            finding(
                .warning, .headsRepeated,
                "key/value heads are stored \(copies) times: more tensor ranks give no more cache",
                tensor: name, expected: "at most \(groups) tensor ranks, one for each key/value head",
                found: "TP \(tensor)", remedy: legalRemedy(others))
        ]
    }

    private func sizeFindings() -> [Finding] {
        var findings: [Finding] = []
        for (kind, example) in zip(artefact.kinds, artefact.examples) {
            let parts = rules.parts(kind.role)
            guard parts > 1 else { continue }
            let entry = artefact.inventory.entries[example]
            let isVocabulary = kind.role == .embedding || kind.role == .outputHead
            let axis = kind.role.tensorParallelSplit == .columns ? 1 : 0
            let size = isVocabulary ? rules.paddedVocabulary : kind.shape.dimensions[axis]
            guard kind.role.tensorParallelSplit != .fusedQKV, size % parts != 0 else { continue }
            let works = largestDivisor(of: size, upTo: parts)
            findings.append(
                finding(
                    .error, .sizeDoesNotDivide,
                    "\(axis == 1 ? "columns" : "rows") do not divide over \(parts) ranks",
                    tensor: described(entry, kind), expected: "\(size) in equal parts",
                    found: "\(size) / \(parts) leaves \(size % parts)",
                    remedy: entry.expert == nil
                        ? "\(degreeName(kind.role)) \(works)"
                        : wholeExpertsRemedy
                ))
        }
        return unique(findings)
    }

    // MARK: Scale blocks

    private func blockFindings() -> [Finding] {
        guard case .block(let height, let width)? = artefact.granularity else { return [] }
        var findings: [Finding] = []
        for (kind, example) in zip(artefact.kinds, artefact.examples) where kind.scaleShape != nil {
            let parts = rules.parts(kind.role)
            guard parts > 1 else { continue }
            let isColumns = kind.role.tensorParallelSplit == .columns
            let block = isColumns ? width : height
            guard let bad = cuts(kind, parts).first(where: { $0.each % block != 0 }) else { continue }
            let entry = artefact.inventory.entries[example]
            let axis = isColumns ? "columns" : "rows"
            findings.append(
                finding(
                    .error, .cutsScaleBlock, "\(axis) of a quantised matrix are cut inside a scale block",
                    tensor: described(entry, kind),
                    expected: "\(axis) of a rank in multiples of \(block)", found: bad.text,
                    remedy: blockRemedy(entry, kind, block)))
        }
        return unique(findings)
    }

    func degreeName(_ role: TensorRole) -> String {
        rules.parts(role) == topology.tensor ? "TP" : "TP × DP"
    }

    private func exampleName(_ role: TensorRole) -> String? {
        zip(artefact.kinds, artefact.examples).first { $0.0.role == role }.map {
            described(artefact.inventory.entries[$0.1], $0.0)
        }
    }

    private func described(_ entry: InventoryEntry, _ kind: TensorKind) -> String {
        "\(entry.name) \(kind.shape) \(kind.dtype.rawValue)"
    }

    /// Gate and up say the same: one of each message is enough.
    private func unique(_ findings: [Finding]) -> [Finding] {
        var seen: Set<String> = []
        return findings.filter { seen.insert("\($0.what) \($0.found ?? "") \($0.remedy ?? "")").inserted }
    }

    private func largestDivisor(of number: Int, upTo limit: Int) -> Int {
        (1...max(1, limit)).last { number % $0 == 0 } ?? 1
    }
}
