// The comparison as a page for the person who releases the artefact: the verdict first, then the plots that
// say why, then the numbers.

import Charts
import Checkpoints
import Diagnostics
import Glibc
import ReferenceModel

extension ParityReport {
    /// Writes the page beside its name and renames it.
    package func write(to path: String) throws(Failure) {
        _ = try FileAccess.writeSealed(page.html(), to: path)
    }

    /// The page.
    package var page: HTMLPage {
        let warned = result.findings.contains { $0.level == .warning }
        let outcome: Outcome = !result.passed ? .fail : warned ? .warn : .pass
        return HTMLPage(
            title: "Parity: \(name(run.right.path)) against \(name(run.left.path))",
            subtitle: result.tolerance.summary,
            verdict: Verdict(outcome, headline, detail: result.passed ? "" : verdict),
            facts: facts, sections: sections,
            footer: "Made by `ingot verify`. Every limit and its source: "
                + "`ingot profiles show tolerances/\(result.tolerance.name)`.")
    }

    private func name(_ path: String) -> String {
        let parts = path.split(separator: "/")
        guard let last = parts.last else { return path }
        let isGeneric = ["golden", "float32.safetensors", "bfloat16.safetensors"].contains(String(last))
        return isGeneric && parts.count > 1
            ? parts.suffix(isGeneric ? 2 : 1).joined(separator: "/") : String(last)
    }

    private var headline: String {
        result.passed
            ? "The right side is the left side's model, within the limits of \(result.tolerance.name)."
            : "The right side is not the left side's model within the limits of \(result.tolerance.name)."
    }

    private var facts: [HTMLPage.Fact] {
        var facts = [
            HTMLPage.Fact("Left", "\(run.left.path): \(run.left.title)"),
            HTMLPage.Fact("Right", "\(run.right.path): \(run.right.title)"),
            HTMLPage.Fact("Limits", "\(result.tolerance.name): \(toleranceReason)"),
        ]
        if let differences = result.differences {
            facts.append(
                HTMLPage.Fact(
                    "Read", "\(grouped(differences.tokens)) tokens of \(grouped(differences.texts)) texts"))
        }
        return facts
    }

    private var sections: [PageSection] {
        var sections = [PageSection("Verdict", [.figures(figures), .table(gateTable)])]
        let told = result.findings.filter { $0.level != .note }
        if !told.isEmpty { sections.append(PageSection("Findings", [.findings(told)])) }
        sections += [outputSection, layerSection, routeSection, weightSection].compactMap { $0 }
        return sections
    }

    // MARK: Verdict

    private var figures: [KeyFigure] {
        let wanted: [Quantity] = [
            .divergenceMean, .choiceAgreement, .perplexityRise, .routeAgreement,
            .activationLargest, .logProbabilityLargest, .weightsCodes, .accuracyDrop,
        ]
        return wanted.compactMap { quantity in
            guard let gate = result.gates.first(where: { $0.gate.quantity == quantity }) else { return nil }
            let bound = quantity.isFloor ? "at least" : "at most"
            return KeyFigure(
                quantity.title, quantity.text(gate.found),
                note: (gate.halfWidth.map { "± \(quantity.text($0)), " } ?? "")
                    + "\(bound) \(quantity.text(gate.gate.limit))", outcome: gate.passed ? .pass : .fail)
        }
    }

    private var gateTable: DataTable {
        DataTable(
            caption: "Every limit that something was measured for",
            columns: [
                .init("level", numeric: false), .init("quantity", numeric: false), .init("limit"),
                .init("found"), .init("", numeric: false), .init("where", numeric: false),
            ],
            rows: result.gates.map { gate in
                let quantity = gate.gate.quantity
                return [
                    quantity.level.rawValue, quantity.title,
                    "\(quantity.isFloor ? "≥" : "≤") \(quantity.text(gate.gate.limit))",
                    quantity.text(gate.found), gate.passed ? "✓" : "✗", gate.place ?? "",
                ]
            })
    }

