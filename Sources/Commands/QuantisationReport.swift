// The summary of a finished quantisation: error by role, what was kept and why, sizes, what to do next.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import Quantisation

/// What quantise prints.
struct QuantisationReport {
    let plan: ConversionPlan
    let inventory: TensorInventory
    let request: QuantisationRequest
    /// What a budget of bytes bought; nil without one.
    let bought: KeptModules?
    let result: ConversionResult
    let output: String
    let seconds: Double
    /// Also a line for each quantised tensor.
    let verbose: Bool

    var text: String {
        let (all, roles) = ConversionRecord.totals(plan, result, inventory: inventory)
        var table = TextTable(
            [
                "role", "tensors", "parameters", "relative RMS", "worst", "SQNR dB", "clamped",
                "zero blocks",
            ],
            numeric: [1, 2, 3, 4, 5, 6, 7])
        for role in roles {
            table.add(row(role.role.name, role.tensors, role.error, role.worst))
        }
        let count = roles.reduce(0) { $0 + $1.tensors }
        let worst = roles.map(\.worst).max() ?? 0
        table.add(row("all", count, all, worst))
        var lines = [
            "quantised \(lastComponent(plan.source.folder)) with \(request.scheme.name): \(request.scheme.summary)",
            "", table.text, "", "kept as they are: " + kept,
        ]
        if verbose { lines.insert(contentsOf: [tensorTable, ""], at: 2) }
        if let search = request.search { lines.append("scales searched: \(search.rawValue)") }
        if let scales = request.scales { lines += storedScales(scales) }
        for adaptation in request.adaptations {
            lines.append("adapted: \(adaptation.reason)")
        }
        if let bought { lines.append(bought.text) }
        let rate = seconds > 0 ? Double(plan.sourceByteCount) / seconds : 0
        let resumed = result.resumed > 0 ? ", \(result.resumed) of them sealed by an earlier run" : ""
        lines += [
            "", "\(output)",
            "  \(byteCount(plan.sourceByteCount)) to \(byteCount(plan.byteCount)) in \(decimals(seconds, 2)) s"
                + " (\(byteCount(Int(rate)))/s), \(result.shards.count) shard\(result.shards.count == 1 ? "" : "s")\(resumed)"
                + (peakResidentBytes().map { ", peak memory \(decimals(Double($0) / 1_048_576, 0)) MiB" }
                    ?? ""),
            "  digests and the error of every tensor: \(joined(output, QuantisationPlanner.recordName))",
            "  next: ingot validate \(output) --deep",
        ]
        return lines.joined(separator: "\n")
    }

    /// What was stored, and which experts had to take another's scale.
    private func storedScales(_ scales: CalibratedScales) -> [String] {
        var parts: [String] = []
        if !scales.inputs.isEmpty { parts.append("\(grouped(scales.inputs.count)) of inputs") }
        if !scales.caches.isEmpty { parts.append("\(grouped(2 * scales.caches.count)) of keys and values") }
        var lines = [
            "scales stored: " + parts.joined(separator: ", ") + "; validate --target says who reads them"
        ]
        for unseen in scales.unseen {
            let experts = abridged(unseen.experts.map(String.init), limit: 12)
            lines.append(
                "no inputs seen: \(unseen.role.name) of layer \(unseen.layer), experts \(experts): the largest scale of "
                    + "that layer, \(scientific(Double(unseen.scale)))")
        }
        return lines
    }

    var document: JSONValue {
        let (all, roles) = ConversionRecord.totals(plan, result, inventory: inventory)
        return [
            "output": .string(output), "plan_sha256": .string(plan.digest), "request": plan.intent,
            "seconds": .real(seconds),
            "input_bytes": .integer(plan.sourceByteCount),
            "output_bytes": .integer(plan.byteCount), "resumed_shards": .integer(result.resumed),
            "keep_budget": bought?.document ?? .null, "error": all.document,
            "roles": .array(
                roles.map {
                    [
                        "role": .string($0.role.name), "tensors": .integer($0.tensors),
                        "worst_relative_rms": .real($0.worst), "error": $0.error.document,
                    ]
                }),
            "files": .array(
                result.shards.map(\.file.document)),
        ]
    }

    private func row(_ name: String, _ tensors: Int, _ error: EncodeStatistics, _ worst: Double) -> [String] {
        [
            name, grouped(tensors), grouped(error.elements), scientific(error.relativeRMS), scientific(worst),
            error.sqnr.map { decimals($0, 2) } ?? "-", grouped(error.saturated), grouped(error.zeroBlocks),
        ]
    }

    /// A line for each quantised tensor, in file order.
    private var tensorTable: String {
        var table = TextTable(
            ["tensor", "relative RMS", "SQNR dB", "largest error", "amax", "zero blocks"],
            numeric: [1, 2, 3, 4, 5])
        for tensor in result.shards.flatMap(\.tensors) {
            guard let error = tensor.statistics else { continue }
            table.add([
                tensor.name, scientific(error.relativeRMS), error.sqnr.map { decimals($0, 2) } ?? "-",
                scientific(error.largestError), scientific(error.largestSignal), grouped(error.zeroBlocks),
            ])
        }
        return table.text
    }

    /// Roles that are present and were not quantised, with their tensors.
    private var kept: String {
        var counts: [TensorRole: Int] = [:]
        for entry in inventory.entries where !request.quantises(entry) {
            counts[entry.role, default: 0] += 1
        }
        return TensorRole.allCases.compactMap { role in counts[role].map { "\(role.name) (\(grouped($0)))" } }
            .joined(separator: ", ")
    }
}
