// What the marks of a chart mean, in rows above the plot.

/// The key to a chart.
struct Legend {
    /// How the sample of an entry is drawn.
    enum Sample {
        case line, marker, bar
    }

    private static let rowHeight = 21.0
    private static let sampleWidth = 34.0
    private static let gap = 20.0

    private let sample: Sample
    private let entries: [(text: String, name: String, style: Int, x: Double, row: Int)]

    /// The height it takes.
    let height: Double

    /// Lays out the names; a single one needs no key.
    init(_ sample: Sample, _ names: [String], width: Double, always: Bool = false) {
        self.sample = sample
        guard always ? !names.isEmpty : names.count > 1 else {
            entries = []
            height = 0
            return
        }
        var placed: [(text: String, name: String, style: Int, x: Double, row: Int)] = []
        var x = 0.0
        var row = 0
        for (index, name) in names.enumerated() {
            let text = fitted(name, width: min(320, width - Self.sampleWidth - 8))
            let needed = Self.sampleWidth + 6 + textWidth(text)
            if x > 0, x + needed > width { (x, row) = (0, row + 1) }
            placed.append((text, name, index, x, row))
            x += needed + Self.gap
        }
        entries = placed
        height = Double(row + 1) * Self.rowHeight + 5
    }

    /// Draws the key with its top left corner at a point.
    func draw(into markup: inout Markup, x left: Double, y top: Double) {
        for entry in entries {
            let x = left + entry.x
            let y = top + Double(entry.row) * Self.rowHeight + 9
            let style = SeriesStyle(index: entry.style)
            markup.element("g", ["class": style.classes]) {
                drawSample(into: &$0, style: style, index: entry.style, x: x, y: y)
                $0.element(
                    "text",
                    [
                        "class": "label", "x": coordinate(x + Self.sampleWidth + 6),
                        "y": coordinate(y + 4.5),
                    ]
                ) {
                    if entry.text != entry.name { $0.element("title", text: entry.name) }
                    $0.add(entry.text)
                }
            }
        }
    }

    private func drawSample(
        into markup: inout Markup, style: SeriesStyle, index: Int, x: Double, y: Double
    ) {
        let middle = x + Self.sampleWidth / 2
        switch sample {
        case .line:
            markup.element(
                "path",
                [
                    "class": "line",
                    "d": "M\(coordinate(x)) \(coordinate(y))H\(coordinate(x + Self.sampleWidth))",
                ])
            markup.element("path", ["class": "mark", "d": style.marker(x: middle, y: y, radius: 3.5)])
        case .marker:
            markup.element(
                "path",
                ["class": "mark", "d": style.marker(x: x + Self.sampleWidth - 8, y: y, radius: 4)])
        case .bar:
            markup.element(
                "rect",
                [
                    "class": index == 0 ? "bar" : "bar second", "x": coordinate(x + Self.sampleWidth - 20),
                    "y": coordinate(y - 6), "width": "18", "height": "12",
                ])
        }
    }
}
