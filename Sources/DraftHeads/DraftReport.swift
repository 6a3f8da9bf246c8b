// A measurement in words, as a document and as a page.

import Charts
import Checkpoints
import Diagnostics
import Documents
import ReferenceModel

/// What was measured with what.
package struct DraftReport: Sendable {
    package let target: String
    package let head: String
    package let data: String
    package let backend: String
    package let numerics: String
    /// How layer ids were read, and why so.
    package let layers: LayerIds
    package let rule: SamplingRule
    package let seed: UInt64?
    package let measurement: DraftMeasurement

    package init(
        target: String, head: String, data: String, backend: String, numerics: String, layers: LayerIds,
        rule: SamplingRule, seed: UInt64?, measurement: DraftMeasurement
    ) {
        self.target = target
        self.head = head
        self.data = data
        self.backend = backend
        self.numerics = numerics
        self.layers = layers
        self.rule = rule
        self.seed = seed
        self.measurement = measurement
    }

    /// Places of a draft that can be told apart.
    private var places: Range<Int> { 0..<measurement.shape.depth }

    package var findings: [Finding] {
        let differences = measurement.differences
        guard let first = differences.first else { return [] }
        return [
            Finding(
                .error, .draftingNotLossless, "drafting changed what the model says", file: head,
                field: measurement.prompts[first.prompt].name,
                expected: "the tokens of plain decoding for every prompt",
                found:
                    "\(grouped(differences.count)) of \(grouped(measurement.prompts.count)) answers differ, "
                    + "this one at token \(first.at)",
                remedy: "use --backend fused: other backends sum in an order that depends on the batch")
        ]
    }

    // MARK: Text

    package var text: String {
        let m = measurement
        var lines = [
            "\(m.shape.words), \(ruleWords), layers \(afterLayers) (\(layers.reason.rawValue))",
            "\(grouped(m.prompts.count)) prompts, \(grouped(m.tokenCount)) new tokens, "
                + "\(grouped(m.cycleCount)) drafts",
            "acceptance length \(words(m.length())), the target's own token counted: plain decoding has 1, "
                + "at most \(m.shape.depth + 1)",
            identityWords, "",
        ]
        var table = TextTable(["token", "stays", "after all before it"], numeric: [0, 1, 2])
        for place in places {
            table.add(["\(place + 1)", percent(m.rate(at: place)), percent(m.conditionalRate(at: place))])
        }
        lines.append(table.text)
        if !m.domains.isEmpty {
            var table = TextTable(
                ["domain", "prompts", "acceptance length", "first token"], numeric: [1, 2, 3])
            for domain in m.domains {
                table.add([
                    domain, grouped(m.prompts.count { $0.domain == domain }), words(m.length(domain: domain)),
                    percent(m.rate(at: 0, domain: domain)),
                ])
            }
            lines += ["", table.text]
        }
        return lines.joined(separator: "\n")
    }

    private var afterLayers: String {
        layers.points.map { $0.afterLayer.map { "after \($0)" } ?? "the embedding" }.joined(separator: ", ")
    }

    private var ruleWords: String {
        rule.temperature > 0 ? "sampled at temperature \(rule.temperature), seed \(seed ?? 0)" : "greedy"
    }

    private var identityWords: String {
        let m = measurement
        guard m.plain != nil else {
            return rule.temperature > 0
                ? "sampled answers are not compared token by token; their distribution is the target's"
                : "not compared with plain decoding"
        }
        let same = m.prompts.count - m.differences.count
        return
            "equal to plain decoding, token for token: \(grouped(same)) of \(grouped(m.prompts.count)) answers"
    }

    private func words(_ estimate: Estimate?) -> String {
        guard let estimate else { return "–" }
        return decimals(estimate.mean, 3) + (estimate.halfWidth.map { " ± " + decimals($0, 3) } ?? "")
    }

    private func percent(_ estimate: Estimate?) -> String {
        guard let estimate else { return "–" }
        return decimals(100 * estimate.mean, 1)
            + (estimate.halfWidth.map { " ± " + decimals(100 * $0, 1) } ?? "") + " %"
    }

    // MARK: Document

    package var document: JSONValue {
        let m = measurement
        var document = JSONObject()
        document["target"] = .string(target)
        document["head"] = .string(head)
        document["data"] = .string(data)
        document["backend"] = .string(backend)
        document["numerics"] = .string(numerics)
        document["shape"] = m.shape.document
        document["layers"] = [
            "after": .array(layers.points.map { $0.afterLayer.map { .integer($0) } ?? .null }),
            "reading": .string(layers.reason.rawValue),
        ]
        document["temperature"] = .real(Double(rule.temperature))
        document["seed"] = seed.map { .integer($0) } ?? .null
        document["prompts"] = .integer(m.prompts.count)
        document["tokens"] = .integer(m.tokenCount)
        document["drafts"] = .integer(m.cycleCount)
        document["bonus_token_counted"] = true
        document["acceptance_length"] = value(m.length())
        document["positions"] = .array(
            places.map { ["rate": value(m.rate(at: $0)), "conditional": value(m.conditionalRate(at: $0))] })
        document["domains"] = .array(
            m.domains.map { domain in
                [
                    "domain": .string(domain), "acceptance_length": value(m.length(domain: domain)),
                    "positions": .array(places.map { value(m.rate(at: $0, domain: domain)) }),
                ]
            })
        document["plain"] =
            m.plain == nil
            ? .null
            : [
                "compared": .integer(m.prompts.count),
                "equal": .integer(m.prompts.count - m.differences.count),
            ]
        return .object(document)
    }

    private func value(_ estimate: Estimate?) -> JSONValue {
        guard let estimate else { return .null }
        return [
            "mean": .real(estimate.mean), "half_width": estimate.halfWidth.map { .real($0) } ?? .null,
            "count": .integer(estimate.count), "clusters": .integer(estimate.clusters),
        ]
    }
}

