// A calibration as a page for the person who chooses a scheme: coverage first, then where the large numbers are.

import Charts
import Checkpoints
import Diagnostics

extension CalibrationReport {
    /// Writes the page beside its name and renames it.
    package func write(to path: String) throws(Failure) {
        _ = try FileAccess.writeSealed(page.html(), to: path)
    }

    /// The page.
    package var page: HTMLPage {
        let findings = findings
        let warns = findings.contains { $0.level == .warning }
        var sections: [PageSection] = []
        if !findings.isEmpty { sections.append(PageSection("Findings", [.findings(findings)])) }
        sections += [rangeSection, routeSection, cacheSection].compactMap { $0 }
        return HTMLPage(
            title: "Calibration of \(head.source)",
            subtitle: "What the weights of the model meet on \(head.dataNames).",
            verdict: Verdict(
                warns ? .warn : .pass,
                warns ? "Some statistics rest on too little." : "Every statistic rests on enough tokens."),
            facts: facts, sections: sections,
            footer:
                "Made by `ingot calibrate`. The arrays are in `\(CalibrationRecord.arraysName)` and `\(CalibrationRecord.packedName)`."
        )
    }

    private var facts: [HTMLPage.Fact] {
        [
            HTMLPage.Fact("Read", "\(grouped(head.tokens)) tokens of \(grouped(head.texts)) texts"),
            HTMLPage.Fact("Numbers", "\(head.backend), \(head.numerics)"),
            HTMLPage.Fact("Recorded", head.observers.sorted().map(\.rawValue).joined(separator: ", ")),
            HTMLPage.Fact(
                "Experts",
                head.allExperts
                    ? "inputs of all tokens; loads and margins of routed ones" : "routed tokens only"),
        ] + reasons.map { HTMLPage.Fact($0.observer.rawValue, "for \($0.scheme): \($0.why)") }
    }

    private var rangeSection: PageSection? {
        guard state.observers.contains(.ranges) else { return nil }
        let parts = Part.allCases.map { part in
            LineChart.Series("input of \(part.title)", values: layers.map { Double(absmax($0, part)) })
        }
        let stream = LineChart.Series(
            "residual stream", values: layers.map { Double(state.stream.largest[$0 + 1]) })
        return PageSection(
            "Ranges",
            [
                .chart(
                    LineChart(
                        title: "Largest magnitude by layer",
                        caption: "What a scale for a whole tensor must cover; experts of a layer together.",
                        xLabel: "layer", yLabel: "magnitude", yScale: .log10, series: [stream] + parts,
                        limits: [Limit(65504, "largest number of float16")]))
            ])
    }

    private var routeSection: PageSection? {
        let routes = state.routes.sorted { $0.key < $1.key }
        guard let first = routes.first else { return nil }
        let load = HeatMap(
            title: "Load of the experts", caption: "Tokens that the router sent to each expert.",
            rows: routes.map { "\($0.key)" }, columns: first.value.tokens.indices.map(String.init),
            rowLabel: "layer", columnLabel: "expert", valueLabel: "tokens",
            values: routes.map { $0.value.tokens.map(Double.init) })
        return PageSection("Routes", [.chart(load), .chart(marginChart(routes.map(\.value.margins)))])
    }

    /// All layers' margins, from the first bin that holds any to the last, four bins joined in one.
    private func marginChart(_ margins: [[Int]]) -> Histogram {
        var counts = Array(repeating: 0, count: MagnitudeBins.count)
        for own in margins { for (bin, count) in own.enumerated() { counts[bin] += count } }
        let low = ((counts.firstIndex { $0 > 0 } ?? 1) / 4) * 4
        let high = min(counts.count, ((counts.lastIndex { $0 > 0 } ?? low) / 4 + 1) * 4)
        let starts = Array(stride(from: low, to: high, by: 4))
        let joined = starts.map { counts[$0..<min($0 + 4, high)].reduce(0, +) }
        // Bin 0 has no lower edge on a logarithmic axis: it is drawn as one octave.
        let lowest = MagnitudeBins.lowerEdge(1) / 2
        let edges = (starts + [high]).map { max(lowest, MagnitudeBins.lowerEdge(min($0, counts.count - 1))) }
        return Histogram(
            title: "Margins of the router's choices",
            caption: "How far each token's experts are from others, in units of biased score; all layers.",
            xLabel: "margin", yLabel: "tokens", xScale: .log10, edges: edges, counts: joined)
    }

    private var cacheSection: PageSection? {
        let caches = state.caches.sorted { $0.key < $1.key }
        guard let first = caches.first else { return nil }
        func map(_ title: String, _ values: (CacheStatistics) -> [Float]) -> HeatMap {
            HeatMap(
                title: title, caption: "The largest magnitude; a cache of FP8 without scales clips at 448.",
                size: .half, rows: caches.map { "\($0.key)" },
                columns: first.value.keys.indices.map(String.init), rowLabel: "layer", columnLabel: "head",
                valueLabel: "magnitude", values: caches.map { values($0.value).map(Double.init) })
        }
        return PageSection(
            "Keys and values", [.chart(map("Keys", \.keys)), .chart(map("Values", \.values))])
    }
}
