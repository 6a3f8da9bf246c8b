// The codes of this area. Each has a page in docs/diagnostics.

import Diagnostics

extension DiagnosticCode {
    package static let badRecipe = DiagnosticCode("RUN-001", exit: .badData)
    package static let unknownRecipe = DiagnosticCode("RUN-002", exit: .usage)
    package static let recipeIncomplete = DiagnosticCode("RUN-003", exit: .usage)
    package static let notARunFolder = DiagnosticCode("RUN-004", exit: .cannotCreateOutput)
    package static let stageFailed = DiagnosticCode("RUN-005", exit: .refused)
    package static let stageNotStarted = DiagnosticCode("RUN-006", exit: .ourFault)
    package static let badEstimate = DiagnosticCode("RUN-007", exit: .badProfile)
    package static let chainStopped = DiagnosticCode("RUN-008", exit: .stopped)
    package static let runNeedsSpace = DiagnosticCode("RUN-009", exit: .cannotCreateOutput)
}
