// What a comparison can say, as codes. Each has a page in docs/diagnostics.

import Diagnostics

extension DiagnosticCode {
    /// A tensor's values are farther from the other side's than its storage explains.
    package static let weightsDiffer = DiagnosticCode("PAR-001", exit: .refused)
    /// The two configs describe different functions.
    package static let configsDiffer = DiagnosticCode("PAR-002", exit: .refused)
    /// A layer's activations leave their band.
    package static let layerLeavesBand = DiagnosticCode("PAR-003", exit: .refused)
    /// Tokens go to other experts, or with other weights.
    package static let routesDiffer = DiagnosticCode("PAR-004", exit: .refused)
    /// The distribution of the next token is farther than its limit.
    package static let outputsDiffer = DiagnosticCode("PAR-005", exit: .refused)
    /// The likeliest next token is another one too often.
    package static let choicesDiffer = DiagnosticCode("PAR-006", exit: .refused)
    /// Perplexity or accuracy is worse than its limit allows.
    package static let qualityDrops = DiagnosticCode("PAR-007", exit: .refused)
    /// Greedy continuations part.
    package static let continuationsDiffer = DiagnosticCode("PAR-008", exit: .refused)
    /// A token's route depends on what else is in the batch.
    package static let batchChangesRoutes = DiagnosticCode("PAR-009", exit: .refused)
    /// A number is infinite or no number.
    package static let notFinite = DiagnosticCode("PAR-010", exit: .refused)
    /// Layers of one side are those of the other under another number.
    package static let layersShifted = DiagnosticCode("PAR-011", exit: .refused)
    /// What the difference looks like: a known fault that explains it.
    package static let faultRecognised = DiagnosticCode("PAR-012", exit: .refused)
    /// Rotary frequencies differ.
    package static let frequenciesDiffer = DiagnosticCode("PAR-013", exit: .refused)
    /// Every output stands after a tie: nothing of them was judged.
    package static let outputsUnjudged = DiagnosticCode("PAR-014", exit: .refused)
    /// The two sides have nothing that could be compared.
    package static let nothingToCompare = DiagnosticCode("PAR-020", exit: .usage)
    /// A recorded run cannot be read.
    package static let recordingMalformed = DiagnosticCode("PAR-021")
    /// A row of a data file cannot be read.
    package static let dataRowMalformed = DiagnosticCode("PAR-022")
    /// A tolerance profile cannot be read or is not there.
    package static let toleranceMalformed = DiagnosticCode("PAR-023", exit: .badProfile)
    /// A check that was asked for cannot be made.
    package static let checkImpossible = DiagnosticCode("PAR-024", exit: .usage)
    /// A comparison that was left out, or says less than it seems to.
    package static let comparisonLimited = DiagnosticCode("PAR-025")
    /// Something stands where a recording would be written.
    package static let recordingExists = DiagnosticCode("PAR-026", exit: .cannotCreateOutput)
    /// No tolerance profile has this name.
    package static let unknownTolerance = DiagnosticCode("PAR-027", exit: .usage)
}