extension DraftShape {
    /// In a sentence.
    package var words: String {
        switch self {
        case .chain(let count): "chain of \(count)"
        case .tree(let depth, let width, let count): "tree of depth \(depth), width \(width), \(count) tokens"
        }
    }

    var document: JSONValue {
        switch self {
        case .chain(let count): ["kind": "chain", "steps": .integer(count)]
        case .tree(let depth, let width, let count):
            [
                "kind": "tree", "depth": .integer(depth), "width": .integer(width),
                "tokens": .integer(count),
            ]
        }
    }
}

// MARK: Page

extension DraftReport {
    /// Writes the page beside its name and renames it.
    package func write(to path: String) throws(Failure) {
        _ = try FileAccess.writeSealed(page.html(), to: path)
    }

    /// The page.
    package var page: HTMLPage {
        let m = measurement
        var sections: [PageSection] = []
        let findings = findings
        if !findings.isEmpty { sections.append(PageSection("Findings", [.findings(findings)])) }
        sections.append(
            PageSection(
                "Acceptance",
                [
                    .figures([
                        KeyFigure(
                            "Acceptance length", words(m.length()),
                            note: "the target's own token counted; plain decoding has 1"),
                        KeyFigure(
                            "Drafts", grouped(m.cycleCount), note: "\(grouped(m.tokenCount)) new tokens"),
                    ]),
                    .chart(
                        BarChart(
                            title: "Drafted tokens that stay",
                            caption:
                                "By place in the draft; bars with 95 % intervals, the prompt taken as the unit.",
                            categories: places.map { "\($0 + 1)" }, xLabel: "place in the draft",
                            yLabel: "share",
                            series: [
                                BarChart.Series("of all drafts", places.map { bar(m.rate(at: $0)) }),
                                BarChart.Series(
                                    "where all before stay", places.map { bar(m.conditionalRate(at: $0)) }),
                            ])),
                ]))
        if !m.domains.isEmpty {
            sections.append(
                PageSection(
                    "Domains",
                    [
                        .chart(
                            BarChart(
                                title: "Acceptance length by domain",
                                caption: "With 95 % intervals; plain decoding has 1.", categories: m.domains,
                                xLabel: "domain", yLabel: "tokens for each pass",
                                series: [
                                    BarChart.Series(
                                        "acceptance length", m.domains.map { bar(m.length(domain: $0)) })
                                ]))
                    ]))
        }
        return HTMLPage(
            title: "Drafting with \(lastComponent(head))",
            subtitle: "How much of what the head drafts for \(lastComponent(target)) stays.",
            verdict: Verdict(
                findings.isEmpty ? .pass : .fail,
                findings.isEmpty
                    ? (m.plain == nil
                        ? "Measured; answers were not compared." : "Every answer is the plain one.")
                    : "Answers differ from plain decoding."),
            facts: [
                HTMLPage.Fact("Draft", "\(m.shape.words), \(ruleWords)"),
                HTMLPage.Fact("States", "\(afterLayers): \(layers.reason.rawValue)"),
                HTMLPage.Fact("Numbers", "\(backend), \(numerics)"),
                HTMLPage.Fact("Data", lastComponent(data)),
            ], sections: sections, footer: "Made by `ingot draft measure`.")
    }

    private func bar(_ estimate: Estimate?) -> BarChart.Value {
        guard let estimate else { return BarChart.Value(0) }
        return BarChart.Value(
            estimate.mean,
            interval: estimate.halfWidth.map { max(0, estimate.mean - $0)...(estimate.mean + $0) })
    }
}
