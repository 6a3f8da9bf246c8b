// The codes of this area. Each has a page in docs/diagnostics.

import Diagnostics

extension DiagnosticCode {
    package static let unknownScheme = DiagnosticCode("SCHEME-001", exit: .usage)
    package static let badScheme = DiagnosticCode("SCHEME-002", exit: .badProfile)
    package static let sourceAlreadyQuantised = DiagnosticCode("SCHEME-003")
    package static let unsupportedSourceType = DiagnosticCode("SCHEME-004")
    package static let nonFiniteWeight = DiagnosticCode("SCHEME-005")
    package static let unknownMatrix = DiagnosticCode("SCHEME-006")
    package static let notQuantised = DiagnosticCode("SCHEME-007")
    package static let targetAdapted = DiagnosticCode("SCHEME-008")
    package static let searchImpossible = DiagnosticCode("SCHEME-009", exit: .usage)
    package static let calibrationNeeded = DiagnosticCode("SCHEME-010", exit: .usage)
    package static let calibrationUnfit = DiagnosticCode("SCHEME-011")
    package static let groupSplit = DiagnosticCode("SCHEME-012")
    package static let sensitivityMalformed = DiagnosticCode("SENS-001")
    package static let sensitivityOfOther = DiagnosticCode("SENS-002")
}
