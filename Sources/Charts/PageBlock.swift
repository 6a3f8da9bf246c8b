// What a section of a report is made of.

import Diagnostics

/// A piece of a section.
package indirect enum PageBlock: Sendable {
    /// A paragraph; text between backticks is set as code.
    case prose(String)
    /// Cards in a row.
    case figures([KeyFigure])
    /// A table that is read in place.
    case table(DataTable)
    /// A plot with the numbers behind it; half-size plots that follow each other stand side by side.
    case chart(any Chart)
    /// What checks had to say, each in the form of the terminal.
    case findings([Finding])
    /// The records that the block before comes from.
    case sources([PageLink])
    /// A line that opens to more.
    case details(String, [PageBlock])
}

/// A part of a report under its own heading.
package struct PageSection: Sendable {
    package var heading: String
    package var blocks: [PageBlock]

    /// A section of blocks in reading order.
    package init(_ heading: String, _ blocks: [PageBlock]) {
        self.heading = heading
        self.blocks = blocks
    }
}

extension PageBlock {
    /// Blocks in order; neighbouring plots share a grid.
    static func render(_ blocks: [PageBlock], into markup: inout Markup) {
        var charts: [any Chart] = []
        func flush(into markup: inout Markup) {
            guard !charts.isEmpty else { return }
            markup.element("div", ["class": "plots"]) { grid in
                for chart in charts { Self.figure(chart, into: &grid) }
            }
            markup.raw("\n")
            charts = []
        }
        for block in blocks {
            if case .chart(let chart) = block {
                charts.append(chart)
                continue
            }
            flush(into: &markup)
            block.render(into: &markup)
        }
        flush(into: &markup)
    }

    private func render(into markup: inout Markup) {
        switch self {
        case .prose(let text): Self.prose(text, into: &markup)
        case .figures(let figures):
            markup.element("dl", ["class": "cards"]) { list in
                for figure in figures { figure.render(into: &list) }
            }
            markup.raw("\n")
        case .table(let table): table.render(into: &markup)
        case .chart(let chart): Self.figure(chart, into: &markup)
        case .findings(let findings):
            markup.element("div", ["class": "findings"]) { list in
                for finding in findings { finding.render(into: &list) }
                if findings.isEmpty { list.element("p", ["class": "none"], text: "✓ no findings") }
            }
            markup.raw("\n")
        case .sources(let links):
            markup.element("p", ["class": "sources"]) { line in
                line.add("From ")
                for (index, link) in links.enumerated() {
                    if index > 0 { line.add(", ") }
                    link.render(into: &line)
                }
            }
            markup.raw("\n")
        case .details(let summary, let blocks):
            markup.element("details") { details in
                details.element("summary", text: summary)
                Self.render(blocks, into: &details)
            }
            markup.raw("\n")
        }
    }

    private static func prose(_ text: String, into markup: inout Markup) {
        markup.element("p", ["class": "prose"]) { paragraph in
            let parts = text.split(separator: "`", omittingEmptySubsequences: false)
            for (index, part) in parts.enumerated() {
                if index % 2 == 0 {
                    paragraph.add(String(part))
                } else if index == parts.count - 1 {
                    paragraph.add("`" + part)
                } else {
                    paragraph.element("code", text: String(part))
                }
            }
        }
        markup.raw("\n")
    }

    private static func figure(_ chart: any Chart, into markup: inout Markup) {
        markup.element("figure", ["class": chart.size == .half ? "half" : nil]) { figure in
            figure.element("figcaption") {
                $0.element("h3", text: chart.title)
                if let caption = chart.caption { $0.element("p", text: caption) }
            }
            figure.element("div", ["class": "scroll plot"]) { $0.raw(chart.svg()) }
            figure.element("details") {
                $0.element("summary", text: "Numbers behind this plot")
                chart.table.render(into: &$0)
            }
        }
    }
}

extension Finding {
    /// The finding as markup, with the fields and the labels of its text form.
    func render(into markup: inout Markup) {
        markup.element("div", ["class": "finding \(level.rawValue)"]) { card in
            card.element("p", ["class": "head"]) {
                $0.element("span") {
                    $0.element("strong", text: level.rawValue + ":")
                    $0.add(" " + what)
                }
                $0.element("code", ["class": "code"], text: code.name)
            }
            let fields =
                subjects.map { ($0.label, Optional($0.value)) }
                + [("expected", expected), ("found", found), ("cause", cause), ("try", remedy)]
            guard fields.contains(where: { $0.1 != nil }) else { return }
            card.element("dl") { list in
                for case (let label, let value?) in fields {
                    list.element("dt", text: label)
                    list.element("dd", text: value)
                }
            }
        }
        markup.raw("\n")
    }
}
