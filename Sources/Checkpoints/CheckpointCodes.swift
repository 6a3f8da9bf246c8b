// The codes of this area. Each has a page in docs/diagnostics.

import Diagnostics

extension DiagnosticCode {
    package static let pathMissing = DiagnosticCode("FILE-001", exit: .inputMissing)
    package static let pathUnreadable = DiagnosticCode("FILE-002", exit: .inputMissing)
    package static let pathNotFolder = DiagnosticCode("FILE-003", exit: .inputMissing)
    package static let readFailed = DiagnosticCode("FILE-004", exit: .inputOutput)
    package static let changedWhileRead = DiagnosticCode("FILE-005", exit: .inputOutput)
    package static let cannotCreate = DiagnosticCode("FILE-006", exit: .cannotCreateOutput)
    package static let writeFailed = DiagnosticCode("FILE-007", exit: .inputOutput)
    package static let diskFull = DiagnosticCode("FILE-008", exit: .cannotCreateOutput)
    package static let fileTooLarge = DiagnosticCode("FILE-009")
}
