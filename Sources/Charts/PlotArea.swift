// The frame that line charts, bars, histograms and scatters share: where the plot stands in the view box, the
// grid with its labels, limits and their names, and the notes under it.

/// The rectangle that data is drawn in, with a vertical axis.
struct PlotArea {
    let y: Axis
    let left: Double
    let right: Double
    let top: Double
    let bottom: Double
    /// The height of the whole view box.
    let height: Double
    /// The width of the whole view box.
    let width: Double

    private static let noteHeight = 18.0
    private static let lineHeight = 16.0

    /// - Parameters:
    ///   - limits: horizontal ones, whose names stand on the right.
    ///   - below: what the horizontal axis needs under the plot, without notes.
    init(size: ChartSize, y: Axis, legend: Legend, below: Double, notes: Int, limits: [Limit] = []) {
        self.y = y
        width = size.width
        let labels = y.range.ticks.map { textWidth($0.label) } + [textWidth(y.floorLabel ?? "")]
        left = max(44, (labels.max() ?? 0) + 14)
        right = width - max(16, Self.gutter(for: limits, size: size))
        top = legend.height + 26
        bottom = top + size.plotHeight
        height = bottom + below + Double(notes) * Self.noteHeight + (notes > 0 ? 8 : 2)
    }

    /// The coordinate of a value on the vertical axis; nil when it is not finite.
    func down(_ value: Double) -> Double? { y.place(value).map { bottom - $0 * (bottom - top) } }

    /// The coordinate of a share of the width.
    func across(_ share: Double) -> Double { left + share * (right - left) }

    /// Grid, ticks and name of the vertical axis.
    func drawVerticalAxis(into markup: inout Markup, label: String) {
        for tick in y.range.ticks {
            guard let place = down(tick.value) else { continue }
            horizontal(into: &markup, tick.label.isEmpty ? "grid minor" : "grid", at: place)
            tickText(into: &markup, tick.label, x: left - 8, y: place + 4.5, anchor: "end")
        }
        if let floor = y.floorLabel {
            let end = bottom - y.floorEnd * (bottom - top)
            markup.element(
                "rect",
                [
                    "class": "strip", "x": n(left), "y": n(end), "width": n(right - left),
                    "height": n(bottom - end),
                ])
            let middle = bottom - y.floorPlace * (bottom - top)
            tickText(into: &markup, floor, x: left - 8, y: middle + 4.5, anchor: "end")
        }
        horizontal(into: &markup, "axis", at: bottom)
        markup.element(
            "text", ["class": "label", "x": n(left), "y": n(top - 12)],
            text: fitted(label, width: right - left))
    }

    /// Ticks and name of a numeric horizontal axis.
    func drawHorizontalAxis(into markup: inout Markup, _ axis: Axis, label: String, grid: Bool = false) {
        var lastEnd = -Double.infinity
        for tick in axis.range.ticks {
            guard let share = axis.place(tick.value) else { continue }
            let x = across(share)
            if grid {
                vertical(into: &markup, tick.label.isEmpty ? "grid minor" : "grid", x: x, from: top)
            }
            let width = textWidth(tick.label)
            guard !tick.label.isEmpty, x - width / 2 > lastEnd + 6, x - width / 2 > 0 else { continue }
            lastEnd = x + width / 2
            markup.element("path", ["class": "axis", "d": "M\(n(x)) \(n(bottom))v5"])
            let anchor = x + width / 2 > self.width - 2 ? "end" : "middle"
            tickText(
                into: &markup, tick.label, x: anchor == "end" ? self.width - 2 : x, y: bottom + 19,
                anchor: anchor)
        }
        drawHorizontalLabel(into: &markup, label, y: bottom + 40)
    }

    /// The name of the horizontal axis.
    func drawHorizontalLabel(into markup: inout Markup, _ label: String, y: Double) {
        markup.element(
            "text",
            ["class": "label", "x": n((left + right) / 2), "y": n(y), "text-anchor": "middle"],
            text: fitted(label, width: right - left))
    }

