// A gate in a plot: the value that a check compares with, drawn as a line with its name.

/// A value that a check compares with.
package struct Limit: Sendable {
    /// The side on which a value fails.
    package enum FailingSide: Sendable {
        case above, below
        /// A mark without a verdict, such as a mean.
        case none
    }

    /// Where it stands on the axis.
    package var value: Double
    /// Its name and, where it helps, its value: `gate 0.02`.
    package var label: String
    /// The side that is tinted, and whose points are ringed.
    package var failing: FailingSide

    /// A limit at a value; not-a-number is said under the plot and not drawn.
    package init(_ value: Double, _ label: String, failing: FailingSide = .above) {
        self.value = value
        self.label = label
        self.failing = failing
    }

    /// Whether a value stands on the failing side.
    ///
    /// The limit itself passes. Without a failing side nothing fails; otherwise not-a-number always does.
    package func fails(_ other: Double) -> Bool {
        switch failing {
        case .above: !(other <= value)
        case .below: !(other >= value)
        case .none: false
        }
    }
}
