// Where an axis has its ticks. Linear ticks stand at multiples of 1, 2 or 5 times a power of ten (Heckbert,
// "Nice numbers for graph labels", Graphics Gems, 1990); logarithmic ones at decades.

import Diagnostics
import Glibc

/// One tick of an axis.
package struct Tick: Equatable, Sendable {
    /// Where it stands, in the units of the data.
    package var value: Double
    /// What it says; empty for a minor tick.
    package var label: String
}

/// Ticks and the range they cover.
package struct Ticks: Equatable, Sendable {
    /// The start of the axis.
    package var low: Double
    /// The end of the axis, above `low`.
    package var high: Double
    /// In ascending order, all inside the range.
    package var ticks: [Tick]

    /// Ticks of a linear axis.
    ///
    /// A range without extent is widened: by half a unit for integers, by a tenth of the value otherwise.
    ///
    /// - Parameters:
    ///   - low, high: the range of the data; finite. Clamped to ±1e300.
    ///   - count: about how many intervals there should be.
    ///   - integers: steps are whole numbers, up to a million million.
    ///   - snaps: the range grows to the next tick on both sides.
    package static func linear(
        _ low: Double, _ high: Double, count: Int, integers: Bool = false, snaps: Bool = true
    ) -> Ticks {
        let integers = integers && max(abs(low), abs(high)) < 1e12
        let (first, second) = (max(-1e300, min(1e300, low)), max(-1e300, min(1e300, high)))
        var low = min(first, second)
        var high = max(first, second)
        if high - low <= max(abs(low), abs(high)) * 1e-9 || high - low < 1e-290 {
            let middle = low / 2 + high / 2
            let half = integers ? 0.5 : abs(middle) < 1e-280 ? 1 : abs(middle) * 0.1
            (low, high) = middle == 0 && !integers ? (0, 1) : (middle - half, middle + half)
        }
        let raw = (high / Double(count)) - (low / Double(count))
        var exponent = Int(Glibc.floor(log10(raw)))
        let fraction = scaled(raw, by: -exponent)
        var mantissa = fraction <= 1.0001 ? 1 : fraction <= 2.0001 ? 2 : fraction <= 5.0001 ? 5 : 10
        if mantissa == 10 { (mantissa, exponent) = (1, exponent + 1) }
        if integers, exponent < 0 { (mantissa, exponent) = (1, 0) }
        let step = scaled(Double(mantissa), by: exponent)
        let from = snaps ? Glibc.floor(low / step + 1e-9) : ceil(low / step - 1e-9)
        let to = snaps ? ceil(high / step - 1e-9) : Glibc.floor(high / step + 1e-9)
        let values =
            from <= to ? (Int(from)...Int(to)).map { scaled(Double($0 * mantissa), by: exponent) } : []
        let largest = values.map { abs($0) }.max() ?? 0
        let ticks = values.map { value in
            Tick(value: value, label: label(value, exponent: exponent, largest: largest))
        }
        guard snaps, let start = values.first, let end = values.last, start < end else {
            return Ticks(low: low, high: high, ticks: ticks)
        }
        return Ticks(low: start, high: end, ticks: ticks)
    }

    /// Ticks of a logarithmic axis.
    ///
    /// - Parameters:
    ///   - low, high: the range of the data; positive and finite.
    ///   - count: at most how many decades are labelled.
    ///   - snaps: the range grows to whole decades.
    package static func logarithmic(_ low: Double, _ high: Double, count: Int, snaps: Bool = true) -> Ticks {
        let (start, end) = (max(1e-300, min(1e300, low)), max(1e-300, min(1e300, high)))
        let low = min(start, end)
        let high = max(start, end)
        var first = Int(Glibc.floor(log10(low) + 1e-9))
        var last = Int(ceil(log10(high) - 1e-9))
        if first >= last { (first, last) = snaps ? (first - 1, first + 1) : (first, first + 1) }
        let decades = last - first
        let stride = max(1, (decades + count - 1) / max(1, count))
        let asPowers = first < -3 || last > 4
        var ticks: [Tick] = []
        for exponent in first...last {
            let named = (exponent - first) % stride == 0
            let text = asPowers ? "10" + superscript(exponent) : numberText(scaled(1, by: exponent))
            ticks.append(Tick(value: scaled(1, by: exponent), label: named ? text : ""))
            guard decades <= 3, exponent < last else { continue }
            for multiple in 2...9 {
                let value = scaled(Double(multiple), by: exponent)
                let named = decades == 1 && (multiple == 2 || multiple == 5)
                ticks.append(Tick(value: value, label: named ? numberText(value) : ""))
            }
        }
        if snaps { return Ticks(low: scaled(1, by: first), high: scaled(1, by: last), ticks: ticks) }
        let wide = high > low * 1.000001
        let range = wide ? (low, high) : (scaled(1, by: first), scaled(1, by: last))
        let inside = ticks.filter { $0.value >= range.0 * 0.999999 && $0.value <= range.1 * 1.000001 }
        // Inside one decade there may be no named tick: linear ones say more then.
        let enough = inside.count { !$0.label.isEmpty } > 1
        return Ticks(
            low: range.0, high: range.1,
            ticks: enough ? inside : linear(range.0, range.1, count: count, snaps: false).ticks)
    }

    private static func label(_ value: Double, exponent: Int, largest: Double) -> String {
        guard largest < 1e7, exponent > -5 else { return scientific(value) }
        let text = decimals(value, max(0, -exponent))
        guard exponent >= 0 || largest >= 1_000 else { return text }
        return fixedText(value, max(0, -exponent))
    }

    /// The value times a power of ten, divided rather than multiplied for negative powers: 3 / 10 is the
    /// double nearest to 0.3, 3 × 0.1 is not.
    private static func scaled(_ value: Double, by exponent: Int) -> Double {
        var power = 1.0
        for _ in 0..<min(300, exponent.magnitude) { power *= 10 }
        return exponent < 0 ? value / power : value * power
    }

    private static func superscript(_ exponent: Int) -> String {
        let digits = Array("⁰¹²³⁴⁵⁶⁷⁸⁹")
        let text = String(exponent.magnitude).compactMap { $0.wholeNumberValue.map { String(digits[$0]) } }
        return (exponent < 0 ? "⁻" : "") + text.joined()
    }
}
