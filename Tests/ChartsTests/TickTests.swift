// Where ticks stand and what they say.

import Charts
import TestSupport
import Testing

struct TickTests {
    struct Case: Sendable, CustomStringConvertible {
        var low: Double
        var high: Double
        var labels: [String]
        var integers = false
        var snaps = true
        var description: String { "\(low)…\(high)" }
    }

    @Test(arguments: [
        Case(low: 0, high: 1, labels: ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        Case(low: 0, high: 0.03, labels: ["0.00", "0.01", "0.02", "0.03"]),
        Case(low: -3, high: 7, labels: ["-4", "-2", "0", "2", "4", "6", "8"]),
        Case(low: 0, high: 12_000, labels: ["0", "5,000", "10,000", "15,000"]),
        Case(low: 0, high: 3e9, labels: ["0", "1.00e+09", "2.00e+09", "3.00e+09"]),
        Case(low: 0, high: 4e-6, labels: ["0", "1.00e-06", "2.00e-06", "3.00e-06", "4.00e-06"]),
        Case(low: 0, high: 3, labels: ["0", "1", "2", "3"], integers: true),
        Case(low: 5, high: 5, labels: ["5"], integers: true, snaps: false),
        Case(low: 0, high: 31, labels: ["0", "10", "20", "30"], integers: true, snaps: false),
        Case(low: 0, high: 0, labels: ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        Case(low: 1, high: 1 + 1e-12, labels: ["0.90", "0.95", "1.00", "1.05", "1.10"]),
    ])
    func linear(_ at: Case) {
        let ticks = Ticks.linear(at.low, at.high, count: 5, integers: at.integers, snaps: at.snaps)
        #expect(ticks.ticks.map(\.label) == at.labels)
        #expect(ticks.low <= at.low && ticks.high >= at.high - 1e-9 && ticks.low < ticks.high)
    }

    @Test func valuesAreTheNearestDoubles() {
        #expect(
            Ticks.linear(0, 1, count: 10).ticks.map(\.value) == [
                0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1,
            ])
    }

    @Test func decades() {
        let wide = Ticks.logarithmic(3e-7, 0.02, count: 6)
        #expect(wide.low == 1e-7 && wide.high == 0.1)
        #expect(wide.ticks.map(\.label) == ["10⁻⁷", "10⁻⁶", "10⁻⁵", "10⁻⁴", "10⁻³", "10⁻²", "10⁻¹"])
        let plain = Ticks.logarithmic(1, 1_000, count: 6)
        #expect(plain.ticks.map(\.label).filter { !$0.isEmpty } == ["1", "10", "100", "1,000"])
        #expect(plain.ticks.count == 28)
        let one = Ticks.logarithmic(2, 2, count: 6)
        #expect(one.low < 2 && one.high > 2)
        let thinned = Ticks.logarithmic(1e-300, 1e300, count: 6)
        #expect(thinned.ticks.count { !$0.label.isEmpty } <= 7)
        let narrow = Ticks.logarithmic(0.011, 0.018, count: 6, snaps: false)
        #expect(narrow.ticks.count { !$0.label.isEmpty } > 1)
    }

    @Test func anyRangeGivesFewTicksInside() {
        var noise = Noise(state: 3)
        let ends = [
            0, 1, -1, .leastNonzeroMagnitude, 1e-300, 1e300, .greatestFiniteMagnitude,
            -.greatestFiniteMagnitude,
        ]
        var pairs = ends.flatMap { a in ends.map { (a, $0) } }
        for _ in 0..<2_000 {
            let size = (noise.next() - 0.5) * 600
            let base = (noise.next() - 0.5) * Double.powerOfTen(size)
            pairs.append((base, base + noise.next() * Double.powerOfTen(size - 12 * noise.next())))
        }
        // One line for all faults: a fault here comes in hundreds.
        var faults: [String] = []
        for (low, high) in pairs {
            for (integers, snaps) in [(false, false), (false, true), (true, false), (true, true)] {
                let ticks = Ticks.linear(low, high, count: 6, integers: integers, snaps: snaps)
                let values = ticks.ticks.map(\.value)
                let isSound =
                    values.count <= 20 && ticks.low < ticks.high && values.allSatisfy(\.isFinite)
                    && zip(values, values.dropFirst()).allSatisfy { $0 < $1 }
                if !isSound { faults.append("\(low)…\(high) \(integers) \(snaps): \(values.prefix(4))") }
            }
        }
        #expect(faults.isEmpty, "\(faults.count): \(faults.prefix(5))")
    }

    @Test func numbers() {
        let cases: [(Double, String)] = [
            (0, "0"), (-0.0, "0"), (1, "1"), (24_161, "24,161"), (0.0263, "0.0263"), (0.002634, "0.002634"),
            (0.0263456, "0.02635"), (0.000263, "2.63e-04"), (99.414, "99.41"), (-0.5, "-0.5"),
            (1234.5678, "1,235"), (12_345_678.5, "1.23e+07"), (8_192, "8,192"), (.nan, "NaN"),
            (.infinity, "infinity"), (-.infinity, "-infinity"), (1e300, "1.00e+300"), (9.9996, "10"),
        ]
        for (value, text) in cases { #expect(numberText(value) == text) }
    }
}

extension Double {
    /// Ten to a power, clamped to what a double holds.
    static func powerOfTen(_ exponent: Double) -> Double {
        var value = 1.0
        for _ in 0..<Int(min(300, abs(exponent))) { value *= 10 }
        return exponent < 0 ? 1 / value : value
    }
}
