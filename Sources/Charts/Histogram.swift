// How values are distributed, from bins that were counted elsewhere.

/// Counts by bin, with limits as vertical lines.
package struct Histogram: Chart {
    package var title: String
    package var caption: String?
    package var size: ChartSize
    /// The name of the horizontal axis, with its unit.
    package var xLabel: String
    package var yLabel: String
    /// A lower edge of zero or less is drawn a decade below the first positive edge of a logarithmic axis.
    package var xScale: AxisScale
    /// Logarithmic where a few values in a far bin have to be seen beside many in another.
    package var countScale: AxisScale
    /// Ascending and finite, one more than there are counts.
    package var edges: [Double]
    package var counts: [Int]
    /// Vertical lines: gates, means.
    package var marks: [Limit]

    /// A histogram of bins; edges that do not fit the counts give a frame that says so.
    package init(
        title: String, caption: String? = nil, size: ChartSize = .full, xLabel: String,
        yLabel: String = "count", xScale: AxisScale = .linear, countScale: AxisScale = .linear,
        edges: [Double], counts: [Int], marks: [Limit] = []
    ) {
        self.title = title
        self.caption = caption
        self.size = size
        self.xLabel = xLabel
        self.yLabel = yLabel
        self.xScale = xScale
        self.countScale = countScale
        self.edges = edges
        self.counts = counts
        self.marks = marks
    }

    package var table: DataTable {
        let total = Double(counts.reduce(0) { $0 &+ $1 })
        return DataTable(
            columns: [
                DataTable.Column("from"), DataTable.Column("to"), DataTable.Column(yLabel),
                DataTable.Column("share"),
            ],
            rows: counts.indices.map { index in
                let edge = { (place: Int) in place < edges.count ? numberText(edges[place]) : "" }
                let share = total > 0 ? fixedText(Double(counts[index]) / total * 100, 2) + " %" : ""
                return [edge(index), edge(index + 1), numberText(Double(counts[index])), share]
            })
    }

    package func svg() -> String {
        guard !counts.isEmpty else { return emptyChart(self) }
        guard edges.count == counts.count + 1, edges.allSatisfy(\.isFinite),
            zip(edges, edges.dropFirst()).allSatisfy({ $0 < $1 })
        else { return emptyChart(self, reason: "the edges of the bins do not fit the counts") }
        guard let places = drawnEdges else { return emptyChart(self, reason: "no bin above zero") }
        let inRange = marks.map(\.value).filter { $0.isFinite && (xScale == .linear || $0 > 0) }
        let x = Axis(xScale, values: places, also: inRange, count: size == .full ? 12 : 6, snaps: false)
        let heights = counts.map { Double(max(0, $0)) }
        // Half a count below one, so that a single value is a bar and not a line.
        let y = Axis(
            countScale, values: countScale == .log10 ? heights.filter { $0 > 0 } : heights,
            also: countScale == .log10 ? [0.5] : [0], count: 5, integers: true)
        var notes: [String] = []
        if places != edges {
            notes.append("the lowest bin reaches down to \(numberText(edges[0])), which has no logarithm")
        }
        notes += marks.filter { !inRange.contains($0.value) }.map {
            "the limit “\($0.label)” is \(numberText($0.value)) and cannot be drawn"
        }
        let legend = Legend.none
        let area = PlotArea(size: size, y: y, legend: legend, below: 46, notes: notes.count)
        return chartElement(self, description: description, width: area.width, height: area.height) { svg in
            drawZones(into: &svg, area: area, x: x)
            area.drawVerticalAxis(into: &svg, label: yLabel)
            svg.element("g", ["class": SeriesStyle(index: 0).classes]) {
                drawBins(into: &$0, area: area, x: x, places: places)
            }
            area.drawHorizontalAxis(into: &svg, x, label: xLabel)
            drawMarks(into: &svg, area: area, x: x)
            area.drawNotes(into: &svg, notes)
        }
    }

    /// The edges as they are drawn; nil when none can be.
    private var drawnEdges: [Double]? {
        guard xScale == .log10 else { return edges }
        guard let first = edges.first(where: { $0 > 0 }), first < edges[edges.count - 1] || edges.count > 1
        else { return nil }
        return edges.map { $0 > 0 ? $0 : first / 10 }
    }

    private func drawBins(into svg: inout Markup, area: PlotArea, x: Axis, places: [Double]) {
        for (index, count) in counts.enumerated() where count > 0 {
            guard let from = x.place(places[index]), let to = x.place(places[index + 1]),
                let top = area.down(Double(count))
            else { continue }
            let (left, right) = (area.across(from), area.across(to))
            guard right > left else { continue }
            let gap = min(1, (right - left) * 0.1)
            svg.element(
                "rect",
                [
                    "class": "bar", "x": coordinate(left + gap / 2), "y": coordinate(top),
                    "width": coordinate(max(0.4, right - left - gap)),
                    "height": coordinate(max(0, area.bottom - top)),
                ]
            ) {
                let range = "\(numberText(edges[index])) to \(numberText(edges[index + 1]))"
                $0.element("title", text: "\(range): \(numberText(Double(count)))")
            }
        }
    }

    private func drawZones(into svg: inout Markup, area: PlotArea, x: Axis) {
        for mark in marks where mark.failing != .none && (xScale == .linear || mark.value > 0) {
            guard let place = x.place(mark.value).map(area.across) else { continue }
            let (from, to) = mark.failing == .above ? (place, area.right) : (area.left, place)
            svg.element(
                "rect",
                [
                    "class": "zone", "x": coordinate(from), "y": coordinate(area.top),
                    "width": coordinate(max(0, to - from)), "height": coordinate(area.bottom - area.top),
                ])
        }
    }

    private func drawMarks(into svg: inout Markup, area: PlotArea, x: Axis) {
        for (index, mark) in marks.enumerated() where xScale == .linear || mark.value > 0 {
            guard let place = x.place(mark.value).map(area.across) else { continue }
            let kind = mark.failing == .none ? "limit mean" : "limit"
            area.vertical(into: &svg, kind, x: place, from: area.top)
            // On the side with more room, each name on a line of its own.
            let isLeft = place - area.left > area.right - place
            area.drawLimitName(
                into: &svg, mark.label, x: isLeft ? place - 7 : place + 7,
                y: area.top + 14 + Double(index % 8) * 19, anchor: isLeft ? "end" : "start",
                room: (isLeft ? place - area.left : area.right - place) - 10)
        }
    }

    private var description: String {
        let total = counts.reduce(0) { $0 &+ $1 }
        let most = zip(counts.indices, counts).max { $0.1 < $1.1 }
        let peak = most.map { index, count in
            "The fullest bin, \(numberText(edges[index])) to \(numberText(edges[index + 1])), holds "
                + "\(numberText(Double(count)))."
        }
        let lines = marks.map { "\($0.label) at \(numberText($0.value))." }
        return
            (["\(numberText(Double(total))) values in \(counts.count) bins of \(xLabel).", peak ?? ""] + lines)
            .joined(separator: " ")
    }
}
