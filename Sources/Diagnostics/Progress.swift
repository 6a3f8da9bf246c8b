// Progress of long work: events from the stages, one sink that shows them.

/// Where stages report how far they are.
///
/// Calls come from any thread.
package protocol ProgressSink: Sendable {
    /// Work of a known size starts.
    func begin(stage: String, total: Int, unit: ProgressUnit)
    /// So much more is done.
    func advance(_ amount: Int)
    /// What to show beside it, such as a loss.
    func note(_ text: String)
    /// The work is over, well or not.
    func end()
}

/// What work is counted in.
package enum ProgressUnit: String, Sendable {
    case bytes, tokens, texts, layers, passes, steps, seconds

    /// An amount as people read it.
    package func text(_ amount: Int) -> String {
        self == .bytes ? byteCount(amount) : "\(grouped(amount)) \(rawValue)"
    }
}

extension ProgressSink {
    /// Work on bytes starts.
    package func begin(stage: String, totalBytes: Int) {
        begin(stage: stage, total: totalBytes, unit: .bytes)
    }

    /// Shows nothing unless a sink does.
    package func note(_ text: String) {}

    /// So many more bytes are done.
    package func advance(bytes: Int) { advance(bytes) }
}

/// A sink that shows nothing.
package struct SilentProgress: ProgressSink {
    package init() {}
    package func begin(stage: String, total: Int, unit: ProgressUnit) {}
    package func advance(_ amount: Int) {}
    package func end() {}
}
