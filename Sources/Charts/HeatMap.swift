// Values in rows and columns as colours, such as the load of each expert by layer.

import Glibc

/// A matrix of coloured cells.
package struct HeatMap: Chart {
    /// A cell that is pointed at.
    package struct Mark: Sendable {
        /// Row and column, counted from 0; a mark outside the matrix is not drawn.
        package var row: Int
        package var column: Int
        /// Why, shown at the pointer and in the table.
        package var label: String

        /// A mark on a cell.
        package init(row: Int, column: Int, _ label: String) {
            self.row = row
            self.column = column
            self.label = label
        }
    }

    /// Up to so many cells each has its own tooltip; beyond, cells of a colour are one path and rows have one.
    static let tooltipLimit = 8_192

    package var title: String
    package var caption: String?
    package var size: ChartSize
    /// Row names, from the top.
    package var rows: [String]
    /// Column names, from the left.
    package var columns: [String]
    /// The name of what rows are: `layer`.
    package var rowLabel: String
    /// The name of what columns are: `expert`.
    package var columnLabel: String
    /// The name of the values, with their unit.
    package var valueLabel: String
    package var scale: AxisScale
    /// What the colours span; nil for the range of the values.
    package var range: ClosedRange<Double>?
    /// By row; missing values and those that are not finite are cells with a stroke through them.
    package var values: [[Double]]
    package var marks: [Mark]

    /// A map of values by row and column.
    package init(
        title: String, caption: String? = nil, size: ChartSize = .full, rows: [String], columns: [String],
        rowLabel: String, columnLabel: String, valueLabel: String, scale: AxisScale = .linear,
        range: ClosedRange<Double>? = nil, values: [[Double]], marks: [Mark] = []
    ) {
        self.title = title
        self.caption = caption
        self.size = size
        self.rows = rows
        self.columns = columns
        self.rowLabel = rowLabel
        self.columnLabel = columnLabel
        self.valueLabel = valueLabel
        self.scale = scale
        self.range = range
        self.values = values
        self.marks = marks
    }

    func value(_ row: Int, _ column: Int) -> Double {
        row < values.count && column < values[row].count ? values[row][column] : .nan
    }

    /// All values where they fit a page; otherwise what each row spans, and where.
    package var table: DataTable {
        guard columns.count > 24 else {
            return DataTable(
                columns: [DataTable.Column(rowLabel, numeric: false)] + columns.map { DataTable.Column($0) },
                rows: rows.indices.map { row in
                    [rows[row]] + columns.indices.map { numberText(value(row, $0)) }
                })
        }
        let names = ["least", "mean", "most", "most at \(columnLabel)"]
        return DataTable(
            columns: [DataTable.Column(rowLabel, numeric: false)] + names.map { DataTable.Column($0) }
                + [DataTable.Column("marked", numeric: false)],
            rows: rows.indices.map { row in
                let finite = columns.indices.map { (value(row, $0), $0) }.filter { $0.0.isFinite }
                let marked = marks.filter { $0.row == row && columns.indices.contains($0.column) }
                    .map { "\(columns[$0.column]): \($0.label)" }.joined(separator: "; ")
                guard let least = finite.min(by: { $0.0 < $1.0 }), let most = finite.max(by: { $0.0 < $1.0 })
                else { return [rows[row], "", "", "", "", marked] }
                let mean = finite.reduce(0) { $0 + $1.0 / Double(finite.count) }
                return [
                    rows[row], numberText(least.0), numberText(mean), numberText(most.0), columns[most.1],
                    marked,
                ]
            })
    }

    package func svg() -> String {
        guard !rows.isEmpty, !columns.isEmpty else { return emptyChart(self) }
        let colours = HeatScale(scale, values: values.joined(), range: range)
        let grid = HeatGrid(self)
        var notes: [String] = []
        let missing = rows.indices.reduce(0) { sum, row in
            sum + columns.indices.count { !value(row, $0).isFinite }
        }
        if missing > 0 {
            notes.append(
                "╱ \(numberText(Double(missing))) cell\(missing == 1 ? "" : "s") without a finite value")
        }
        let drawnMarks = marks.filter { rows.indices.contains($0.row) && columns.indices.contains($0.column) }
        if !drawnMarks.isEmpty {
            let names = drawnMarks.prefix(6).map {
                "\(rowLabel) \(rows[$0.row]), \(columnLabel) \(columns[$0.column]) (\($0.label))"
            }
            let more = drawnMarks.count > 6 ? " and \(drawnMarks.count - 6) more" : ""
            notes.append("□ outlined: " + names.joined(separator: "; ") + more)
        }
        return chartElement(
            self, description: description, width: size.width,
            height: grid.bottom + 48 + 18 * Double(notes.count)
        ) { svg in
            let labelWidth = min(size.width * 0.45, textWidth(valueLabel) + 16)
            colours.draw(
                into: &svg, x: max(grid.left, labelWidth), y: 2, width: min(320, size.width * 0.42),
                label: valueLabel)
            grid.drawNames(into: &svg)
            drawCells(into: &svg, grid: grid, colours: colours)
            drawMarks(into: &svg, grid: grid)
            for (index, note) in notes.enumerated() {
                let y = grid.bottom + 60 + 18 * Double(index)
                svg.element(
                    "text", ["class": "note", "x": coordinate(grid.left), "y": coordinate(y)],
                    text: fitted(note, width: grid.right - grid.left))
            }
        }
    }

    private func drawCells(into svg: inout Markup, grid: HeatGrid, colours: HeatScale) {
        var classes = [[(row: Int, column: Int)]](repeating: [], count: HeatColours.count)
        var void = ""
        for row in rows.indices {
            for column in columns.indices {
                if let colour = colours.colour(value(row, column)) {
                    classes[colour].append((row, column))
                } else {
                    void += grid.stroke(row, column)
                }
            }
        }
        let withTips = rows.count * columns.count <= Self.tooltipLimit
        for (index, cells) in classes.enumerated() where !cells.isEmpty {
            svg.element("g", ["class": "h\(index)"]) { group in
                guard withTips else {
                    group.element("path", ["d": cells.map { grid.cell($0.row, $0.column) }.joined()])
                    return
                }
                for (row, column) in cells {
                    group.element("path", ["d": grid.cell(row, column)]) {
                        $0.element("title", text: tip(row, column))
                    }
                }
            }
        }
        if !void.isEmpty { svg.element("path", ["class": "void", "d": void]) }
    }

    private func drawMarks(into svg: inout Markup, grid: HeatGrid) {
        for mark in marks where rows.indices.contains(mark.row) && columns.indices.contains(mark.column) {
            let outline = grid.outline(mark.row, mark.column)
            svg.element("path", ["class": "cell-mark", "d": outline])
            svg.element("path", ["class": "cell-mark inner", "d": outline]) {
                $0.element("title", text: "\(tip(mark.row, mark.column)) · \(mark.label)")
            }
        }
    }

    /// Short: it is written thousands of times.
    private func tip(_ row: Int, _ column: Int) -> String {
        let names = "\(fitted(rows[row], width: 200)) · \(fitted(columns[column], width: 200))"
        return "\(names): \(numberText(value(row, column)))"
    }

    private var description: String {
        let finite = rows.indices.flatMap { row in
            columns.indices.map { (value: value(row, $0), row: row, column: $0) }
        }.filter(\.value.isFinite)
        let size =
            "\(valueLabel) for \(rows.count) rows (\(rowLabel)) and \(columns.count) columns (\(columnLabel))."
        guard let least = finite.min(by: { $0.value < $1.value }),
            let most = finite.max(by: { $0.value < $1.value })
        else { return size + " No finite values." }
        return size + " From \(numberText(least.value)) to \(numberText(most.value)), the most at "
            + "\(rowLabel) \(rows[most.row]), \(columnLabel) \(columns[most.column])."
    }
}
