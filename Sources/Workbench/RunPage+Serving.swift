// How it is served and what is released: topology and memory, the release folder, digests, and what the stages had to
// say.

import Charts
import Checkpoints
import Diagnostics
import Documents

extension RunPage {
    // MARK: Topology

    private var topologies: [JSONValue] { stage(.shardPlan)?.result["topologies"]?.elements ?? [] }

    private func rankBytes(_ topology: JSONValue) -> [Double] {
        topology["rank_bytes"]?.elements.compactMap(\.real) ?? []
    }

    var memoryFigure: KeyFigure? {
        guard let stage = stage(.shardPlan), let topology = topologies.first,
            let largest = rankBytes(topology).max()
        else { return nil }
        return KeyFigure(
            "Weights of a rank", byteCount(Int(largest)),
            note: [topology["name"]?.text, report.target].compactMap { $0 }.joined(separator: " on "),
            outcome: topology["fits"]?.truth == true ? .pass : .warn, source: stage.recordPath)
    }

    /// The unit in which the ranks' weights are told.
    private var unit: (name: String, bytes: Double) {
        let most = topologies.flatMap(rankBytes).max() ?? 0
        return most >= Double(1 << 30) ? ("GiB", Double(1 << 30)) : ("MiB", Double(1 << 20))
    }

    var topologySection: PageSection? {
        guard let stage = stage(.shardPlan) else { return nil }
        // A device without a cache of its own has nothing to say of one.
        let hasCache = topologies.contains { $0["cache", "tokens"]?.whole != nil }
        let cacheColumns: [DataTable.Column] =
            hasCache ? [.init("tokens a replica"), .init("sequences")] : []
        var blocks: [PageBlock] = [
            .table(
                DataTable(
                    columns: [
                        .init("topology", numeric: false), .init("devices"), .init("\(unit.name) a rank"),
                    ] + cacheColumns + [
                        .init("legal", numeric: false), .init("fits", numeric: false),
                    ],
                    rows: topologies.map { row($0, hasCache: hasCache) },
                    sources: Array(repeating: stage.recordPath, count: topologies.count)))
        ]
        if let serve = stage.result["serve"]?.text { blocks.append(.prose("Serve it with `\(serve)`.")) }
        if let topology = topologies.first, rankBytes(topology).count > 1 {
            let bytes = rankBytes(topology)
            blocks.append(
                .chart(
                    BarChart(
                        title: "Weights of each rank", caption: "\(unit.name), scales included.",
                        categories: bytes.indices.map(String.init), xLabel: "rank", yLabel: unit.name,
                        series: [
                            BarChart.Series("weights", bytes.map { BarChart.Value($0 / unit.bytes) })
                        ])))
        }
        let stages = [stage] + [self.stage(.shard)].compactMap { $0 }
        return PageSection("Topology and memory", blocks + [.sources(stages.flatMap(\.links))])
    }

    private func row(_ topology: JSONValue, hasCache: Bool) -> [String] {
        let cache = [
            topology["cache", "tokens"]?.whole.map { grouped($0) } ?? "",
            topology["cache", "sequences"]?.real.map { decimals($0, 1) } ?? "",
        ]
        return [
            topology["name"]?.text ?? "", topology["devices"]?.whole.map { grouped($0) } ?? "",
            rankBytes(topology).max().map { decimals($0 / unit.bytes, 2) } ?? "",
        ] + (hasCache ? cache : []) + [
            topology["legal"]?.truth == true ? "✓" : "✕", topology["fits"]?.truth == true ? "✓" : "✕",
        ]
    }

    // MARK: Release

    var releaseSection: PageSection? {
        guard let stage = stage(.publishPrepare) else { return nil }
        let check = self.stage(.publishCheck)
        var figures: [KeyFigure] = []
        if let check, let bytes = check.result["bytes"]?.whole, let files = check.result["files"]?.whole {
            figures.append(
                KeyFigure(
                    "Release", byteCount(bytes), note: "\(grouped(files)) files",
                    outcome: check.result["ready"]?.truth == true ? .pass : .fail, source: check.recordPath))
        }
        if let parameters = check?.result["parameters"]?.whole, let check {
            figures.append(KeyFigure("Parameters", grouped(parameters), source: check.recordPath))
        }
        var blocks: [PageBlock] = [.figures(figures)]
        if let verdict = check?.result["verdict"]?.text {
            blocks.append(.prose("`ingot publish check`: \(verdict)."))
        }
        let uploads = stage.result["upload"]?.elements.compactMap(\.text) ?? []
        if !uploads.isEmpty {
            blocks.append(
                .prose("Upload it with " + uploads.map { "`\($0)`" }.joined(separator: " and ") + "."))
        }
        let stages = [stage] + [check].compactMap { $0 }
        return PageSection("Release", blocks + [.sources(stages.flatMap(\.links))])
    }

    // MARK: Digests

    var digestSection: PageSection? {
        let outputs = report.stages.flatMap { stage in stage.outputs.map { (stage, $0) } }
        guard !outputs.isEmpty else { return nil }
        let made = outputs.filter { $0.1.path == $0.0.artefact?.path }
        let told = outputs.filter { $0.1.path != $0.0.artefact?.path }
        var blocks: [PageBlock] = []
        if !made.isEmpty {
            blocks = [
                .prose(
                    "SHA-256 of what each stage made: of a folder, over the names and digests of its files. "
                        + "The same recipe and inputs give the same digests."), .table(table(made)),
            ]
        }
        if !told.isEmpty {
            blocks.append(.details("Records and pages, which tell times too", [.table(table(told))]))
        }
        return PageSection("Digests", blocks)
    }

    private func table(_ outputs: [(stage: RunReport.Stage, output: StageOutput)]) -> DataTable {
        DataTable(
            columns: [
                .init("output", numeric: false), .init("files"), .init("bytes"),
                .init("SHA-256", numeric: false),
            ],
            rows: outputs.map {
                [$0.output.path, grouped($0.output.files), grouped($0.output.bytes), $0.output.digest]
            }, sources: outputs.map { $0.stage.result == .null ? nil : $0.stage.recordPath })
    }

    // MARK: Findings and commands

    var findingSection: PageSection? {
        let blocks = report.stages.flatMap { stage -> [PageBlock] in
            let found = stage.findings.compactMap { Finding($0, exit: .done) }
            guard !found.isEmpty else { return [] }
            let told = found.filter { $0.level != .note }
            let notes = found.count - told.count
            var blocks: [PageBlock] = [.prose("`\(stage.name.rawValue)`")]
            if !told.isEmpty { blocks.append(.findings(told)) }
            if notes > 0 {
                blocks.append(
                    .details(
                        "\(grouped(notes)) note\(notes == 1 ? "" : "s") of \(stage.name.rawValue)",
                        [.findings(found.filter { $0.level == .note })]))
            }
            return blocks
        }
        return blocks.isEmpty ? nil : PageSection("What the stages had to say", blocks)
    }

    var commandSection: PageSection? {
        PageSection(
            "Commands",
            [
                .prose("What the run did, a person can do by hand."),
                .details(
                    "\(grouped(report.stages.count)) commands",
                    report.stages.map { .prose("`\($0.line)`") }),
            ])
    }
}
