// Where the cells of a heat map stand, and the names beside them.

/// The geometry of a heat map.
struct HeatGrid {
    private let map: HeatMap
    let left: Double
    let right: Double
    let top = 62.0
    private let cellWidth: Double
    private let cellHeight: Double

    /// The lower edge of the last row.
    var bottom: Double { top + cellHeight * Double(map.rows.count) }

    init(_ map: HeatMap) {
        self.map = map
        let names = map.rows.map { textWidth(fitted($0, width: 170)) }
        left = max(40, (names.max() ?? 0) + 12, textWidth(fitted(map.rowLabel, width: 170)) + 12)
        right = map.size.width - 12
        cellWidth = (right - left) / Double(max(1, map.columns.count))
        // Tall enough to be seen, not taller than wide cells need.
        cellHeight = max(8, min(22, 420 / Double(max(1, map.rows.count))))
    }

    /// The rectangle of a cell as path data, a hairline apart from its neighbours where there is room.
    func cell(_ row: Int, _ column: Int) -> String {
        let x = left + Double(column) * cellWidth
        let y = top + Double(row) * cellHeight
        let gap = min(cellWidth, cellHeight) > 5 ? 0.6 : 0
        let (width, height) = (coordinate(cellWidth - gap), coordinate(cellHeight - gap))
        return "M\(coordinate(x)) \(coordinate(y))h\(width)v\(height)h-\(width)z"
    }

    /// The outline of a marked cell, never smaller than can be seen.
    func outline(_ row: Int, _ column: Int) -> String {
        let width = max(8, cellWidth + 1)
        let height = max(8, cellHeight + 1)
        let x = left + (Double(column) + 0.5) * cellWidth - width / 2
        let y = top + (Double(row) + 0.5) * cellHeight - height / 2
        return "M\(coordinate(x)) \(coordinate(y))h\(coordinate(width))v\(coordinate(height))"
            + "h-\(coordinate(width))z"
    }

    /// A stroke through a cell without a value.
    func stroke(_ row: Int, _ column: Int) -> String {
        let x = left + Double(column) * cellWidth
        let y = top + Double(row) * cellHeight
        return "M\(coordinate(x + 1)) \(coordinate(y + cellHeight - 1))"
            + "L\(coordinate(x + cellWidth - 1)) \(coordinate(y + 1))"
    }

    /// Row names on the left, column names under the cells, what both are.
    func drawNames(into svg: inout Markup) {
        svg.element(
            "text",
            ["class": "label", "x": coordinate(left - 8), "y": coordinate(top - 8), "text-anchor": "end"],
            text: fitted(map.rowLabel, width: max(left - 10, 30)))
        let rowStride = Self.stride(atLeast: 12.5 / cellHeight)
        for row in map.rows.indices where row % rowStride == 0 {
            let y = top + (Double(row) + 0.5) * cellHeight + 4.5
            name(map.rows[row], x: left - 8, y: y, anchor: "end", room: 170, into: &svg)
        }
        let widest = map.columns.map { textWidth(fitted($0, width: 90)) }.max() ?? 0
        let columnStride = Self.stride(atLeast: (widest + 10) / cellWidth)
        for column in map.columns.indices where column % columnStride == 0 {
            let x = left + (Double(column) + 0.5) * cellWidth
            name(map.columns[column], x: x, y: bottom + 17, anchor: "middle", room: 90, into: &svg)
        }
        svg.element(
            "text",
            [
                "class": "label", "x": coordinate((left + right) / 2), "y": coordinate(bottom + 37),
                "text-anchor": "middle",
            ], text: fitted(map.columnLabel, width: right - left))
    }

    private func name(
        _ text: String, x: Double, y: Double, anchor: String, room: Double, into svg: inout Markup
    ) {
        svg.element(
            "text", ["class": "tick", "x": coordinate(x), "y": coordinate(y), "text-anchor": anchor],
            text: fitted(text, width: room))
    }

    private static func stride(atLeast needed: Double) -> Int {
        [1, 2, 4, 8, 16, 32, 64, 128].first { Double($0) >= needed } ?? 256
    }
}
