// What went in and what came out: the ledgers of source and artefact, the statistics of a calibration, the error of
// each role.

import Charts
import Diagnostics
import Documents

extension RunPage {
    // MARK: Ledgers

    /// A row of a ledger as a record has it.
    private struct LedgerRow {
        let group: String
        let dtype: String
        let tensors: Int
        let elements: Int
        let bytes: Int

        init?(_ value: JSONValue) {
            guard let group = value["group"]?.text, let dtype = value["dtype"]?.text,
                let tensors = value["tensors"]?.whole, let elements = value["elements"]?.whole,
                let bytes = value["bytes"]?.whole
            else { return nil }
            (self.group, self.dtype, self.tensors) = (group, dtype, tensors)
            (self.elements, self.bytes) = (elements, bytes)
        }
    }

    private func ledger(_ stage: RunReport.Stage?) -> [LedgerRow] {
        stage?.result["found", "groups"]?.elements.compactMap(LedgerRow.init) ?? []
    }

    private func bytes(_ stage: RunReport.Stage?) -> Int? { stage?.result["found", "bytes"]?.whole }

    var contentSection: PageSection? {
        guard let source = stage(.validate) else { return nil }
        let artefact = stage(.validateArtefact)
        var blocks: [PageBlock] = [.figures(verdicts(source, artefact))]
        let (before, after) = (ledger(source), ledger(artefact))
        if !before.isEmpty {
            blocks.append(.chart(sizeChart(before, after)))
            blocks.append(.sources(([source] + [artefact].compactMap { $0 }).map(\.link)))
            blocks.append(.table(table("The source, tensor by tensor counted", before, source)))
        }
        if let artefact, !after.isEmpty {
            blocks.append(.table(table("The artefact", after, artefact)))
        }
        return PageSection("What went in, what came out", blocks)
    }

    private func verdicts(_ source: RunReport.Stage, _ artefact: RunReport.Stage?) -> [KeyFigure] {
        [("Tensors of the source", source), ("Tensors of the artefact", artefact)].compactMap { name, stage in
            guard let stage, let bytes = bytes(stage) else { return nil }
            let tensors = stage.result["found", "tensors"]?.whole.map { "\(grouped($0)) tensors, " } ?? ""
            let parameters =
                stage.result["found", "parameters"]?.whole.map { "\(grouped($0)) parameters" } ?? ""
            return KeyFigure(
                name, byteCount(bytes), note: tensors + parameters,
                outcome: stage.result["valid"]?.truth == true ? .pass : .fail, source: stage.recordPath)
        }
    }

    private func sizeChart(_ before: [LedgerRow], _ after: [LedgerRow]) -> BarChart {
        var groups: [String] = []
        for row in before + after where !groups.contains(row.group) { groups.append(row.group) }
        let most = (before + after).map(\.bytes).max() ?? 0
        let (unit, size) = most >= 1_000_000_000 ? ("GB", 1e9) : ("MB", 1e6)
        func series(_ name: String, _ rows: [LedgerRow]) -> BarChart.Series {
            BarChart.Series(
                name,
                groups.map { group in
                    BarChart.Value(
                        Double(rows.filter { $0.group == group }.reduce(0) { $0 + $1.bytes }) / size)
                })
        }
        return BarChart(
            title: after.isEmpty ? "Bytes by group" : "Bytes by group, before and after",
            categories: groups, xLabel: "group", yLabel: unit,
            series: after.isEmpty
                ? [series("source", before)] : [series("source", before), series("artefact", after)])
    }

    private func table(_ caption: String, _ rows: [LedgerRow], _ stage: RunReport.Stage) -> DataTable {
        let total = [
            "total", "", stage.result["found", "tensors"]?.whole.map { grouped($0) } ?? "",
            stage.result["found", "parameters"]?.whole.map { grouped($0) } ?? "",
            bytes(stage).map { grouped($0) } ?? "",
        ]
        return DataTable(
            caption: caption,
            columns: [
                .init("group", numeric: false), .init("dtype", numeric: false), .init("tensors"),
                .init("elements"), .init("bytes"),
            ],
            rows: rows.map {
                [$0.group, $0.dtype, grouped($0.tensors), grouped($0.elements), grouped($0.bytes)]
            }
                + [total], sources: Array(repeating: stage.recordPath, count: rows.count + 1))
    }

