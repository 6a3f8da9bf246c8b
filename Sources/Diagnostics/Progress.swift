// Progress of long work: events from the stages, one sink that shows them.

/// Where stages report how far they are.
///
/// Calls come from any thread.
package protocol ProgressSink: Sendable {
    /// Work of a known size starts.
    func begin(stage: String, totalBytes: Int)
    /// So many more bytes are done.
    func advance(bytes: Int)
    /// The work is over, well or not.
    func end()
}

/// A sink that shows nothing.
package struct SilentProgress: ProgressSink {
    package init() {}
    package func begin(stage: String, totalBytes: Int) {}
    package func advance(bytes: Int) {}
    package func end() {}
}