    // MARK: Outputs

    private var outputSection: PageSection? {
        guard let outputs = result.differences?.outputs, outputs.count > 0 else { return nil }
        var blocks: [PageBlock] = []
        var sentence = "KL(left ‖ right) of the next token at \(grouped(outputs.count)) positions"
        if let mean = outputs.divergence { sentence += ": mean \(interval(mean, scientific)) nats" }
        if let perplexities = outputs.perplexities {
            sentence +=
                ". Perplexity \(decimals(perplexities.left, 4)) on the left, "
                + "\(decimals(perplexities.right, 4)) on the right"
        }
        blocks.append(.prose(sentence + ". Intervals are 95 %, texts taken as independent."))
        blocks.append(.chart(divergenceChart(outputs)))
        if let accuracy = result.accuracy { blocks.append(.chart(accuracyChart(accuracy))) }
        if !outputs.changes.isEmpty {
            blocks.append(
                .details(
                    "Likeliest tokens that changed, the clearest first",
                    [
                        .table(
                            DataTable(
                                columns: [
                                    .init("where", numeric: false), .init("left"), .init("right"),
                                    .init("left's lead, nats"),
                                ],
                                rows: outputs.changes.map {
                                    ["\($0.place.title)", "\($0.left)", "\($0.right)", scientific($0.margin)]
                                }))
                    ]))
        }
        return PageSection("Outputs", blocks)
    }

    private func divergenceChart(_ outputs: OutputDifferences) -> Histogram {
        // Rounding leaves values a little below zero: they stand in the first bin.
        let floor = 1e-14
        let exponents = outputs.values.map { log10(max($0, floor)) }
        let low = (exponents.min() ?? -10).rounded(.down)
        let high = max(low + 1, (exponents.max() ?? 0).rounded(.up))
        let bins = Int(high - low) * 4
        var counts = Array(repeating: 0, count: bins)
        for exponent in exponents {
            counts[min(bins - 1, max(0, Int((exponent - low) * 4)))] += 1
        }
        let edges = (0...bins).map { pow(10, low + Double($0) / 4) }
        var marks: [Limit] = []
        if let mean = outputs.divergence, mean.mean > 0 {
            marks.append(Limit(mean.mean, "mean", failing: .none))
        }
        if let limit = result.tolerance.limit(.divergenceMean), limit > 0 {
            marks.append(Limit(limit, "limit of the mean", failing: .none))
        }
        return Histogram(
            title: "KL divergence of the next token", caption: "Positions by their divergence.",
            size: result.accuracy == nil ? .full : .half, xLabel: "KL, nats", yLabel: "positions",
            xScale: .log10, edges: edges, counts: counts, marks: marks)
    }

    private func accuracyChart(_ accuracy: AccuracyComparison) -> BarChart {
        func bar(_ value: Estimate) -> BarChart.Value {
            let (mean, half) = (100 * value.mean, 100 * (value.halfWidth ?? 0))
            return BarChart.Value(mean, interval: mean - half...mean + half)
        }
        return BarChart(
            title: "Accuracy on \(grouped(accuracy.items)) multiple-choice items",
            caption: "Difference \(decimals(100 * accuracy.difference.mean, 1)) ± "
                + "\(decimals(100 * (accuracy.difference.halfWidth ?? 0), 1)) points, item by item.",
            size: .half, categories: ["left", "right"], xLabel: "side", yLabel: "right answers, %",
            series: [.init("accuracy", [bar(accuracy.left), bar(accuracy.right)])])
    }

    // MARK: Layers

