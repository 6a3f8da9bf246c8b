// The codes of plans that several processes share. Each has a page in docs/diagnostics.

import Diagnostics

extension DiagnosticCode {
    /// Not a plan, or one that says what no plan says.
    package static let unitPlanMalformed = DiagnosticCode("UNIT-001")
    package static let unitVersionDiffers = DiagnosticCode("UNIT-002")
    package static let unitSourceChanged = DiagnosticCode("UNIT-003")
    /// The command gives another plan than it gave.
    package static let unitPlanDiffers = DiagnosticCode("UNIT-004")
    package static let unitFolderMissing = DiagnosticCode("UNIT-005", exit: .inputMissing)
    /// The folder that the output is built in is gone, or another plan's.
    package static let unitWorkGone = DiagnosticCode("UNIT-006", exit: .cannotCreateOutput)
    package static let unitsMissing = DiagnosticCode("UNIT-007", exit: .refused)
    package static let unitDamaged = DiagnosticCode("UNIT-008")
    package static let unitShareUnknown = DiagnosticCode("UNIT-009", exit: .usage)
    package static let unitUnknown = DiagnosticCode("UNIT-010", exit: .usage)
    /// The plan would be written where it must not be.
    package static let unitPlanPlace = DiagnosticCode("UNIT-011", exit: .cannotCreateOutput)
}
