// What a calibration can say, as codes. Each has a page in docs/diagnostics.

import Diagnostics

extension DiagnosticCode {
    /// The files of a calibration cannot be read as one.
    package static let calibrationMalformed = DiagnosticCode("CAL-001")
    /// A text is longer than the model's context.
    package static let textTooLong = DiagnosticCode("CAL-002")
    /// A row cannot be read as tokens of this model.
    package static let calibrationRowImpossible = DiagnosticCode("CAL-003")
    /// Statistics and activations do not fit the memory that is allowed.
    package static let calibrationMemory = DiagnosticCode("CAL-004", exit: .usage)
    /// Experts that too few tokens reached.
    package static let expertsUncovered = DiagnosticCode("CAL-005")
    /// Activations that are infinite or no number.
    package static let activationsNotFinite = DiagnosticCode("CAL-006")
    /// Activations beyond the largest number of float16.
    package static let activationsBeyondHalf = DiagnosticCode("CAL-007")
    /// Two calibrations that cannot be added.
    package static let calibrationsDiffer = DiagnosticCode("CAL-008", exit: .usage)
    /// A kind of statistics that does not exist.
    package static let unknownObserver = DiagnosticCode("CAL-009", exit: .usage)
    /// A calibration is of another checkpoint than the one at hand.
    package static let calibrationOfOther = DiagnosticCode("CAL-010")
    /// A scheme that takes nothing from a calibration.
    package static let nothingToCalibrate = DiagnosticCode("CAL-011", exit: .usage)
}
