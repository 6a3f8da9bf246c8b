// From a value to a place along an axis. A logarithmic axis keeps a strip below its lowest decade for what
// has no logarithm: an error of exactly zero is a result and has to be seen.

import Glibc

/// How values are spread along an axis.
package enum AxisScale: Sendable {
    case linear
    case log10
}

/// A scale with its range and ticks.
struct Axis {
    /// The share of the axis below the lowest decade, when zeros or negative values are shown there.
    private static let floorStrip = 0.14

    let scale: AxisScale
    let range: Ticks
    /// What the strip at the low end is called; nil when nothing stands there.
    let floorLabel: String?

    private var floorShare: Double { floorLabel == nil ? 0 : Self.floorStrip }

    /// An axis over the finite values given.
    ///
    /// - Parameters:
    ///   - values: the data; those that are not finite do not count.
    ///   - also: values that must be on the axis too, such as limits.
    init(
        _ scale: AxisScale, values: [Double], also: [Double] = [], count: Int, integers: Bool = false,
        snaps: Bool = true
    ) {
        self.scale = scale
        let finite = values.filter(\.isFinite)
        let all = finite + also.filter(\.isFinite)
        switch scale {
        case .linear:
            floorLabel = nil
            range = Ticks.linear(
                all.min() ?? 0, all.max() ?? 1, count: count, integers: integers, snaps: snaps)
        case .log10:
            let positive = all.filter { $0 > 0 }
            let least = finite.min() ?? 1
            floorLabel = least > 0 ? nil : least < 0 ? "≤ 0" : "0"
            range = Ticks.logarithmic(
                positive.min() ?? 0.1, positive.max() ?? 1, count: count, snaps: snaps)
        }
    }

    /// Whether a value stands in the strip for what has no logarithm.
    func isAtFloor(_ value: Double) -> Bool { scale == .log10 && value <= 0 }

    /// The middle of that strip.
    var floorPlace: Double { floorShare / 2 }

    /// Where the strip ends.
    var floorEnd: Double { floorShare }

    /// The share of the axis at which a value stands, 0 to 1; nil when it is not finite.
    func place(_ value: Double) -> Double? {
        guard value.isFinite else { return nil }
        if isAtFloor(value) { return floorPlace }
        let share =
            switch scale {
            case .linear: (value / 2 - range.low / 2) / (range.high / 2 - range.low / 2)
            case .log10:
                (Glibc.log10(value) - Glibc.log10(range.low))
                    / (Glibc.log10(range.high) - Glibc.log10(range.low))
            }
        return floorShare + (1 - floorShare) * max(0, min(1, share))
    }
}
