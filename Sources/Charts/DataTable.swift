// A table of texts: the numbers behind a chart, or a table of its own.

/// A table with a header row.
package struct DataTable: Sendable {
    /// A column: its name and how its cells are set.
    package struct Column: Sendable {
        /// The text of the header cell.
        package var name: String
        /// Set flush right with digits of one width.
        package var isNumeric: Bool

        /// A column of numbers unless said otherwise.
        package init(_ name: String, numeric: Bool = true) {
            self.name = name
            isNumeric = numeric
        }
    }

    /// Rows beyond these are counted and not shown.
    package static let rowLimit = 1_024

    /// What the table shows; empty for the numbers behind a chart.
    package var caption: String
    package var columns: [Column]
    /// Cells by row; a short row is filled with empty cells, a long one is cut.
    package var rows: [[String]]
    /// The record that each row comes from, by its path from the page's folder.
    ///
    /// Short or empty where rows have none. The first cell and the numbers become links to it.
    package var sources: [String?]

    /// A table of texts; use `numberText` for numbers.
    package init(caption: String = "", columns: [Column], rows: [[String]], sources: [String?] = []) {
        self.caption = caption
        self.columns = columns
        self.rows = rows
        self.sources = sources
    }

    /// The table as markup.
    func render(into markup: inout Markup) {
        markup.element("div", ["class": "scroll"]) {
            $0.element("table") { table in
                if !caption.isEmpty { table.element("caption", text: caption) }
                table.element("thead") { head in
                    head.element("tr") { row in
                        for column in columns {
                            row.element(
                                "th", ["scope": "col", "class": column.isNumeric ? "n" : nil],
                                text: column.name)
                        }
                    }
                }
                table.element("tbody") { body in
                    for (index, row) in rows.prefix(Self.rowLimit).enumerated() {
                        render(row, source: index < sources.count ? sources[index] : nil, into: &body)
                    }
                    if rows.isEmpty { note("no rows", into: &body) }
                    let more = rows.count - Self.rowLimit
                    if more > 0 { note("and \(numberText(Double(more))) more rows", into: &body) }
                }
            }
        }
        markup.raw("\n")
    }

    private func render(_ row: [String], source: String?, into body: inout Markup) {
        body.element("tr") { cells in
            for (index, column) in columns.enumerated() {
                let text = index < row.count ? row[index] : ""
                cells.element("td", ["class": column.isNumeric ? "n" : nil]) { cell in
                    if let source, !text.isEmpty, column.isNumeric || index == 0 {
                        PageLink(source, text: text).render(into: &cell)
                    } else {
                        cell.add(text)
                    }
                }
            }
        }
        body.raw("\n")
    }

    private func note(_ text: String, into body: inout Markup) {
        body.element("tr") {
            $0.element("td", ["class": "more", "colspan": String(max(1, columns.count))], text: text)
        }
    }
}
