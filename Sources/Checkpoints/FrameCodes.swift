// The codes of files in seekable frames. Each has a page in docs/diagnostics.

import Diagnostics

extension DiagnosticCode {
    /// The file does not end in a seek table.
    package static let seekTableMissing = DiagnosticCode("FRAME-001")
    /// The seek table says what the file cannot hold.
    package static let seekTableWrong = DiagnosticCode("FRAME-002")
    /// A frame is not what its entry says.
    package static let frameDamaged = DiagnosticCode("FRAME-003")
    /// Bytes beyond the end of the content.
    package static let frameRangeOutside = DiagnosticCode("FRAME-004")
}
