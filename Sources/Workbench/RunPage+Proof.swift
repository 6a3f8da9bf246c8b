// The proof: parity of artefact and source, and what the draft head is worth.

import Charts
import Diagnostics
import Documents

extension RunPage {
    // MARK: Parity

    var divergenceFigure: KeyFigure? { gateFigure("divergence-mean", "KL divergence, mean", scientific) }
    var agreementFigure: KeyFigure? {
        gateFigure("choice-agreement", "Same likeliest token") { "\(decimals(100 * $0, 2)) %" }
    }

    private func gateFigure(_ quantity: String, _ label: String, _ text: (Double) -> String) -> KeyFigure? {
        guard let stage = stage(.verify),
            let gate = stage.result["gates"]?.elements.first(where: { $0["quantity"]?.text == quantity }),
            let found = gate["found"]?.real, let limit = gate["limit"]?.real
        else { return nil }
        let bound = gate["is_floor"]?.truth == true ? "at least" : "at most"
        return KeyFigure(
            label, text(found), note: "\(bound) \(text(limit))",
            outcome: gate["passed"]?.truth == true ? .pass : .fail, source: stage.recordPath)
    }

    var paritySection: PageSection? {
        guard let stage = stage(.verify) else { return nil }
        let gates = stage.result["gates"]?.elements ?? []
        var blocks: [PageBlock] = []
        if let tolerance = stage.result["tolerance", "name"]?.text {
            let tokens = stage.result["tokens"]?.whole.map { " over \(grouped($0)) tokens" } ?? ""
            let reason = stage.result["tolerance", "reason"]?.text.map { ": \($0)" } ?? ""
            blocks.append(
                .prose("The artefact beside the source\(tokens). Limits of `\(tolerance)`\(reason)."))
        }
        blocks.append(.figures(parityFigures(stage)))
        blocks.append(
            .table(
                DataTable(
                    caption: "Every limit that something was measured for",
                    columns: [
                        .init("level", numeric: false), .init("quantity", numeric: false), .init("limit"),
                        .init("found"), .init("", numeric: false), .init("where", numeric: false),
                    ],
                    rows: gates.map { gate in
                        [
                            gate["level"]?.text ?? "", gate["quantity"]?.text ?? "",
                            (gate["is_floor"]?.truth == true ? "≥ " : "≤ ")
                                + (gate["limit"]?.real.map(numberText) ?? ""),
                            gate["found"]?.real.map(numberText) ?? "",
                            gate["passed"]?.truth == true ? "✓" : "✕", gate["place"]?.text ?? "",
                        ]
                    }, sources: Array(repeating: stage.recordPath, count: gates.count))))
        blocks += [layerChart(stage), routeChart(stage)].compactMap { $0 }.map { .chart($0) }
        return PageSection("Parity", blocks + [.sources(stage.links)])
    }

    /// What the limits bound, in the words of people.
    private func parityFigures(_ stage: RunReport.Stage) -> [KeyFigure] {
        var figures = [divergenceFigure, agreementFigure].compactMap { $0 }
        if let left = stage.result["outputs", "perplexity", "left"]?.real,
            let right = stage.result["outputs", "perplexity", "right"]?.real
        {
            figures.append(
                KeyFigure(
                    "Perplexity", decimals(right, 4), note: "the source's is \(decimals(left, 4))",
                    source: stage.recordPath))
        }
        if let left = stage.result["accuracy", "left", "mean"]?.real,
            let right = stage.result["accuracy", "right", "mean"]?.real,
            let items = stage.result["accuracy", "items"]?.whole
        {
            figures.append(
                KeyFigure(
                    "Right answers", "\(decimals(100 * right, 1)) %",
                    note: "the source's \(decimals(100 * left, 1)) %, of \(grouped(items)) items",
                    source: stage.recordPath))
        }
        return figures
    }

    private func layerChart(_ stage: RunReport.Stage) -> LineChart? {
        let activations = stage.result["activations"]?.elements ?? []
        let kinds = [("residual", "residual stream"), ("attention", "attention"), ("mlp", "MLP and experts")]
        let series = kinds.compactMap { kind, name -> LineChart.Series? in
            let points = activations.filter { $0["activation"]?.text == kind }.compactMap { one in
                one["layer"]?.real.flatMap { layer in one["mean"]?.real.map { LineChart.Point(layer, $0) } }
            }
            return points.isEmpty ? nil : LineChart.Series(name, points)
        }
        guard !series.isEmpty else { return nil }
        return LineChart(
            title: "Error of the activations by layer",
            caption: "Mean over tokens, relative to the source's.",
            size: .half, xLabel: "layer", yLabel: "relative error", yScale: .log10, series: series)
    }

