// Every chart with what it should never be given: it draws what can be drawn, says what cannot, and stays
// well-formed.

import Charts
import Diagnostics
import TestSupport
import Testing

struct EdgeCaseTests {
    static let script = "<script>alert(\"1\")</script> & 'x' \u{1}\u{202E}"
    static let long = String(repeating: "a very long label without an end ", count: 40)

    static let values: [(String, [Double])] = [
        ("none", []), ("one", [0.5]), ("zero", [0]), ("equal", [0.3, 0.3, 0.3]), ("zeros", [0, 0, 0]),
        ("not finite", [.nan, 1, .infinity, -.infinity, 2]), ("all not finite", [.nan, .infinity]),
        ("negative", [-1, -0.001, 0, 5]), ("all negative", [-3, -2]), ("huge", [1e308, -1e308, 1e-308]),
        ("tiny", [.leastNonzeroMagnitude, .leastNormalMagnitude / 8, 0]), ("steep", [1e-300, 1e300]),
        ("large", (0..<300).map { Double($0) }),
    ]
    static let labels = ["plain", script, long, "", "日本語のラベル", "👩‍👩‍👧 family"]
    static let limits = [
        [], [Limit(1, "gate")], [Limit(.nan, "broken"), Limit(-5, script), Limit(0, long, failing: .below)],
        (0..<12).map { Limit(1 + Double($0) * 1e-9, "gate \($0)", failing: .none) },
    ]

    /// All charts over one list of values.
    static func charts(_ values: [Double], _ label: String, _ limits: [Limit]) -> [any Chart] {
        var all: [any Chart] = []
        let names = values.indices.map { $0 % 3 == 0 ? label : "\($0)" }
        for (size, scale) in [(ChartSize.full, AxisScale.linear), (.half, .log10)] {
            let points = values.map { LineChart.Point($0, $0) }
            all.append(
                LineChart(
                    title: label, caption: label, size: size, xLabel: label, yLabel: label, yScale: scale,
                    series: [LineChart.Series(label, values: values), LineChart.Series("x", points)],
                    limits: limits,
                    band: LineChart.Band(label, values.map { LineChart.Band.Range(x: $0, low: $0, high: $0) })
                ))
            all.append(
                Scatter(
                    title: label, size: size, xLabel: label, yLabel: label, yScale: scale,
                    groups: [
                        Scatter.Group(label, values.map { Scatter.Point($0, $0, label) }),
                        Scatter.Group("empty", []),
                    ], limits: limits))
            all.append(
                BarChart(
                    title: label, size: size, categories: names, xLabel: label, yLabel: label,
                    series: [
                        BarChart.Series(label, values.map { BarChart.Value($0) }),
                        BarChart.Series(
                            "short",
                            values.prefix(1).filter(\.isFinite).map {
                                BarChart.Value($0, interval: -abs($0)...abs($0))
                            }),
                    ], limits: limits))
            let edges = Array(Set(values.filter(\.isFinite))).sorted()
            all.append(
                Histogram(
                    title: label, size: size, xLabel: label, xScale: scale, countScale: scale, edges: edges,
                    counts: (1..<max(2, edges.count)).map { $0 * 7 % 50 }, marks: limits))
            all.append(
                Histogram(
                    title: label, size: size, xLabel: label, edges: values, counts: [1, -4], marks: limits))
            let columns = names.prefix(300)
            all.append(
                HeatMap(
                    title: label, size: size, rows: [label, "b"], columns: Array(columns), rowLabel: label,
                    columnLabel: label, valueLabel: label, scale: scale, values: [values],
                    marks: [HeatMap.Mark(row: 0, column: 0, label), HeatMap.Mark(row: 9, column: -1, "")]))
        }
        return all
    }

    @Test(arguments: values.indices)
    func everyChartStaysWellFormed(_ index: Int) throws {
        let (name, values) = Self.values[index]
        var faults: [String] = []
        for (place, label) in Self.labels.enumerated() {
            // Every label and every limit with every list of values, without the whole product of the three.
            for limits in [Self.limits[(place + index) % Self.limits.count]] {
                for chart in Self.charts(values, label, limits) {
                    let svg = chart.svg()
                    let table = chart.table
                    do {
                        let reader = try MarkupReader(svg)
                        try reader.checkGeometry()
                        let isLabelled =
                            reader.elements.first?.attributes["role"] == "img"
                            && reader.elements.dropFirst().prefix(2).map(\.name) == ["title", "desc"]
                        if !isLabelled { faults.append("\(type(of: chart)): not labelled") }
                        if reader.elements.contains(where: { $0.name == "script" }) {
                            faults.append("\(type(of: chart)): a script")
                        }
                        if table.rows.contains(where: { $0.count > table.columns.count }) {
                            faults.append("\(type(of: chart)): a long row")
                        }
                    } catch {
                        faults.append("\(type(of: chart)), \(label.prefix(20)): \(error)")
                    }
                }
            }
        }
        #expect(faults.isEmpty, "\(name), \(faults.count): \(faults.prefix(5).joined(separator: "; "))")
    }

    @Test func whatCannotBeDrawnIsSaid() {
        func line(_ values: [Double], _ scale: AxisScale) -> String {
            LineChart(
                title: "t", xLabel: "x", yLabel: "y", yScale: scale,
                series: [LineChart.Series("s", values: values)],
                limits: [Limit(.nan, "gate")]
            ).svg()
        }
        let svg = line([1, 0, .nan, -3, 10], .log10)
        #expect(svg.contains("1 value not finite") && svg.contains("1 value exactly zero"))
        #expect(svg.contains("1 value below zero") && svg.contains(">≤ 0<"))
        #expect(svg.contains("the limit “gate” is NaN and cannot be drawn"))
        #expect(!line([1, 0, -3], .linear).contains("exactly zero"))
        #expect(line([], .linear).contains("no data"))
    }

    @Test func aLimitHasASide() {
        #expect(!Limit(1, "").fails(1) && Limit(1, "").fails(1.1) && Limit(1, "").fails(.nan))
        #expect(Limit(1, "", failing: .below).fails(0.9) && Limit(1, "", failing: .below).fails(.nan))
        #expect(!Limit(1, "", failing: .none).fails(5) && !Limit(1, "", failing: .none).fails(.nan))
    }

    @Test func failingPointsAreRinged() {
        let chart = LineChart(
            title: "t", xLabel: "x", yLabel: "y", series: [LineChart.Series("s", values: [1, 2, 3])],
            limits: [Limit(2, "gate")])
        #expect(chart.svg().components(separatedBy: "class=\"ring\"").count == 2)
    }

    @Test func textIsEscapedOnce() {
        #expect(escaped("<a href=\"x\">&'") == "&lt;a href=&quot;x&quot;&gt;&amp;&#39;")
        #expect(escaped("\u{0}\u{1B}\u{202E}\u{FFFE}") == "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}")
        #expect(escaped("日本 é\n\t") == "日本 é\n\t")
    }
}
