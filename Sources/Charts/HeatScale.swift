// From the value of a cell to one of the colour classes, and the key that says which colour is how much.

import Diagnostics
import Glibc

/// The colour scale of a heat map.
struct HeatScale {
    let axis: Axis

    /// A scale over the finite values; zeros of a logarithmic scale take the lowest colour.
    init(_ scale: AxisScale, values: some Sequence<Double>, range: ClosedRange<Double>?) {
        var low = Double.infinity
        var high = -Double.infinity
        for value in values where value.isFinite && (scale == .linear || value > 0) {
            low = min(low, value)
            high = max(high, value)
        }
        if let range, range.lowerBound.isFinite, range.upperBound.isFinite,
            scale == .linear || range.lowerBound > 0
        {
            (low, high) = (range.lowerBound, range.upperBound)
        }
        if low > high { (low, high) = scale == .linear ? (0, 1) : (0.1, 1) }
        axis = Axis(scale, values: [low, high], count: 5, snaps: false)
    }

    /// The class of a value, 0 to 31; nil when it is not finite.
    func colour(_ value: Double) -> Int? {
        axis.place(value).map { min(HeatColours.count - 1, max(0, Int($0 * Double(HeatColours.count)))) }
    }

    /// Draws the key as a bar of colours with ticks under it.
    func draw(into svg: inout Markup, x: Double, y: Double, width: Double, label: String) {
        svg.element(
            "text",
            ["class": "label", "x": coordinate(x - 12), "y": coordinate(y + 11), "text-anchor": "end"],
            text: fitted(label, width: x - 16))
        let step = width / Double(HeatColours.count)
        for index in 0..<HeatColours.count {
            svg.element(
                "rect",
                [
                    "class": "h\(index)", "x": coordinate(x + Double(index) * step), "y": coordinate(y),
                    "width": coordinate(step + 0.4), "height": "13",
                ])
        }
        var lastEnd = -Double.infinity
        for tick in axis.range.ticks where !tick.label.isEmpty {
            guard let share = axis.place(tick.value) else { continue }
            let place = x + share * width
            let half = textWidth(tick.label) / 2
            guard place - half > lastEnd + 6 else { continue }
            lastEnd = place + half
            svg.element("path", ["class": "axis", "d": "M\(coordinate(place)) \(coordinate(y + 13))v4"])
            svg.element(
                "text",
                [
                    "class": "tick", "x": coordinate(place), "y": coordinate(y + 31),
                    "text-anchor": "middle",
                ], text: tick.label)
        }
    }
}
