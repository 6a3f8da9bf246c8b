// An audit in words, as a document and as a page.

import Architectures
import Charts
import Checkpoints
import Diagnostics
import Documents
import ReferenceModel

/// What an audit has to say.
package struct HeadAuditReport: Sendable {
    package let target: String
    package let audit: HeadAudit

    package init(target: String, audit: HeadAudit) {
        self.target = target
        self.audit = audit
    }

    private var errors: Int { audit.findings.count { $0.level == .error } }
    private var warnings: Int { audit.findings.count { $0.level == .warning } }

    private var verdict: String {
        if errors > 0 { return "\(errors) error\(errors == 1 ? "" : "s"): engines would fail or guess badly" }
        return warnings > 0 ? "no error, \(warnings) to look at" : "nothing to object to"
    }

    // MARK: Text

    package var text: String {
        var lines = ["\(lastComponent(audit.folder)) for \(lastComponent(target)): \(verdict)"]
        for fact in facts { lines.append("\(fact.name): \(fact.value)") }
        guard let onText = audit.onText else { return lines.joined(separator: "\n") }
        var table = TextTable(["states after layers", "first guess right"], numeric: [1])
        for layers in onText.layers { table.add([words(layers), percent(layers.accuracy)]) }
        lines += ["", table.text]
        return lines.joined(separator: "\n")
    }

    private var facts: [(name: String, value: String)] {
        var facts: [(name: String, value: String)] = []
        if let document = audit.document {
            let c = document.configuration
            let layout = HeadLayout(c)
            facts += [
                ("form", document.form.rawValue),
                ("parameters", "\(grouped(layout.count)) in \(layout.entries.count) tensors"),
                (
                    "draft vocabulary",
                    "\(grouped(c.draftVocabularySize)) of \(grouped(c.vocabularySize)) tokens"
                ),
                ("layer ids", "\(ids(document)): \(document.layerIds.reason.rawValue)"),
            ]
        }
        facts.append(
            ("weights", audit.weightsRead.map { "\(grouped($0)) read" } ?? "not read"))
        if let onText = audit.onText {
            facts += [
                ("text in the draft vocabulary", percent(onText.coverage)),
                ("the target's choices in it", percent(onText.choiceCoverage)),
            ]
        }
        return facts
    }

    private func ids(_ document: HeadDocument) -> String {
        let after = document.layerIds.points.map { $0.afterLayer.map { "\($0)" } ?? "the embedding" }
        let written = document.layerIds.written.map { "\($0)" } ?? "none"
        return "\(written), states after layers \(after.joined(separator: ", "))"
    }

    private func words(_ layers: TextAudit.Layers) -> String {
        let after = layers.points.map { $0.afterLayer.map { "\($0)" } ?? "embedding" }
        return after.joined(separator: ", ") + (layers.shift == 0 ? ", as stated" : "")
    }

    private func percent(_ estimate: Estimate) -> String {
        decimals(100 * estimate.mean, 1)
            + (estimate.halfWidth.map { " ± " + decimals(100 * $0, 1) } ?? "") + " %"
    }

    // MARK: Document

    package var document: JSONValue {
        var document = JSONObject()
        document["head"] = .string(audit.folder)
        document["target"] = .string(target)
        document["errors"] = .integer(errors)
        document["warnings"] = .integer(warnings)
        if let head = audit.document {
            document["form"] = .string(head.form.rawValue)
            document["parameters"] = .integer(HeadLayout(head.configuration).count)
            document["layer_ids"] = head.layerIds.written.map { .array($0.map { .integer($0) }) } ?? .null
            document["layer_id_reading"] = .string(head.layerIds.reason.rawValue)
            document["after_layers"] = .array(
                head.layerIds.points.map { $0.afterLayer.map { .integer($0) } ?? .null })
        }
        document["weights_read"] = audit.weightsRead.map { .integer($0) } ?? .null
        if let onText = audit.onText {
            document["coverage"] = value(onText.coverage)
            document["choice_coverage"] = value(onText.choiceCoverage)
            document["layers"] = .array(
                onText.layers.map { layers in
                    [
                        "shift": .integer(layers.shift),
                        "after": .array(
                            layers.points.map { $0.afterLayer.map { .integer($0) } ?? .null }),
                        "accuracy": value(layers.accuracy),
                    ]
                })
        }
        return .object(document)
    }

    private func value(_ estimate: Estimate) -> JSONValue {
        [
            "mean": .real(estimate.mean), "half_width": estimate.halfWidth.map { .real($0) } ?? .null,
            "count": .integer(estimate.count),
        ]
    }

    // MARK: Page

    /// Writes the page beside its name and renames it.
    package func write(to path: String) throws(Failure) {
        _ = try FileAccess.writeSealed(page.html(), to: path)
    }

    /// The page.
    package var page: HTMLPage {
        var sections: [PageSection] = []
        if !audit.findings.isEmpty {
            sections.append(PageSection("Findings", [.findings(audit.findings)]))
        }
        if let onText = audit.onText {
            let bars = onText.layers.map { layers in
                BarChart.Value(
                    layers.accuracy.mean,
                    interval: layers.accuracy.halfWidth.map {
                        max(0, layers.accuracy.mean - $0)...(layers.accuracy.mean + $0)
                    })
            }
            sections.append(
                PageSection(
                    "Layers",
                    [
                        .chart(
                            BarChart(
                                title: "First guesses that are right",
                                caption:
                                    "From the stated layers and from the ones before and after; 95 % intervals.",
                                categories: onText.layers.map(words), xLabel: "states after layers",
                                yLabel: "share", series: [BarChart.Series("accuracy", bars)]))
                    ]))
        }
        return HTMLPage(
            title: "Audit of \(lastComponent(audit.folder))",
            subtitle: "A draft head against its target, \(lastComponent(target)).",
            verdict: Verdict(errors > 0 ? .fail : warnings > 0 ? .warn : .pass, verdict),
            facts: facts.map { HTMLPage.Fact($0.name, $0.value) }, sections: sections,
            footer: "Made by `ingot draft audit`.")
    }
}