    var sizeFigure: KeyFigure? {
        guard let quantise = stage(.quantise), let before = quantise.result["input_bytes"]?.whole,
            let after = quantise.result["output_bytes"]?.whole, before > 0
        else { return nil }
        return KeyFigure(
            "Size of the artefact", byteCount(after),
            note:
                "\(decimals(100 * Double(after) / Double(before), 1)) % of the source's \(byteCount(before))",
            source: quantise.recordPath)
    }

    // MARK: Calibration

    var calibrationSection: PageSection? {
        guard let stage = stage(.calibrate) else { return nil }
        var figures: [KeyFigure] = []
        if let tokens = stage.result["tokens"]?.whole {
            let texts = stage.result["texts"]?.whole.map { "\(grouped($0)) texts" } ?? ""
            figures.append(KeyFigure("Tokens", grouped(tokens), note: texts, source: stage.recordPath))
        }
        let uncovered = stage.result["uncovered"]?.elements.reduce(0) {
            $0 + ($1["experts"]?.elements.count ?? 0)
        }
        if let uncovered, let least = stage.result["least"]?.whole {
            figures.append(
                KeyFigure(
                    "Experts met too rarely", grouped(uncovered),
                    note: "by fewer than \(grouped(least)) tokens",
                    outcome: uncovered == 0 ? .pass : .warn, source: stage.recordPath))
        }
        var blocks: [PageBlock] = [.figures(figures)]
        let layers = stage.result["experts"]?.elements ?? []
        let loads = layers.map { $0["tokens"]?.elements.map { $0.real ?? 0 } ?? [] }
        if let count = loads.map(\.count).max(), count > 0 {
            blocks.append(
                .chart(
                    HeatMap(
                        title: "Tokens that each expert met",
                        caption: "By layer; pale experts decide little.",
                        rows: layers.map { "\($0["layer"]?.whole ?? 0)" },
                        columns: (0..<count).map(String.init),
                        rowLabel: "layer", columnLabel: "expert", valueLabel: "tokens", values: loads)))
        }
        return PageSection("Calibration", blocks + [.sources(stage.links)])
    }

    // MARK: Errors

    /// A role of a quantisation's record.
    private var roles: [(name: String, tensors: Int, error: Double, worst: Double, sqnr: Double?)] {
        (stage(.quantise)?.result["roles"]?.elements ?? []).compactMap { role in
            guard let name = role["role"]?.text, let error = role["error", "relative_rms"]?.real,
                let worst = role["worst_relative_rms"]?.real
            else { return nil }
            return (name, role["tensors"]?.whole ?? 0, error, worst, role["error", "sqnr_db"]?.real)
        }
    }

    private var errorFigure: KeyFigure? {
        guard let stage = stage(.quantise), let error = stage.result["error", "relative_rms"]?.real else {
            return nil
        }
        return KeyFigure(
            "Error of the weights", "\(decimals(100 * error, 2)) %",
            note: "root mean square against their own size", source: stage.recordPath)
    }

    var errorSection: PageSection? {
        guard let stage = stage(.quantise), !roles.isEmpty else { return nil }
        return PageSection(
            "Errors by role",
            [
                .figures([errorFigure].compactMap { $0 }),
                .chart(
                    BarChart(
                        title: "Relative error of the weights",
                        caption: "Root mean square of what quantisation changed, as a share of the weights'.",
                        categories: roles.map(\.name), xLabel: "role", yLabel: "%",
                        series: [
                            BarChart.Series("all tensors", roles.map { BarChart.Value(100 * $0.error) }),
                            BarChart.Series("worst tensor", roles.map { BarChart.Value(100 * $0.worst) }),
                        ])),
                .table(
                    DataTable(
                        columns: [
                            .init("role", numeric: false), .init("tensors"), .init("relative RMS"),
                            .init("worst tensor"), .init("SQNR dB"),
                        ],
                        rows: roles.map {
                            [
                                $0.name, grouped($0.tensors), scientific($0.error), scientific($0.worst),
                                $0.sqnr.map { decimals($0, 2) } ?? "",
                            ]
                        }, sources: Array(repeating: stage.recordPath, count: roles.count))),
                .sources(stage.links),
            ])
    }
}

extension RunReport.Stage {
    /// Its record.
    var link: PageLink { PageLink(recordPath) }

    /// Its record, its page and its log.
    var links: [PageLink] { [link] + [page, RunFolder.log(of: name)].compactMap { $0 }.map { PageLink($0) } }
}
