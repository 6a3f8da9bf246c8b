// The names under bars: level when they fit, in several lines or slanted when they do not, every second or fifth when there are
// too many.

import Glibc

/// Category names along a horizontal axis.
struct CategoryLabels {
    private static let slantWidth = 150.0
    private static let slantSpacing = 17.0

    private let names: [String]
    private let isSlanted: Bool
    /// The lines of each name, when all fit level in several lines.
    private let lines: [[String]]
    private let stride: Int

    /// What they need under the plot.
    let height: Double

    /// - Parameter room: the width of the plot.
    init(_ names: [String], room: Double) {
        self.names = names
        let band = room / Double(max(1, names.count))
        let widest = names.map { textWidth(fitted($0, width: Self.slantWidth)) }.max() ?? 0
        // Numbers stay level and are thinned: 0, 5, 10 reads better than a fence of slanted digits.
        let isTight = widest + 10 > band && !names.allSatisfy { Double($0) != nil }
        let broken = isTight && band > 50 ? names.map { wrapped($0, width: band - 8, lines: 4) } : []
        lines = broken.contains { $0.contains { $0.hasSuffix("…") } } ? [] : broken
        isSlanted = isTight && lines.isEmpty
        guard lines.isEmpty else {
            stride = 1
            height = 6 + 16 * Double(lines.map(\.count).max() ?? 1)
            return
        }
        stride = Self.stride(atLeast: (isSlanted ? Self.slantSpacing : widest + 10) / band)
        height = isSlanted ? 16 + widest * 0.6 : 22
    }

    private static func stride(atLeast needed: Double) -> Int {
        [1, 2, 4, 5, 8, 10, 16, 20, 32, 50, 64].first { Double($0) >= needed } ?? max(1, Int(ceil(needed)))
    }

    /// Draws the names under the plot.
    func draw(into markup: inout Markup, area: PlotArea) {
        let band = (area.right - area.left) / Double(max(1, names.count))
        for (index, name) in names.enumerated() where index % stride == 0 {
            let x = area.left + (Double(index) + 0.5) * band
            for (line, text) in (lines.isEmpty ? [] : lines[index]).enumerated() {
                area.tickText(
                    into: &markup, text, x: x, y: area.bottom + 18 + 16 * Double(line), anchor: "middle")
            }
            guard lines.isEmpty else { continue }
            guard isSlanted else {
                area.tickText(
                    into: &markup, fitted(name, width: max(band, Self.slantWidth)), x: x,
                    y: area.bottom + 18, anchor: "middle")
                continue
            }
            // At 37 degrees; the left end must stay inside the view box.
            let room = min(Self.slantWidth, (x - 6) / 0.8)
            let text = fitted(name, width: room)
            let place = "translate(\(coordinate(x + 4)) \(coordinate(area.bottom + 14))) rotate(-37)"
            markup.element("text", ["class": "tick", "text-anchor": "end", "transform": place]) {
                if text != name { $0.element("title", text: name) }
                $0.add(text)
            }
        }
    }
}
