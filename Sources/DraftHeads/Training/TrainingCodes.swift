// What training a head can say, as codes. Each has a page in docs/diagnostics.

import Diagnostics

extension DiagnosticCode {
    /// A row that a head cannot be trained on.
    package static let trainingRowImpossible = DiagnosticCode("DRAFT-001")
    /// A conversation that holds no answer of the model.
    package static let nothingToLearn = DiagnosticCode("DRAFT-002")
    /// A profile of a draft head that cannot be read.
    package static let badDraftProfile = DiagnosticCode("DRAFT-003", exit: .badProfile)
    /// No such profile, or none for the target.
    package static let unknownDraftProfile = DiagnosticCode("DRAFT-004", exit: .usage)
    /// A head that does not fit its target.
    package static let headImpossible = DiagnosticCode("DRAFT-005")
    /// Gradients that are infinite or no number.
    package static let trainingDiverged = DiagnosticCode("DRAFT-006")
    /// A sealed state that is none of this training.
    package static let trainingStateMalformed = DiagnosticCode("DRAFT-007")
    /// A training that does not fit the memory.
    package static let trainingMemory = DiagnosticCode("DRAFT-008", exit: .usage)
    /// A cache of hidden states that is none of this training.
    package static let featureCacheMalformed = DiagnosticCode("DRAFT-009")
    /// Texts that were cut, or left out for it.
    package static let textsCut = DiagnosticCode("DRAFT-010")
    /// Held-out texts that are also trained on.
    package static let heldOutSeen = DiagnosticCode("DRAFT-011")
}
