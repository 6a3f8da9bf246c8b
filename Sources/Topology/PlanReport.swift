// What a plan says: a table of topologies or one of them in full, as text and as a document.

import Architectures
import Diagnostics
import Documents

/// A finished plan for people and programs.
package struct PlanReport: Sendable {
    package let checkpoint: String
    package let planner: TopologyPlanner
    /// Best first.
    package let topologies: [JudgedTopology]
    /// What holds for every topology.
    package let general: [Finding]
    /// The file that says where experts live; nil when none was written.
    package let expertMap: String?

    package init(
        checkpoint: String, planner: TopologyPlanner, topologies: [JudgedTopology], general: [Finding],
        expertMap: String? = nil
    ) {
        self.checkpoint = checkpoint
        self.planner = planner
        self.topologies = topologies
        self.general = general
        self.expertMap = expertMap
    }

    var request: PlanRequest { planner.request }

    /// The topology a plan recommends: the first, when it is legal.
    package var best: JudgedTopology? { topologies.first.flatMap { $0.isLegal ? $0 : nil } }

    /// All findings to be told beside the table; in a table of many topologies only the general ones.
    package var findings: [Finding] {
        guard topologies.count > 1 else { return general + topologies.flatMap(\.findings) }
        guard best == nil else { return general }
        return general + [
            Finding(
                .error, .nothingLegal, "no topology of these devices is legal", target: request.target.name,
                expected: "one of \(topologies.count)", found: "none",
                remedy: "the table says what each one lacks")
        ]
    }

    /// Whether something can be served.
    package var isGood: Bool {
        (best?.fits ?? false) && !findings.contains { $0.level == .error }
    }

    // MARK: Text

    package var text: String {
        var lines = [
            "\(checkpoint): \(layoutTitle), \(gib(storedBytes)) GiB of weights, for \(request.target.name)",
            assumptions, "",
        ]
        if topologies.count == 1, let only = topologies.first {
            lines += details(only)
        } else {
            lines += [table, ""]
            lines += rejections
        }
        lines += balance
        if let best {
            lines += [
                "serve \(best.topology.name):",
                "  "
                    + ServeCommand.text(best, request, checkpoint: checkpoint, expertMap: expertMap),
            ]
        }
        return lines.joined(separator: "\n")
    }

    private var storedBytes: Int {
        planner.artefact.tensors.reduce(0) { $0 + bytes(planner.artefact.kinds[$1.kind]) }
    }

    private func bytes(_ kind: TensorKind) -> Int {
        (kind.shape.byteCount(kind.dtype) ?? 0)
            + (kind.scaleShape.flatMap { shape in kind.scaleDType.flatMap { shape.byteCount($0) } } ?? 0)
    }

    private var layoutTitle: String {
        planner.artefact.quantised.layout.fp8.map { "FP8 \($0.title)" }
            ?? planner.artefact.configuration.dtype.rawValue
    }

    private var assumptions: String {
        guard
            let memory = DeviceMemory(
                request.target.device, request.target.engine.parallelism, utilisation: request.utilisation)
        else { return "the memory of this device is not known: weights only" }
        return "each device: \(decimals(memory.usable, 1)) GiB × \(decimals(memory.utilisation, 2))"
            + " − \(decimals(memory.activation, 1)) for activations − \(decimals(memory.otherTogether, 1))"
            + " outside (\(decimals(memory.otherAlone, 1)) alone); cache in \(request.cache.rawValue)"
    }

    private var table: String {
        var table = TextTable(
            [
                "topology", "devices", "GiB a rank", "experts", "KiB a token", "tokens a replica",
                "sequences of \(grouped(request.context))", "verdict",
            ], numeric: [1, 2, 3, 4, 5, 6])
        for judged in topologies { table.add(row(judged)) }
        return table.text
    }

    private func row(_ judged: JudgedTopology) -> [String] {
        let topology = judged.topology
        guard let weights = judged.weights else {
            return [topology.name, "\(topology.world)", "-", "-", "-", "-", "-", verdict(judged)]
        }
        let spread =
            weights.largest == weights.smallest
            ? gib(weights.largest) : "\(gib(weights.smallest))–\(gib(weights.largest))"
        let experts = weights.ranks.map(\.experts)
        let (least, most) = (experts.min() ?? 0, experts.max() ?? 0)
        return [
            topology.name, "\(topology.world)", spread, least == most ? "\(most)" : "\(least)–\(most)",
            judged.cache.map { decimals(Double($0.bytesPerToken) / 1024, 0) } ?? "-",
            judged.cache.map { grouped($0.tokens) } ?? "-",
            judged.cache == nil ? "-" : decimals(judged.sequences, 1), verdict(judged),
        ]
    }

    func verdict(_ judged: JudgedTopology) -> String {
        guard let worst = judged.findings.first(where: { $0.level == .error }) else {
            let warnings = judged.findings.filter { $0.level == .warning }.map(\.code.name)
            return (judged.fits ? "ok" : "too small") + (warnings.isEmpty ? "" : ", " + abridged(warnings))
        }
        return (judged.isLegal ? "does not fit" : "illegal") + ", \(worst.code.name)"
    }

    /// Each kind of objection once, with the topologies it holds for.
    private var rejections: [String] {
        var order: [String] = []
        var cases: [String: (finding: Finding, names: [String])] = [:]
        for judged in topologies {
            for finding in judged.findings where finding.level != .note {
                let about = finding.subjects.first { $0.label == "tensor" }?.value ?? ""
                let key = "\(finding.code.name) \(finding.what) \(about)"
                if cases[key] == nil { order.append(key) }
                cases[key, default: (finding, [])].names.append(judged.topology.name)
            }
        }
        return order.flatMap { key -> [String] in
            guard let (finding, names) = cases[key] else { return [] }
            let tensor = finding.subjects.first { $0.label == "tensor" }
            var lines = ["\(finding.code.name)  \(finding.what): \(abridged(names, limit: 12))"]
            if let tensor { lines.append("  tensor    \(tensor.value)") }
            if let found = finding.found { lines.append("  found     \(found) (\(names[0]))") }
            if let remedy = finding.remedy { lines.append("  try       \(remedy)") }
            return lines + [""]
        }
    }

    private func details(_ judged: JudgedTopology) -> [String] {
        guard let weights = judged.weights else { return ["\(judged.topology.name) is illegal", ""] }
        var table = TextTable(
            ["rank", "data", "stage", "layers", "tensor", "experts", "GiB", "cache GiB"],
            numeric: [0, 1, 2, 4, 5, 6, 7])
        let room = judged.memory?.bytes(world: judged.topology.world)
        for (rank, held) in zip(judged.topology.ranks, weights.ranks) {
            let layers = judged.rules.stages.stages[rank.stage]
            table.add([
                "\(rank.index)", "\(rank.data)", "\(rank.stage)",
                "\(layers.lowerBound)…\(layers.upperBound - 1)", "\(rank.tensor)", "\(held.experts)",
                gib(held.bytes), room.map { gib($0 - held.bytes) } ?? "-",
            ])
        }
        var lines = ["\(judged.topology.name): \(verdict(judged))", table.text]
        if let cache = judged.cache {
            lines.append(
                "cache of a replica: \(grouped(cache.tokens)) tokens at \(grouped(cache.bytesPerToken)) bytes "
                    + "a rank, \(decimals(cache.sequences(of: request.context), 1)) sequences of "
                    + "\(grouped(request.context)); \(judged.topology.data) replica"
                    + (judged.topology.data == 1 ? "" : "s"))
        }
        let extra = weights.ranks.map(\.predictionBytes).max() ?? 0
        if extra > 0 {
            lines.append(
                "not counted: \(gib(extra)) GiB of the prediction layer, loaded only to draft with it")
        }
        return lines + [""]
    }

    // MARK: Load of experts

    /// The imbalances of the three placements over the best topology's expert ranks.
    package var imbalances: [(name: ExpertPlacement.Name, value: Imbalance)] {
        guard let load = request.load, let ranks = best?.topology.expert, ranks > 1 else { return [] }
        return [
            (.linear, load.imbalance(.linear, ranks: ranks)),
            (.roundRobin, load.imbalance(.roundRobin, ranks: ranks)),
            (.balanced, load.imbalance(load.balanced(ranks: ranks), ranks: ranks)),
        ]
    }

    private var balance: [String] {
        let rows = imbalances
        guard !rows.isEmpty, let best else { return [] }
        var table = TextTable(
            ["placement", "largest / mean load", "worst layer", "layer"], numeric: [1, 2, 3])
        for row in rows {
            table.add([
                row.name.rawValue, decimals(row.value.mean, 3), decimals(row.value.worst, 3),
                "\(row.value.worstLayer)",
            ])
        }
        return [
            "load of \(best.topology.expert) expert ranks, mean over layers; 1 is even", table.text, "",
        ]
    }

    // MARK: Document

    package var document: JSONValue {
        var object = JSONObject()
        object["checkpoint"] = .string(checkpoint)
        object["target"] = .string(request.target.name)
        object["layout"] = .string(layoutTitle)
        object["weight_bytes"] = .integer(storedBytes)
        object["cache_type"] = .string(request.cache.rawValue)
        object["context"] = .integer(request.context)
        object["placement"] = .string(request.placement.rawValue)
        object["best"] = best.map { .string($0.topology.name) } ?? .null
        object["serve"] =
            best.map {
                .string(ServeCommand.text($0, request, checkpoint: checkpoint, expertMap: expertMap))
            } ?? .null
        object["imbalance"] = .array(
            imbalances.map {
                [
                    "placement": .string($0.name.rawValue), "mean": .real($0.value.mean),
                    "worst": .real($0.value.worst), "worst_layer": .integer($0.value.worstLayer),
                ]
            })
        object["topologies"] = .array(topologies.map(document))
        return .object(object)
    }

    private func document(_ judged: JudgedTopology) -> JSONValue {
        let topology = judged.topology
        var object = JSONObject()
        object["name"] = .string(topology.name)
        object["tp"] = .integer(topology.tensor)
        object["dp"] = .integer(topology.data)
        object["ep"] = .integer(topology.expert)
        object["pp"] = .integer(topology.pipeline)
        object["devices"] = .integer(topology.world)
        object["legal"] = .bool(judged.isLegal)
        object["fits"] = .bool(judged.fits)
        object["layers"] = .array(judged.rules.stages.stages.map { .integer($0.count) })
        object["rank_bytes"] = judged.weights.map { .array($0.ranks.map { .integer($0.bytes) }) } ?? .null
        object["rank_experts"] = judged.weights.map { .array($0.ranks.map { .integer($0.experts) }) } ?? .null
        object["prediction_bytes"] =
            judged.weights.map { .integer($0.ranks.map(\.predictionBytes).max() ?? 0) } ?? .null
        object["cache"] =
            judged.cache.map {
                [
                    "bytes": .integer($0.bytes), "bytes_per_token": .integer($0.bytesPerToken),
                    "tokens": .integer($0.tokens), "sequences": .real($0.sequences(of: request.context)),
                ]
            } ?? .null
        object["findings"] = .array(judged.findings.map(\.document))
        return .object(object)
    }
}
