// What sensitivity found as a page for the person who chooses what to keep: which roles and layers suffer, and what
// bytes buy.

import Charts
import Checkpoints
import Diagnostics
import Documents
import Quantisation

extension SensitivityReport {
    /// Writes the page beside its name and renames it.
    func write(to path: String) throws(Failure) { _ = try FileAccess.writeSealed(page.html(), to: path) }

    /// The page.
    var page: HTMLPage {
        var sections = [PageSection("Roles", roleCharts), PageSection("Layers", layerCharts)]
        sections.append(PageSection("What bytes buy", [.chart(budgetChart)]))
        let command =
            "ingot quantise CHECKPOINT --scheme \(record.scheme) --sensitivity FILE --keep-budget SIZE --output DIR"
        return HTMLPage(
            title: "Sensitivity of \(record.model)",
            subtitle: "What \(record.scheme) does to the outputs of the model, part by part.",
            facts: [
                HTMLPage.Fact("Read", "\(grouped(record.tokens)) tokens of \(grouped(record.texts)) texts"),
                HTMLPage.Fact("Numbers", record.numerics),
                HTMLPage.Fact("Everything quantised", "KL \(interval(record.whole)) nats"),
                HTMLPage.Fact(
                    "Groups of modules",
                    record.groups.contains { $0.isMeasured } ? "measured" : "estimated from roles and layers"),
            ], sections: sections,
            footer: "Made by `ingot sensitivity`. To keep what suffers most: `\(command)`.")
    }

    private var roleCharts: [PageBlock] {
        let errors = record.roles.map { role -> BarChart.Value in
            let own = record.outputs.filter { $0.role == role.role }.map(\.relativeError)
            return BarChart.Value(own.isEmpty ? .nan : own.reduce(0, +) / Double(own.count))
        }
        let names = record.roles.map(\.role.name)
        return [
            .chart(
                BarChart(
                    title: "Only this role quantised",
                    caption: "Divergence from the model's own outputs, with 95 % intervals.",
                    categories: names, xLabel: "role", yLabel: "KL, nats",
                    series: [BarChart.Series("KL", record.roles.map { bar($0.effect) })])),
            .chart(
                BarChart(
                    title: "Error of the role's own outputs",
                    caption: "Length of the error over length of the output; mean over layers.",
                    categories: names, xLabel: "role", yLabel: "relative error",
                    series: [BarChart.Series("error", errors)])),
        ]
    }

    private var layerCharts: [PageBlock] {
        [
            .chart(
                BarChart(
                    title: "Only this layer quantised",
                    caption: "Divergence from the model's own outputs, with 95 % intervals.",
                    categories: record.layers.map { "\($0.layer)" }, xLabel: "layer", yLabel: "KL, nats",
                    series: [BarChart.Series("KL", record.layers.map { bar($0.effect) })]))
        ]
    }

    /// The interval stops at zero, which no divergence is below.
    private func bar(_ effect: Effect) -> BarChart.Value {
        BarChart.Value(
            effect.mean,
            interval: effect.halfWidth.map { max(0, effect.mean - $0)...max(0, effect.mean + $0) })
    }

    /// Expected divergence over bytes kept, in the order in which a budget keeps groups.
    private var budgetChart: LineChart {
        var points = [LineChart.Point(0, record.whole.mean)]
        var (kept, bytes): (Set<ModuleGroup>, Int) = ([], 0)
        for group in record.byWorth where group.damage > 0 {
            kept.insert(group.group)
            bytes += group.extraBytes
            points.append(LineChart.Point(Double(bytes) / 1e6, record.expectedDivergence(keeping: kept)))
        }
        return LineChart(
            title: "Expected divergence by bytes kept",
            caption:
                "Groups of modules stay as they are, the most damage for each byte first; each mark is one more.",
            xLabel: "MB more than with everything quantised", yLabel: "KL, nats",
            series: [LineChart.Series("expected", points)])
    }
}
