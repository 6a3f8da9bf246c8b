// The codes of generating text; GEN-001 is the forward pass's own. Each has a page in docs/diagnostics.

import Diagnostics

extension DiagnosticCode {
    static let tokeniserMissing = DiagnosticCode("GEN-002", exit: .inputMissing)
    static let chatTemplateMissing = DiagnosticCode("GEN-003", exit: .inputMissing)
    static let promptTooLong = DiagnosticCode("GEN-004", exit: .usage)
    static let contextCutsTokens = DiagnosticCode("GEN-005")
    static let promptEmpty = DiagnosticCode("GEN-006", exit: .usage)
}