    /// The tinted failing sides of horizontal limits; drawn under the data.
    func drawZones(into markup: inout Markup, _ limits: [Limit]) {
        for limit in limits {
            guard let place = down(limit.value), limit.failing != .none else { continue }
            let (from, to) = limit.failing == .above ? (top, place) : (place, bottom)
            markup.element(
                "rect",
                [
                    "class": "zone", "x": n(left), "y": n(from), "width": n(right - left),
                    "height": n(max(0, to - from)),
                ])
        }
    }

    /// Horizontal limits, with their names beside the plot where they cover no data.
    func drawLimits(into markup: inout Markup, _ limits: [Limit]) {
        var lines: [(text: String, name: String, baseline: Double)] = []
        let placed = limits.compactMap { limit in down(limit.value).map { (limit, $0) } }
        for (limit, place) in placed.sorted(by: { $0.1 < $1.1 }) {
            horizontal(into: &markup, limit.failing == .none ? "limit mean" : "limit", at: place)
            for text in wrapped(limit.label, width: width - right - 10, lines: 3) {
                let free = (lines.last?.baseline ?? -.infinity) + Self.lineHeight
                let isFirst = lines.last?.name != limit.label
                lines.append((text, limit.label, isFirst ? max(place + 4.5, free) : free))
            }
        }
        // What would run out at the foot moves up; more names than there is room for lie over each other.
        for (index, line) in lines.enumerated() {
            let lowest = bottom + 4 - Double(lines.count - 1 - index) * Self.lineHeight
            let baseline = max(top, min(line.baseline, lowest))
            markup.element("text", ["class": "limit-name", "x": n(right + 7), "y": n(baseline)]) {
                if line.text.hasSuffix("…") { $0.element("title", text: line.name) }
                $0.add(line.text)
            }
        }
    }

    /// What the names of limits need on the right of the plot.
    static func gutter(for limits: [Limit], size: ChartSize) -> Double {
        let most = size == .full ? 150.0 : 110
        let lines = limits.filter(\.value.isFinite).flatMap { wrapped($0.label, width: most, lines: 3) }
        // Names are set bold.
        return lines.map { min(most, textWidth($0) * 1.16) + 12 }.max() ?? 0
    }

    /// The name of a limit, legible over whatever it stands on.
    func drawLimitName(
        into markup: inout Markup, _ label: String, x: Double, y: Double, anchor: String, room: Double
    ) {
        markup.element("text", ["class": "limit-name", "x": n(x), "y": n(y), "text-anchor": anchor]) {
            let text = fitted(label, width: room)
            if text != label { $0.element("title", text: label) }
            $0.add(text)
        }
    }

    /// Sentences under the plot, from the bottom of the view box upwards.
    func drawNotes(into markup: inout Markup, _ notes: [String]) {
        for (index, note) in notes.enumerated() {
            let place = height - Double(notes.count - 1 - index) * Self.noteHeight - 6
            markup.element(
                "text", ["class": "note", "x": n(left), "y": n(place)],
                text: fitted(note, width: width - left - 4))
        }
    }

    /// A text of the size of tick labels; nothing when it is empty.
    func tickText(into markup: inout Markup, _ text: String, x: Double, y: Double, anchor: String) {
        guard !text.isEmpty else { return }
        markup.element("text", ["class": "tick", "x": n(x), "y": n(y), "text-anchor": anchor], text: text)
    }

    private func horizontal(into markup: inout Markup, _ name: String, at place: Double) {
        markup.element("path", ["class": name, "d": "M\(n(left)) \(n(place))H\(n(right))"])
    }

    /// A vertical line from a height to the bottom of the plot.
    func vertical(into markup: inout Markup, _ name: String, x: Double, from start: Double) {
        markup.element("path", ["class": name, "d": "M\(n(x)) \(n(start))V\(n(bottom))"])
    }

    private func n(_ value: Double) -> String { coordinate(value) }
}
