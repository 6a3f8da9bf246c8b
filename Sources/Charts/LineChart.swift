// Series over a number, such as the error of each layer: lines with markers, limits, a band.

/// One or more series over a common horizontal axis.
package struct LineChart: Chart {
    /// A point of a series.
    package struct Point: Sendable {
        package var x: Double
        /// Not-a-number and infinities leave a gap and a cross at the top edge.
        package var y: Double

        /// A point at x and y.
        package init(_ x: Double, _ y: Double) {
            self.x = x
            self.y = y
        }
    }

    /// A line with a name.
    package struct Series: Sendable {
        package var name: String
        /// In the order in which they are joined.
        package var points: [Point]

        /// A series through points.
        package init(_ name: String, _ points: [Point]) {
            self.name = name
            self.points = points
        }

        /// A series of values at 0, 1, 2 and so on.
        package init(_ name: String, values: [Double]) {
            self.init(name, values.enumerated().map { Point(Double($0), $1) })
        }
    }

    /// A range of y at each x, drawn as an area under the lines.
    package struct Band: Sendable {
        /// The range at one x.
        package struct Range: Sendable {
            package var x: Double
            package var low: Double
            package var high: Double

            /// A range from low to high at x.
            package init(x: Double, low: Double, high: Double) {
                self.x = x
                self.low = low
                self.high = high
            }
        }

        package var name: String
        package var ranges: [Range]

        /// A band through ranges; those that are not finite are left out.
        package init(_ name: String, _ ranges: [Range]) {
            self.name = name
            self.ranges = ranges
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
    package var series: [Series]
    package var limits: [Limit]
    package var band: Band?

    /// A chart of series; zeros and negative values of a logarithmic axis stand in a strip at its foot.
    package init(
        title: String, caption: String? = nil, size: ChartSize = .full, xLabel: String, yLabel: String,
        yScale: AxisScale = .linear, series: [Series], limits: [Limit] = [], band: Band? = nil
    ) {
        self.title = title
        self.caption = caption
        self.size = size
        self.xLabel = xLabel
        self.yLabel = yLabel
        self.yScale = yScale
        self.series = series
        self.limits = limits
        self.band = band
    }

    package var table: DataTable {
        let places = Set(series.flatMap(\.points).map(\.x).filter(\.isFinite)).sorted()
        let columns = series.map { series in
            Dictionary(
                series.points.filter(\.x.isFinite).map { ($0.x, $0.y) }, uniquingKeysWith: { a, _ in a })
        }
        return DataTable(
            columns: [DataTable.Column(xLabel)] + series.map { DataTable.Column($0.name) },
            rows: places.map { x in [numberText(x)] + columns.map { $0[x].map(numberText) ?? "" } })
    }

    package func svg() -> String {
        let drawn = series.map { $0.points.filter(\.x.isFinite) }
        let points = drawn.flatMap { $0 }
        guard !points.isEmpty else { return emptyChart(self) }
        let xs = points.map(\.x)
        let x = Axis(
            .linear, values: xs, count: size == .full ? 12 : 6,
            integers: xs.allSatisfy { $0.rounded() == $0 }, snaps: false)
        let ranges = band?.ranges.filter { $0.x.isFinite && $0.low.isFinite && $0.high.isFinite } ?? []
        let values = points.map(\.y)
        let y = Axis(
            yScale, values: values, also: limits.map(\.value) + ranges.flatMap { [$0.low, $0.high] }, count: 6
        )
        var notes = PlotNotes(values: values, axis: y, limits: limits)
        notes.addUnplaced(series.reduce(0) { $0 + $1.points.count } - points.count)
        let legend = Legend(.line, series.map(\.name), area: band?.name, width: size.width - 60)
        let area = PlotArea(
            size: size, y: y, legend: legend, below: 46, notes: notes.sentences.count,
            limits: limits)
        return chartElement(self, description: description, width: area.width, height: area.height) { svg in
            legend.draw(into: &svg, x: area.left, y: 0)
            area.drawZones(into: &svg, limits)
            area.drawVerticalAxis(into: &svg, label: yLabel)
            area.drawHorizontalAxis(into: &svg, x, label: xLabel)
            area.drawLimits(into: &svg, limits)
            draw(ranges, into: &svg, area: area, x: x)
            for (index, points) in drawn.enumerated() {
                draw(points, index: index, into: &svg, area: area, x: x)
            }
            area.drawNotes(into: &svg, notes.sentences)
        }
    }

    private func draw(_ ranges: [Band.Range], into svg: inout Markup, area: PlotArea, x: Axis) {
        func corner(_ at: Double, _ value: Double) -> String {
            let across = area.across(x.place(at) ?? 0)
            return "\(coordinate(across)) \(coordinate(area.down(value) ?? area.bottom))"
        }
        guard ranges.count > 1, let band else { return }
        let outline = ranges.map { corner($0.x, $0.high) } + ranges.reversed().map { corner($0.x, $0.low) }
        svg.element("path", ["class": "band", "d": "M" + outline.joined(separator: "L") + "Z"]) {
            $0.element("title", text: band.name)
        }
    }

    private func draw(_ points: [Point], index: Int, into svg: inout Markup, area: PlotArea, x: Axis) {
        let style = SeriesStyle(index: index)
        let radius = points.count > 100 ? 2.0 : points.count > 40 ? 2.6 : 3.4
        svg.element("g", ["class": style.classes]) { group in
            var path = ""
            var joins = false
            for point in points {
                let place = x.place(point.x).map(area.across)
                guard let place, let down = area.down(point.y), !area.y.isAtFloor(point.y) else {
                    joins = false
                    continue
                }
                path += "\(joins ? "L" : "M")\(coordinate(place)) \(coordinate(down))"
                joins = true
            }
            if !path.isEmpty { group.element("path", ["class": "line", "d": path]) }
            for point in points {
                draw(point, of: series[index].name, style, radius, into: &group, area: area, x: x)
            }
        }
    }

    private func draw(
        _ point: Point, of name: String, _ style: SeriesStyle, _ radius: Double, into group: inout Markup,
        area: PlotArea, x: Axis
    ) {
        let across = area.across(x.place(point.x) ?? 0)
        let fails = limits.contains { $0.fails(point.y) }
        let tip = "\(name) · \(xLabel) \(numberText(point.x)): \(numberText(point.y))"
        guard let down = area.down(point.y) else {
            group.element("path", ["class": "broken", "d": SeriesStyle.cross(x: across, y: area.top + 5)]) {
                $0.element("title", text: tip)
            }
            return
        }
        let kind = area.y.isAtFloor(point.y) ? "mark hollow" : "mark"
        group.element("path", ["class": kind, "d": style.marker(x: across, y: down, radius: radius)]) {
            $0.element("title", text: tip)
        }
        if fails {
            group.element(
                "path", ["class": "ring", "d": SeriesStyle.circle(x: across, y: down, radius: radius + 3.5)])
        }
    }

    private var description: String {
        let parts = series.prefix(8).map { series in
            let finite = series.points.filter { $0.x.isFinite && $0.y.isFinite }
            guard let least = finite.map(\.y).min(), let most = finite.max(by: { $0.y < $1.y }) else {
                return "\(series.name): no finite values."
            }
            return "\(series.name): \(series.points.count) points from \(numberText(least)) to "
                + "\(numberText(most.y)), the largest at \(numberText(most.x))."
        }
        let gates = limits.map { "Limit \($0.label) at \(numberText($0.value))." }
        return (["\(yLabel) over \(xLabel)."] + parts + gates).joined(separator: " ")
    }
}
