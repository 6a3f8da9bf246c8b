// Lines of text files that people edit, on any system.

extension StringProtocol {
    /// The lines, empty ones included, without their ends.
    ///
    /// A carriage return and a line feed are one Character, which a split at "\n" passes over.
    var lines: [SubSequence] {
        split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    }
}
