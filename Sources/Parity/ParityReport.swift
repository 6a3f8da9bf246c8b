// A comparison as people and programs read it. The text is here; the document and the page beside it.

import Diagnostics
import ReferenceModel

/// A comparison with everything a report says about it.
package struct ParityReport: Sendable {
    package let run: ParityRun
    package let result: ParityResult
    /// Why this tolerance profile.
    package let toleranceReason: String

    package init(run: ParityRun, result: ParityResult, toleranceReason: String) {
        self.run = run
        self.result = result
        self.toleranceReason = toleranceReason
    }

    /// The version of the document.
    package static let schema = 1

    // MARK: Text

    /// A dozen lines and the gates; verbose: every layer too.
    package func text(isVerbose: Bool) -> String {
        var lines = [
            "left        \(run.left.path)  (\(run.left.title))",
            "right       \(run.right.path)  (\(run.right.title))",
            "tolerance   \(result.tolerance.name): \(toleranceReason)",
            "",
        ]
        lines += [weightsLine, activationsLine, decisionsLine, outputsLine, predictionLine].compactMap { $0 }
        lines += [continuationsLine, batchLine, accuracyLine].compactMap { $0 }
        if let overflow = result.overflow { lines.append("overflow    " + overflow.verdict) }
        if isVerbose, let table = layerTable { lines += ["", table] }
        lines += ["", gateTable, "", verdict]
        return lines.joined(separator: "\n")
    }

    /// The last line: pass or fail, and of what.
    package var verdict: String {
        let broken = result.gates.filter { !$0.passed }
        if result.passed { return "pass: all \(result.gates.count) limits of \(result.tolerance.name) hold" }
        let errors = result.findings.count { $0.level == .error }
        if broken.isEmpty { return "fail: \(errors) finding\(errors == 1 ? "" : "s")" }
        return "fail: \(broken.count) of \(result.gates.count) limits of \(result.tolerance.name) broken: "
            + broken.map(\.gate.quantity.rawValue).joined(separator: ", ")
    }

    private var weightsLine: String? {
        guard let weights = result.weights else { return nil }
        let same = weights.count(where: \.isSameBytes)
        let stored = weights.count { !$0.isSameBytes && !$0.isSameType }
        let other = weights.count - same - stored
        var line =
            "bytes       \(grouped(weights.count)) tensors: \(grouped(same)) the same, "
            + "\(grouped(stored)) stored in another type, \(grouped(other)) with other bytes"
        let coded = weights.filter { $0.hasCodes && !$0.isSameBytes }
        if let worst = coded.max(by: { $0.sums.relative < $1.sums.relative }) {
            line +=
                "\nvalues      quantised weights: relative RMS \(scientific(relative(of: coded))), worst "
                + "\(scientific(worst.sums.relative)) in \(worst.right.name)"
        }
        return line
    }

    /// √(Σ difference² / Σ left²) over some weights.
    func relative(of weights: [WeightDifference]) -> Double {
        var sums = WeightSums()
        for weight in weights { sums += weight.sums }
        return sums.relative
    }

    private var activationsLine: String? {
        guard let differences = result.differences else { return nil }
        let stream = differences.layers.filter { $0.kind == .residual && $0.count > 0 }
        guard let first = stream.first, let last = stream.last,
            let worst = differences.layers.max(by: { $0.largest < $1.largest })
        else { return nil }
        return "values      residual stream: mean relative error \(scientific(first.mean)) after layer "
            + "\(first.layer ?? 0), \(scientific(last.mean)) after layer \(last.layer ?? 0); worst "
            + "\(scientific(worst.largest)), \(worst.placeText)"
    }

    private var decisionsLine: String? {
        guard let differences = result.differences, let agreement = differences.routeAgreement else {
            return nil
        }
        let routes = differences.routes
        let choices = routes.reduce(0) { $0 + $1.choices }
        var line =
            "decisions   routes: \(decimals(agreement * 100, 3)) % of \(grouped(choices)) choices agree"
        let (flips, ties) = (routes.reduce(0) { $0 + $1.flips }, routes.reduce(0) { $0 + $1.ties })
        if result.tolerance.tieMargin > 0 {
            line +=
                ", \(grouped(flips)) tokens flipped, \(grouped(ties)) ties within "
                + scientific(result.tolerance.tieMargin)
            if differences.excused > 0 {
                line += " (\(grouped(differences.excused)) tokens after a tie not judged)"
            }
        }
        return line
    }

    private var outputsLine: String? {
        guard let outputs = result.differences?.outputs, outputs.count > 0 else { return nil }
        return outputText("outputs     ", outputs)
    }

    private var predictionLine: String? {
        guard let outputs = result.differences?.prediction, outputs.count > 0 else { return nil }
        return outputText("prediction  ", outputs)
    }

    private func outputText(_ label: String, _ outputs: OutputDifferences) -> String {
        var parts: [String] = []
        if let mean = outputs.divergence {
            let isBound = run.left.server != nil || run.right.server != nil
            parts.append(
                (isBound ? "at least " : "") + "mean KL \(interval(mean, scientific)), max "
                    + scientific(outputs.largestDivergence?.value ?? 0))
        }
        if let agreement = outputs.choiceAgreement {
            parts.append(
                "likeliest token the same at \(percent(agreement)) of \(grouped(outputs.count)) positions")
        }
        var line = label + parts.joined(separator: "; ")
        if let perplexities = outputs.perplexities {
            line +=
                "\n            perplexity \(decimals(perplexities.left, 4)) left, "
                + "\(decimals(perplexities.right, 4)) right (\(signed(perplexities.right / perplexities.left - 1)))"
        }
        if let worst = outputs.largestDifference {
            line += "; largest difference of a log-probability \(scientific(worst.value))"
        }
        return line
    }

    private var continuationsLine: String? {
        guard !result.continuations.isEmpty else { return nil }
        let equal = result.continuations.count { $0.firstDifference == nil }
        let tokens = result.continuations.reduce(0) { $0 + $1.recorded.count }
        let ties = result.continuations.count(where: \.isTie)
        return "decisions   greedy: \(equal) of \(result.continuations.count) continuations the same"
            + (ties > 0 ? ", \(ties) part at a tie" : "") + ", \(grouped(tokens)) tokens"
    }

    private var batchLine: String? {
        guard let batch = result.batch, batch.routes > 0 else { return nil }
        return "batch size  \(grouped(batch.routes)) routes alone, step by step and in a batch: "
            + "\(grouped(batch.flips)) differ, \(grouped(batch.ties)) ties; "
            + "\(decimals(100 * Double(batch.identical) / Double(batch.routes), 1)) % the same bits"
    }

    private var accuracyLine: String? {
        guard let accuracy = result.accuracy else { return nil }
        func points(_ value: Estimate) -> String {
            decimals(100 * value.mean, 1) + (value.halfWidth.map { " ± " + decimals(100 * $0, 1) } ?? "")
        }
        return "outputs     accuracy on \(grouped(accuracy.items)) items: \(points(accuracy.left)) % left, "
            + "\(points(accuracy.right)) % right; difference \(points(accuracy.difference)) points "
            + "(\(accuracy.onlyLeft) right only left, \(accuracy.onlyRight) only right)"
    }

    private var layerTable: String? {
        guard let layers = result.differences?.layers, !layers.isEmpty else { return nil }
        var table = TextTable(["layer", "activation", "mean", "worst", "where"], numeric: [0, 2, 3])
        for layer in layers {
            table.add([
                layer.layer.map(String.init) ?? "", layer.kind.rawValue, scientific(layer.mean),
                scientific(layer.largest), layer.place?.title ?? "",
            ])
        }
        return table.text
    }

    private var gateTable: String {
        var table = TextTable(["limit", "", "found", "level", ""], numeric: [1, 2])
        for gate in result.gates {
            let quantity = gate.gate.quantity
            let sign = quantity.isFloor ? "≥" : "≤"
            table.add([
                quantity.title, "\(sign) \(quantity.text(gate.gate.limit))",
                quantity.text(gate.found), quantity.level.rawValue, gate.passed ? "ok" : "BROKEN",
            ])
        }
        return table.text
    }

    func interval(_ value: Estimate, _ text: (Double) -> String) -> String {
        text(value.mean) + (value.halfWidth.map { " ± " + text($0) } ?? "")
    }

    func percent(_ value: Estimate) -> String {
        decimals(100 * value.mean, 2) + (value.halfWidth.map { " ± " + decimals(100 * $0, 2) } ?? "") + " %"
    }

    func signed(_ ratio: Double) -> String { (ratio < 0 ? "" : "+") + decimals(100 * ratio, 3) + " %" }
}
