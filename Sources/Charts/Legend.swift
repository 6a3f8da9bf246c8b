// What the marks of a chart mean, in rows above the plot.

/// The key to a chart.
struct Legend {
    /// How the sample of an entry is drawn.
    enum Sample {
        case line, marker, bar, area

        var width: Double {
            switch self {
            case .line: 34
            case .marker: 12
            case .bar, .area: 18
            }
        }
    }

    /// A line of the key.
    private struct Entry {
        let sample: Sample
        let name: String
        let text: String
        let index: Int
        let x: Double
        let row: Int
    }

    private static let rowHeight = 21.0
    private static let gap = 20.0

    private let entries: [Entry]

    /// The height it takes.
    let height: Double

    /// A chart without a key.
    static let none = Legend(.bar, [], width: 0)

    /// Lays out the names of series, and of an area behind them; a single name needs no key.
    init(_ sample: Sample, _ names: [String], area: String? = nil, width: Double) {
        let all = names.map { (sample, $0) } + (area.map { [(.area, $0)] } ?? [])
        guard all.count > 1 else {
            entries = []
            height = 0
            return
        }
        var placed: [Entry] = []
        var x = 0.0
        var row = 0
        for (index, (sample, name)) in all.enumerated() {
            let text = fitted(name, width: min(320, width - sample.width - 8))
            let needed = sample.width + 7 + textWidth(text)
            if x > 0, x + needed > width { (x, row) = (0, row + 1) }
            placed.append(Entry(sample: sample, name: name, text: text, index: index, x: x, row: row))
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
            markup.element("g", ["class": SeriesStyle(index: entry.index).classes]) {
                drawSample(of: entry, into: &$0, x: x, y: y)
                $0.element(
                    "text",
                    ["class": "label", "x": coordinate(x + entry.sample.width + 7), "y": coordinate(y + 4.5)]
                ) {
                    if entry.text != entry.name { $0.element("title", text: entry.name) }
                    $0.add(entry.text)
                }
            }
        }
    }

    private func drawSample(of entry: Entry, into markup: inout Markup, x: Double, y: Double) {
        let style = SeriesStyle(index: entry.index)
        let width = entry.sample.width
        switch entry.sample {
        case .line:
            markup.element(
                "path", ["class": "line", "d": "M\(coordinate(x)) \(coordinate(y))H\(coordinate(x + width))"])
            fallthrough
        case .marker:
            markup.element(
                "path", ["class": "mark", "d": style.marker(x: x + width / 2, y: y, radius: 3.6)])
        case .bar, .area:
            let kind = entry.sample == .area ? "band" : entry.index == 0 ? "bar" : "bar second"
            markup.element(
                "rect",
                [
                    "class": kind, "x": coordinate(x), "y": coordinate(y - 6), "width": coordinate(width),
                    "height": "12",
                ])
        }
    }
}