    private func routeChart(_ stage: RunReport.Stage) -> LineChart? {
        let points = (stage.result["routes"]?.elements ?? []).compactMap { route -> LineChart.Point? in
            guard let layer = route["layer"]?.real, let choices = route["choices"]?.real,
                let equal = route["equal"]?.real, choices > 0
            else { return nil }
            return LineChart.Point(layer, 100 * equal / choices)
        }
        guard !points.isEmpty else { return nil }
        return LineChart(
            title: "Routes that stayed by layer", caption: "Experts chosen alike, of all that were chosen.",
            size: .half, xLabel: "layer", yLabel: "%", series: [LineChart.Series("same expert", points)])
    }

    // MARK: Draft head

    var acceptanceFigure: KeyFigure? {
        guard let stage = stage(.draftMeasure),
            let length = RecordedEstimate(stage.result["acceptance_length"])
        else { return nil }
        return KeyFigure(
            "Acceptance length", decimals(length.mean, 3),
            note: (length.halfWidth.map { "± \(decimals($0, 3)); " } ?? "")
                + "tokens a step gives, the target's own counted",
            source: stage.recordPath)
    }

    var draftSection: PageSection? {
        let stages = [StageName.draftTrain, .draftAudit, .draftMeasure, .draftAttach].compactMap(stage)
        guard !stages.isEmpty else { return nil }
        var blocks: [PageBlock] = [.figures(draftFigures)]
        if let measured = stage(.draftMeasure) {
            let domains = domainChart(measured)
            if let chart = acceptanceChart(measured, size: domains == nil ? .full : .half) {
                blocks.append(.chart(chart))
            }
            if let domains { blocks.append(.chart(domains)) }
        }
        return PageSection("Draft head", blocks + [.sources(stages.flatMap(\.links))])
    }

    private var draftFigures: [KeyFigure] {
        var figures = [acceptanceFigure].compactMap { $0 }
        if let measured = stage(.draftMeasure), let compared = measured.result["plain", "compared"]?.whole,
            let equal = measured.result["plain", "equal"]?.whole
        {
            figures.append(
                KeyFigure(
                    "Answers as without it", "\(grouped(equal)) of \(grouped(compared))",
                    note: "token for token, greedy", outcome: equal == compared ? .pass : .fail,
                    source: measured.recordPath))
        }
        if let trained = stage(.draftTrain) {
            if let steps = trained.result["steps"]?.whole, let loss = trained.result["loss"]?.real {
                figures.append(
                    KeyFigure(
                        "Training", "\(grouped(steps)) steps", note: "loss \(decimals(loss, 3)) at the end",
                        source: trained.recordPath))
            }
            if let coverage = trained.result["coverage"]?.real {
                figures.append(
                    KeyFigure(
                        "Draft vocabulary covers", "\(decimals(100 * coverage, 2)) %",
                        note: "of what is learnt",
                        source: trained.recordPath))
            }
        }
        if let audit = stage(.draftAudit), let errors = audit.result["errors"]?.whole,
            let warnings = audit.result["warnings"]?.whole
        {
            figures.append(
                KeyFigure(
                    "Audit", "\(grouped(errors)) errors", note: "\(grouped(warnings)) warnings",
                    outcome: errors > 0 ? .fail : warnings > 0 ? .warn : .pass, source: audit.recordPath))
        }
        return figures
    }

    private func acceptanceChart(_ stage: RunReport.Stage, size: ChartSize) -> BarChart? {
        let places = stage.result["positions"]?.elements ?? []
        guard !places.isEmpty else { return nil }
        func values(_ key: String) -> [BarChart.Value] {
            places.map { place in
                RecordedEstimate(place[key]).map { BarChart.Value($0.mean, interval: $0.interval) }
                    ?? BarChart.Value(.nan)
            }
        }
        return BarChart(
            title: "Drafted tokens that stay", caption: "By place in the draft, with 95 % intervals.",
            size: size, categories: places.indices.map { "\($0 + 1)" }, xLabel: "place in the draft",
            yLabel: "share",
            series: [
                BarChart.Series("of all drafts", values("rate")),
                BarChart.Series("where all before stay", values("conditional")),
            ])
    }

    private func domainChart(_ stage: RunReport.Stage) -> BarChart? {
        let domains = stage.result["domains"]?.elements ?? []
        let values = domains.compactMap { domain in
            domain["domain"]?.text.flatMap { name in
                RecordedEstimate(domain["acceptance_length"]).map { (name, $0) }
            }
        }
        guard values.count > 1 else { return nil }
        return BarChart(
            title: "Acceptance length by domain", caption: "Plain decoding has 1.", size: .half,
            categories: values.map(\.0), xLabel: "domain", yLabel: "tokens a step",
            series: [
                BarChart.Series(
                    "acceptance length", values.map { BarChart.Value($0.1.mean, interval: $0.1.interval) })
            ])
    }
}