    private var layerSection: PageSection? {
        guard let layers = result.differences?.layers, !layers.isEmpty else { return nil }
        func series(_ kind: ActivationKind, _ name: String, _ value: (LayerDifference) -> Double)
            -> LineChart.Series
        {
            LineChart.Series(
                name,
                layers.filter { $0.kind == kind && $0.layer != nil }.map {
                    LineChart.Point(Double($0.layer ?? 0), value($0))
                })
        }
        let all = [
            series(.residual, "residual stream, mean", \.mean),
            series(.residual, "residual stream, worst token", \.largest),
            series(.attention, "attention's output, mean", \.mean),
            series(.mlp, "experts' output, mean", \.mean),
        ].filter { !$0.points.isEmpty }
        guard !all.isEmpty else { return nil }
        var limits: [Limit] = []
        if let limit = result.tolerance.limit(.activationLargest), limit > 0 {
            limits.append(Limit(limit, "limit of the worst token"))
        }
        return PageSection(
            "Layers",
            [
                .chart(
                    LineChart(
                        title: "Error by layer",
                        caption: "‖right − left‖ / ‖left‖ of a token's activations.",
                        xLabel: "layer", yLabel: "relative error", yScale: .log10, series: all,
                        limits: limits))
            ])
    }

    // MARK: Routes

    private var routeSection: PageSection? {
        guard let routes = result.differences?.routes, !routes.isEmpty else { return nil }
        let agreement = BarChart(
            title: "Choices of an expert that agree", caption: "By layer; ids compared, not places.",
            categories: routes.map { "\($0.layer)" }, xLabel: "layer", yLabel: "agreement, %",
            series: [.init("agreement", routes.map { BarChart.Value(100 * $0.agreement) })],
            limits: result.tolerance.limit(.routeAgreement).map {
                [Limit(100 * $0, "limit of all layers", failing: .below)]
            } ?? [])
        let experts = routes.map(\.rightLoad.count).max() ?? 0
        let load = HeatMap(
            title: "Load of the experts, right side",
            caption:
                "Tokens sent to each expert. An empty row or column is an expert or a layer that is lost.",
            rows: routes.map { "\($0.layer)" }, columns: (0..<experts).map(String.init), rowLabel: "layer",
            columnLabel: "expert", valueLabel: "tokens", values: routes.map { $0.rightLoad.map(Double.init) })
        return PageSection("Routes", [.chart(agreement), .chart(load)])
    }

    // MARK: Weights

    private var weightSection: PageSection? {
        guard let weights = result.weights else { return nil }
        let same = weights.count(where: \.isSameBytes)
        let changed = weights.filter { !$0.isSameBytes }
        var blocks: [PageBlock] = [
            .prose(
                "\(grouped(weights.count)) tensors: \(grouped(same)) the same bytes, "
                    + "\(grouped(changed.count { !$0.isSameType })) stored in another type, "
                    + "\(grouped(changed.count { $0.isSameType })) with other bytes.")
        ]
        guard !changed.isEmpty else { return PageSection("Weights", blocks) }
        let roles = Dictionary(grouping: changed) { $0.key.role.name }
        // The worst tensor of a role and layer stands for the others: points have to stay countable.
        let groups = roles.sorted { $0.key < $1.key }.map { role, weights in
            Scatter.Group(
                role,
                Dictionary(grouping: weights) { $0.key.layer ?? -1 }.sorted { $0.key < $1.key }.compactMap {
                    layer, weights in
                    weights.max { $0.sums.relative < $1.sums.relative }.map {
                        Scatter.Point(Double(layer), $0.sums.relative, $0.right.name)
                    }
                })
        }
        let limits =
            result.tolerance.limit(.weightsCodes).map { [Limit($0, "limit of quantised weights")] } ?? []
        blocks.append(
            .chart(
                Scatter(
                    title: "Error of weights by layer",
                    caption:
                        "The worst tensor of each role: √(Σ(right − left)² / Σ left²); −1 is outside layers.",
                    xLabel: "layer", yLabel: "relative RMS", yScale: .log10, groups: groups,
                    limits: limits.filter { $0.value > 0 })))
        return PageSection("Weights", blocks)
    }
}
