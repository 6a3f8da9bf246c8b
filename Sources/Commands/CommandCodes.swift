// The codes of the command line. Each has a page in docs/diagnostics.

import Diagnostics

extension DiagnosticCode {
    static let unknownCode = DiagnosticCode("CLI-001", exit: .usage)
    static let unknownProfile = DiagnosticCode("CLI-002", exit: .usage)
    static let unknownRole = DiagnosticCode("CLI-003", exit: .usage)
    static let unknownTensor = DiagnosticCode("CLI-004", exit: .usage)
    static let unknownCommand = DiagnosticCode("CLI-005", exit: .usage)
    static let unknownBackend = DiagnosticCode("CLI-006", exit: .usage)
    static let reportImpossible = DiagnosticCode("CLI-007", exit: .cannotCreateOutput)
}
