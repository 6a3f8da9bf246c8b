// Why a kind of statistics is recorded.

/// A kind of statistics, the scheme that uses it, and what for.
package struct CalibrationReason: Equatable, Sendable {
    package let observer: Observer
    package let scheme: String
    package let why: String

    /// Memberwise.
    package init(observer: Observer, scheme: String, why: String) {
        self.observer = observer
        self.scheme = scheme
        self.why = why
    }
}
