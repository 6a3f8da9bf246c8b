// A plan as a page: which topologies are legal, how memory divides, and why the others are not.

import Architectures
import Charts
import Checkpoints
import Diagnostics

private typealias PageVerdict = Charts.Verdict

extension PlanReport {
    /// Writes the page beside its name and renames it.
    package func write(to path: String) throws(Failure) {
        _ = try FileAccess.writeSealed(page.html(), to: path)
    }

    /// The page.
    package var page: HTMLPage {
        let legal = topologies.filter(\.isLegal)
        var sections = [PageSection("Topologies", [.table(table(topologies))])]
        if !legal.isEmpty { sections.append(PageSection("Memory", memoryBlocks(Array(legal.prefix(16))))) }
        if let map = stageChart { sections.append(PageSection("Ranks", [.chart(map)])) }
        if !imbalances.isEmpty { sections.append(PageSection("Load of experts", [.chart(loadChart)])) }
        let objections = topologies.filter { $0.findings.contains { $0.level != .note } }
        if !general.isEmpty { sections.append(PageSection("Findings", [.findings(general)])) }
        if !objections.isEmpty {
            sections.append(
                PageSection(
                    "Objections",
                    objections.map {
                        .details("\($0.topology.name): \(verdict($0))", [.findings($0.findings)])
                    }))
        }
        return HTMLPage(
            title: "Topologies of \(lastComponent(checkpoint))",
            subtitle: "What each rank holds and what is left for the cache on \(request.target.device.title) "
                + "under \(request.target.engine.title).",
            verdict: verdictOfPage, facts: facts, sections: sections,
            footer:
                "Made by `ingot shard plan`. Sizes are from headers and the engine's split rules; the memory "
                + "that an engine keeps for itself is measured by others, see the profile.")
    }

    private var verdictOfPage: PageVerdict {
        guard let best else { return PageVerdict(.fail, "No topology is legal.") }
        return isGood
            ? PageVerdict(.pass, "\(best.topology.name) serves it.")
            : PageVerdict(.warn, "\(best.topology.name) is legal, with objections.")
    }

    private var facts: [HTMLPage.Fact] {
        var facts = [
            HTMLPage.Fact("Target", request.target.name),
            HTMLPage.Fact("Cache", request.cache.rawValue),
            HTMLPage.Fact("Context", "\(grouped(request.context)) tokens"),
            HTMLPage.Fact("Placement", request.placement.rawValue),
        ]
        if let best {
            facts.append(
                HTMLPage.Fact(
                    "Serve",
                    ServeCommand.text(best, request, checkpoint: checkpoint, expertMap: expertMap)))
        }
        return facts
    }

    private func table(_ judged: [JudgedTopology]) -> DataTable {
        DataTable(
            columns: [
                DataTable.Column("topology", numeric: false), DataTable.Column("devices"),
                DataTable.Column("GiB a rank"), DataTable.Column("tokens a replica"),
                DataTable.Column("sequences"), DataTable.Column("verdict", numeric: false),
            ],
            rows: judged.map { one in
                [
                    one.topology.name, "\(one.topology.world)", one.weights.map { gib($0.largest) } ?? "",
                    one.cache.map { grouped($0.tokens) } ?? "",
                    one.cache == nil ? "" : decimals(one.sequences, 1), verdict(one),
                ]
            })
    }

    private func memoryBlocks(_ legal: [JudgedTopology]) -> [PageBlock] {
        let names = legal.map(\.topology.name)
        let weights = legal.map { BarChart.Value(Double($0.weights?.largest ?? 0) / gibibyte) }
        var blocks: [PageBlock] = [
            .chart(
                BarChart(
                    title: "Weights of the fullest rank",
                    caption: "GiB; the line is what the engine may use for weights and cache.",
                    categories: names, xLabel: "topology", yLabel: "GiB",
                    series: [BarChart.Series("weights", weights)],
                    limits: legal.compactMap(\.memory).first.map {
                        [
                            Limit(
                                Double($0.bytes(world: 2)) / gibibyte, "\(request.target.device.title)")
                        ]
                    } ?? []))
        ]
        if legal.contains(where: { $0.cache != nil }) {
            blocks.append(
                .chart(
                    BarChart(
                        title: "Sequences of \(grouped(request.context)) tokens",
                        caption: "All replicas together, beside the weights.", categories: names,
                        xLabel: "topology", yLabel: "sequences",
                        series: [BarChart.Series("sequences", legal.map { BarChart.Value($0.sequences) })])))
        }
        return blocks
    }

    /// What the ranks of the best topology hold, by group.
    private var stageChart: HeatMap? {
        guard let best, let weights = best.weights, best.topology.world > 1 else { return nil }
        let groups = RoleGroup.allCases.filter { group in weights.ranks.contains { $0.groups[group] != nil } }
        return HeatMap(
            title: "What the ranks of \(best.topology.name) hold",
            caption: "GiB of weights with their scales.", rows: groups.map(\.rawValue),
            columns: weights.ranks.indices.map(String.init), rowLabel: "group", columnLabel: "rank",
            valueLabel: "GiB",
            values: groups.map { group in
                weights.ranks.map { Double($0.groups[group] ?? 0) / gibibyte }
            })
    }

    private var loadChart: BarChart {
        BarChart(
            title: "Largest load over mean load",
            caption: "Of the expert ranks, by the tokens a calibration saw; 1 is even.",
            categories: imbalances.map(\.name.rawValue), xLabel: "placement", yLabel: "largest / mean",
            series: [
                BarChart.Series("mean over layers", imbalances.map { BarChart.Value($0.value.mean) }),
                BarChart.Series("worst layer", imbalances.map { BarChart.Value($0.value.worst) }),
            ], limits: [Limit(1, "even")])
    }
}
