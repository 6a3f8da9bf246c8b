// The charts of a card, as SVG files that carry their own colours, light and dark.

import Architectures
import Charts
import Diagnostics

/// The charts that there are numbers for.
struct CardCharts {
    /// A chart as a file of the folder.
    struct File {
        /// What stands for the picture where it is not shown.
        let title: String
        let path: String
        let svg: String
    }

    static let folder = "assets"

    static func errors(_ errors: RoleErrors, _ language: CardLanguage) -> File? {
        guard !errors.rows.isEmpty else { return nil }
        let chart = BarChart(
            title: language.choose("Error of quantised weights by role", "各模块量化权重误差"),
            categories: errors.rows.map { language.role($0.role.name) },
            xLabel: language.choose("role", "模块"),
            yLabel: language.choose("relative RMS error, %", "相对均方根误差（%）"),
            series: [
                BarChart.Series(
                    language.choose("all tensors", "全部张量"), errors.rows.map { .init($0.mean * 100) }),
                BarChart.Series(
                    language.choose("worst tensor", "最差张量"), errors.rows.map { .init($0.worst * 100) }),
            ])
        return file(chart, "error-by-role", language)
    }

    static func layers(_ parity: ParityFacts, _ language: CardLanguage) -> File? {
        guard parity.residual.count > 1 else { return nil }
        let chart = LineChart(
            title: language.choose("Distance from the base model, layer by layer", "逐层与基座模型的偏差"),
            xLabel: language.choose("after layer", "层"),
            yLabel: language.choose("relative difference, %", "相对差异（%）"),
            series: [
                LineChart.Series(
                    language.choose("residual stream, mean over tokens", "残差流，词元平均"),
                    parity.residual.map { .init(Double($0.layer), $0.mean * 100) })
            ])
        return file(chart, "difference-by-layer", language)
    }

    static func memory(_ topology: TopologyFacts, _ language: CardLanguage) -> File? {
        let rows = topology.rows.filter { $0.isLegal && $0.rankBytes > 0 }
        guard rows.count > 1 else { return nil }
        let chart = BarChart(
            title: language.choose("Weights on each device", "每设备权重占用"), categories: rows.map(\.name),
            xLabel: language.choose("topology", "并行方案"), yLabel: "GiB",
            series: [
                BarChart.Series(
                    language.choose("largest rank", "最大的 rank"),
                    rows.map { .init(Double($0.rankBytes) / 1_073_741_824) })
            ])
        return file(chart, "memory-by-topology", language)
    }

    private static func file(_ chart: some Chart, _ name: String, _ language: CardLanguage) -> File {
        File(
            title: chart.title, path: "\(folder)/\(name).\(language.rawValue).svg",
            svg: chart.standaloneSVG() + "\n")
    }
}
