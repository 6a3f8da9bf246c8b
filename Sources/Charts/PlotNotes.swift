// What a plot cannot show and therefore says in words.

/// Counts what is not drawn where it belongs.
struct PlotNotes {
    private(set) var sentences: [String] = []

    /// Notes on values of a vertical axis and on limits that cannot be drawn.
    init(values: [Double], axis: Axis, limits: [Limit] = []) {
        let broken = values.count { !$0.isFinite }
        if broken > 0 {
            sentences.append("✕ \(Self.count(broken, "value")) not finite, marked at the top edge")
        }
        let zeros = values.count { $0 == 0 }
        let negative = values.count { $0.isFinite && $0 < 0 }
        if axis.scale == .log10, zeros > 0 {
            sentences.append("○ \(Self.count(zeros, "value")) exactly zero, in the strip at the foot")
        }
        if axis.scale == .log10, negative > 0 {
            sentences.append("○ \(Self.count(negative, "value")) below zero, in the strip at the foot")
        }
        for limit in limits where !limit.value.isFinite {
            sentences.append("the limit “\(limit.label)” is \(numberText(limit.value)) and cannot be drawn")
        }
    }

    /// Adds a sentence about points without a place on the horizontal axis.
    mutating func addUnplaced(_ count: Int) {
        guard count > 0 else { return }
        sentences.append("\(Self.count(count, "point")) without a place on the horizontal axis, not drawn")
    }

    private static func count(_ count: Int, _ noun: String) -> String {
        "\(numberText(Double(count))) \(noun)\(count == 1 ? "" : "s")"
    }
}
