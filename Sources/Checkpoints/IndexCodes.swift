// The codes of the index of a checkpoint. Each has a page in docs/diagnostics.

import Diagnostics

extension DiagnosticCode {
    static let indexNotJSON = DiagnosticCode("CKPT-040")
    static let indexWrongForm = DiagnosticCode("CKPT-041")
    static let indexEntryNotString = DiagnosticCode("CKPT-042")
    static let indexUnsafeName = DiagnosticCode("CKPT-043")
    static let indexKeyTwice = DiagnosticCode("CKPT-044")
    static let indexTotalMalformed = DiagnosticCode("CKPT-045")
    static let indexPastHubLimit = DiagnosticCode("CKPT-046")
    static let indexUnknownKey = DiagnosticCode("CKPT-047")
    static let indexEmpty = DiagnosticCode("CKPT-048")
    static let indexTooLarge = DiagnosticCode("CKPT-049")
}
