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

extension DiagnosticCode {
    package static let outputExists = DiagnosticCode("OUT-001", exit: .cannotCreateOutput)
    package static let outputUnfinished = DiagnosticCode("OUT-002", exit: .cannotCreateOutput)
    package static let outputBusy = DiagnosticCode("OUT-003", exit: .cannotCreateOutput)
    package static let outputOverInput = DiagnosticCode("OUT-004", exit: .usage)
    package static let outputIsMount = DiagnosticCode("OUT-005", exit: .cannotCreateOutput)
    package static let resumeMismatch = DiagnosticCode("OUT-006", exit: .cannotCreateOutput)
    package static let outputSpace = DiagnosticCode("OUT-007", exit: .cannotCreateOutput)
    package static let stoppedBySignal = DiagnosticCode("OUT-008", exit: .stopped)
    package static let outputNotOurs = DiagnosticCode("OUT-009", exit: .cannotCreateOutput)
    package static let cannotLock = DiagnosticCode("OUT-010", exit: .cannotCreateOutput)
}
