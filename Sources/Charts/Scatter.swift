// One point for each thing measured, by group: the error of every tensor over its layer.

/// Points of several groups.
package struct Scatter: Chart {
    /// A point with what it stands for.
    package struct Point: Sendable {
        package var x: Double
        package var y: Double
        /// What it stands for, shown at the pointer and in the table.
        package var label: String

        /// A point at x and y.
        package init(_ x: Double, _ y: Double, _ label: String) {
            self.x = x
            self.y = y
            self.label = label
        }
    }

    /// Points that share a colour and a shape.
    package struct Group: Sendable {
        package var name: String
        package var points: [Point]

        /// A group of points.
        package init(_ name: String, _ points: [Point]) {
            self.name = name
            self.points = points
        }
    }

    package var title: String
    package var caption: String?
    package var size: ChartSize
    /// The name of the horizontal axis, with its unit.
    package var xLabel: String
    /// The name of the vertical axis, with its unit.
    package var yLabel: String
    package var yScale: AxisScale
    package var groups: [Group]
    package var limits: [Limit]

    /// A scatter of groups; zeros of a logarithmic axis stand in a strip at its foot.
    package init(
        title: String, caption: String? = nil, size: ChartSize = .full, xLabel: String, yLabel: String,
        yScale: AxisScale = .log10, groups: [Group], limits: [Limit] = []
    ) {
        self.title = title
        self.caption = caption
        self.size = size
        self.xLabel = xLabel
        self.yLabel = yLabel
        self.yScale = yScale
        self.groups = groups
        self.limits = limits
    }

    /// The points, the largest first; what is not finite stands before all others.
    package var table: DataTable {
        let points = groups.flatMap { group in group.points.map { (group.name, $0) } }
        let order = points.indices.sorted { a, b in
            let (left, right) = (Self.rank(points[a].1.y), Self.rank(points[b].1.y))
            return left == right ? a < b : left > right
        }
        return DataTable(
            columns: [
                DataTable.Column("point", numeric: false), DataTable.Column("group", numeric: false),
                DataTable.Column(xLabel), DataTable.Column(yLabel),
            ],
            rows: order.prefix(DataTable.rowLimit + 1).map { index in
                let (group, point) = points[index]
                return [point.label, group, numberText(point.x), numberText(point.y)]
            })
    }

    private static func rank(_ value: Double) -> Double { value.isFinite ? value : .infinity }

    package func svg() -> String {
        let drawn = groups.map { $0.points.filter(\.x.isFinite) }
        let points = drawn.flatMap { $0 }
        guard !points.isEmpty else { return emptyChart(self) }
        let xs = points.map(\.x)
        let x = Axis(
            .linear, values: xs, also: Self.margins(xs), count: size == .full ? 12 : 6,
            integers: xs.allSatisfy { $0.rounded() == $0 }, snaps: false)
        let values = points.map(\.y)
        let y = Axis(yScale, values: values, also: limits.map(\.value), count: 6)
        var notes = PlotNotes(values: values, axis: y, limits: limits)
        notes.addUnplaced(groups.reduce(0) { $0 + $1.points.count } - points.count)
        let legend = Legend(.marker, groups.map(\.name), width: size.width - 60)
        let area = PlotArea(
            size: size, y: y, legend: legend, below: 46, notes: notes.sentences.count,
            limits: limits)
        return chartElement(self, description: description, width: area.width, height: area.height) { svg in
            legend.draw(into: &svg, x: area.left, y: 0)
            area.drawZones(into: &svg, limits)
            area.drawVerticalAxis(into: &svg, label: yLabel)
            area.drawHorizontalAxis(into: &svg, x, label: xLabel)
            area.drawLimits(into: &svg, limits)
            for (index, points) in drawn.enumerated() {
                draw(points, index: index, total: xs.count, into: &svg, area: area, x: x)
            }
            area.drawNotes(into: &svg, notes.sentences)
        }
    }

    /// A little room on both sides, so that the first and the last column are not cut by the frame.
    private static func margins(_ xs: [Double]) -> [Double] {
        guard let low = xs.min(), let high = xs.max(), high > low, (high - low).isFinite else { return [] }
        return [low - (high - low) * 0.02, high + (high - low) * 0.02]
    }

    private func draw(
        _ points: [Point], index: Int, total: Int, into svg: inout Markup, area: PlotArea, x: Axis
    ) {
        let style = SeriesStyle(index: index)
        let radius = total > 1_000 ? 2.2 : total > 300 ? 2.8 : 3.6
        svg.element("g", ["class": style.classes]) { group in
            for point in points {
                let across = area.across(x.place(point.x) ?? 0)
                let tip = "\(point.label) · \(groups[index].name): \(numberText(point.y))"
                guard let down = area.down(point.y) else {
                    let cross = SeriesStyle.cross(x: across, y: area.top + 5)
                    group.element("path", ["class": "broken", "d": cross]) {
                        $0.element("title", text: tip)
                    }
                    continue
                }
                let kind = area.y.isAtFloor(point.y) ? "mark hollow" : "mark"
                group.element("path", ["class": kind, "d": style.marker(x: across, y: down, radius: radius)])
                {
                    $0.element("title", text: tip)
                }
                guard limits.contains(where: { $0.fails(point.y) }) else { continue }
                let ring = SeriesStyle.circle(x: across, y: down, radius: radius + 3.5)
                group.element("path", ["class": "ring", "d": ring])
            }
        }
    }

    private var description: String {
        let parts = groups.prefix(8).map { group in
            guard let most = group.points.filter(\.y.isFinite).max(by: { $0.y < $1.y }) else {
                return "\(group.name): no finite values."
            }
            return
                "\(group.name): \(group.points.count) points, the largest \(numberText(most.y)) (\(most.label))."
        }
        let gates = limits.map { "Limit \($0.label) at \(numberText($0.value))." }
        return (["\(yLabel) over \(xLabel)."] + parts + gates).joined(separator: " ")
    }
}
