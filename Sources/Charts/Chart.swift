// What every chart can do: draw itself, say in words what it shows, and give the numbers behind it.

/// A plot that can stand in a report.
package protocol Chart: Sendable {
    /// What the plot shows, as its heading.
    var title: String { get }
    /// A sentence under the heading: how to read it, or what to see in it.
    var caption: String? { get }
    /// How wide it is in the page.
    var size: ChartSize { get }
    /// The numbers behind the plot.
    var table: DataTable { get }
    /// The plot as an inline SVG element; colours come from the page's stylesheet.
    func svg() -> String
}

/// How wide a chart is in a page.
package enum ChartSize: Sendable {
    /// The width of the page.
    case full
    /// Half of it; two in a row stand side by side where there is room.
    case half

    /// The width of the view box.
    var width: Double { self == .full ? 920 : 520 }
    /// The height of the plotting area.
    var plotHeight: Double { self == .full ? 280 : 230 }

    /// The size of text in user units.
    static let fontSize = 13.0
}

/// The SVG element of a chart, with the title and the description that assistive technology reads.
func chartElement(
    _ chart: some Chart, description: String, width: Double, height: Double, _ content: (inout Markup) -> Void
) -> String {
    var markup = Markup()
    markup.element(
        "svg",
        [
            "xmlns": "http://www.w3.org/2000/svg", "class": "chart", "role": "img", "aria-label": chart.title,
            "viewBox": "0 0 \(coordinate(width)) \(coordinate(height))",
        ]
    ) {
        $0.element("title", text: chart.title)
        $0.element("desc", text: description)
        content(&$0)
    }
    return markup.text
}

/// A chart without anything to draw: the frame and a sentence.
func emptyChart(_ chart: some Chart, reason: String = "no data") -> String {
    let width = chart.size.width
    return chartElement(chart, description: "Nothing is drawn: \(reason).", width: width, height: 120) {
        $0.element(
            "rect",
            [
                "class": "empty", "x": "0.5", "y": "0.5", "width": coordinate(width - 1), "height": "119",
                "rx": "6",
            ])
        $0.element(
            "text", ["class": "label", "x": coordinate(width / 2), "y": "65", "text-anchor": "middle"],
            text: reason)
    }
}
