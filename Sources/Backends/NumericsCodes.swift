// The codes of this area. Each has a page in docs/diagnostics.

import Diagnostics

extension DiagnosticCode {
    package static let noSuchNumerics = DiagnosticCode("NUMERICS-001", exit: .usage)
    package static let badNumerics = DiagnosticCode("NUMERICS-002", exit: .badProfile)
    package static let noOpenBLAS = DiagnosticCode("NUMERICS-003", exit: .inputOutput)
}
