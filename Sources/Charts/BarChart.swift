// One or two values for each category, such as accuracy by task before and after.

/// Bars by category, from zero.
package struct BarChart: Chart {
    /// A value with its confidence interval.
    package struct Value: Sendable, ExpressibleByFloatLiteral {
        /// Not-a-number and infinities leave a cross instead of a bar.
        package var value: Double
        /// The ends of the interval; nil for none.
        package var interval: ClosedRange<Double>?

        /// A value, with or without an interval.
        package init(_ value: Double, interval: ClosedRange<Double>? = nil) {
            self.value = value
            self.interval = interval
        }

        /// A value without an interval.
        package init(floatLiteral value: Double) { self.init(value) }
    }

    /// A set of bars with a name.
    package struct Series: Sendable {
        package var name: String
        /// In the order of the categories; a short list leaves the last ones without a bar.
        package var values: [Value]

        /// A series of values.
        package init(_ name: String, _ values: [Value]) {
            self.name = name
            self.values = values
        }
    }

    package var title: String
    package var caption: String?
    package var size: ChartSize
    package var categories: [String]
    /// The name of the horizontal axis.
    package var xLabel: String
    /// The name of the vertical axis, with its unit.
    package var yLabel: String
    /// One or two; the second is drawn lighter.
    package var series: [Series]
    package var limits: [Limit]

    /// A chart of one or two series over categories.
    package init(
        title: String, caption: String? = nil, size: ChartSize = .full, categories: [String], xLabel: String,
        yLabel: String, series: [Series], limits: [Limit] = []
    ) {
        self.title = title
        self.caption = caption
        self.size = size
        self.categories = categories
        self.xLabel = xLabel
        self.yLabel = yLabel
        self.series = series
        self.limits = limits
    }

    package var table: DataTable {
        let hasInterval = series.map { $0.values.contains { $0.interval != nil } }
        var columns = [DataTable.Column(xLabel, numeric: false)]
        for (series, interval) in zip(series, hasInterval) {
            columns.append(DataTable.Column(series.name))
            if interval { columns.append(DataTable.Column("interval")) }
        }
        let rows = categories.indices.map { index in
            var row = [categories[index]]
            for (series, interval) in zip(series, hasInterval) {
                let value = index < series.values.count ? series.values[index] : nil
                row.append(value.map { numberText($0.value) } ?? "")
                guard interval else { continue }
                row.append(
                    value?.interval.map {
                        "\(numberText($0.lowerBound)) to \(numberText($0.upperBound))"
                    } ?? "")
            }
            return row
        }
        return DataTable(columns: columns, rows: rows)
    }

    package func svg() -> String {
        let values = series.flatMap { $0.values.prefix(categories.count) }
        guard !categories.isEmpty, !values.isEmpty else { return emptyChart(self) }
        let ends = values.compactMap(\.interval).flatMap { [$0.lowerBound, $0.upperBound] }
        let y = Axis(
            .linear, values: values.map(\.value), also: [0] + ends + limits.map(\.value), count: 6)
        let notes = PlotNotes(values: values.map(\.value), axis: y, limits: limits)
        let legend = Legend(.bar, series.map(\.name), width: size.width - 60)
        let names = CategoryLabels(
            categories, room: size.width - 76 - PlotArea.gutter(for: limits, size: size))
        let area = PlotArea(
            size: size, y: y, legend: legend, below: names.height + 26, notes: notes.sentences.count,
            limits: limits)
        return chartElement(self, description: description, width: area.width, height: area.height) { svg in
            legend.draw(into: &svg, x: area.left, y: 0)
            area.drawZones(into: &svg, limits)
            area.drawVerticalAxis(into: &svg, label: yLabel)
            for index in series.indices { draw(index, into: &svg, area: area) }
            let zero = coordinate(area.down(0) ?? area.bottom)
            svg.element(
                "path",
                ["class": "axis", "d": "M\(coordinate(area.left)) \(zero)H\(coordinate(area.right))"])
            names.draw(into: &svg, area: area)
            area.drawHorizontalLabel(into: &svg, xLabel, y: area.bottom + names.height + 18)
            area.drawLimits(into: &svg, limits)
            area.drawNotes(into: &svg, notes.sentences)
        }
    }

    private func draw(_ index: Int, into svg: inout Markup, area: PlotArea) {
        let band = (area.right - area.left) / Double(categories.count)
        let width = min(46, band * (band < 6 ? 0.9 : 0.72) / Double(series.count))
        svg.element("g", ["class": SeriesStyle(index: index).classes]) { group in
            for (place, value) in series[index].values.prefix(categories.count).enumerated() {
                let middle = area.left + (Double(place) + 0.5) * band
                let left = middle + (Double(index) - Double(series.count) / 2) * width
                draw(value, categories[place], index, into: &group, area: area, left: left, width: width)
            }
        }
    }

    private func draw(
        _ value: Value, _ category: String, _ index: Int, into group: inout Markup, area: PlotArea,
        left: Double, width: Double
    ) {
        let interval = value.interval.map {
            " (\(numberText($0.lowerBound)) to \(numberText($0.upperBound)))"
        }
        let tip = "\(category) · \(series[index].name): \(numberText(value.value))\(interval ?? "")"
        let middle = left + width / 2
        guard let end = area.down(value.value), let zero = area.down(0) else {
            group.element("path", ["class": "broken", "d": SeriesStyle.cross(x: middle, y: area.top + 6)]) {
                $0.element("title", text: tip)
            }
            return
        }
        let kind = index == 0 ? "bar" : "bar second"
        let fails = limits.contains { $0.fails(value.value) }
        let inset = min(1, width * 0.08)
        group.element(
            "rect",
            [
                "class": fails ? kind + " over" : kind, "x": coordinate(left + inset),
                "y": coordinate(min(end, zero)), "width": coordinate(max(0.4, width - 2 * inset)),
                "height": coordinate(abs(zero - end)),
            ]
        ) { $0.element("title", text: tip) }
        guard let bounds = value.interval, let low = area.down(bounds.lowerBound),
            let high = area.down(bounds.upperBound)
        else { return }
        let half = min(6, width * 0.28)
        let across = "M\(coordinate(middle - half)) "
        group.element(
            "path",
            [
                "class": "whisker",
                "d": "M\(coordinate(middle)) \(coordinate(low))V\(coordinate(high))"
                    + "\(across)\(coordinate(low))h\(coordinate(2 * half))"
                    + "\(across)\(coordinate(high))h\(coordinate(2 * half))",
            ])
    }

    private var description: String {
        let parts = series.map { series in
            let finite = zip(categories, series.values).filter { $0.1.value.isFinite }
            guard let least = finite.min(by: { $0.1.value < $1.1.value }),
                let most = finite.max(by: { $0.1.value < $1.1.value })
            else { return "\(series.name): no finite values." }
            return "\(series.name): from \(numberText(least.1.value)) (\(least.0)) to "
                + "\(numberText(most.1.value)) (\(most.0))."
        }
        let gates = limits.map { "Limit \($0.label) at \(numberText($0.value))." }
        return (["\(yLabel) for \(categories.count) categories."] + parts + gates).joined(separator: " ")
    }
}
