// The codes of this target: END for a running engine that is asked over HTTP. Each has a page in
// docs/diagnostics.

import Diagnostics

extension DiagnosticCode {
    /// No URL that an engine could have.
    package static let endpointAddress = DiagnosticCode("END-001", exit: .usage)
    /// Nothing answers there.
    package static let endpointUnreachable = DiagnosticCode("END-002", exit: .inputOutput)
    /// An answer did not come in time.
    package static let endpointTimeout = DiagnosticCode("END-003", exit: .inputOutput)
    /// The engine refuses the request.
    package static let endpointRefuses = DiagnosticCode("END-004", exit: .inputOutput)
    /// The engine fails.
    package static let endpointFails = DiagnosticCode("END-005", exit: .inputOutput)
    /// The answer is not the document that was asked for.
    package static let endpointAnswerMalformed = DiagnosticCode("END-006")
    /// The answer is larger than it can be.
    package static let endpointAnswerTooLarge = DiagnosticCode("END-007")
    /// The answer sends elsewhere.
    package static let endpointRedirects = DiagnosticCode("END-008", exit: .inputOutput)
    /// The answer is about other tokens than were asked about.
    package static let endpointTokensDiffer = DiagnosticCode("END-009")
    /// A number that is no log-probability.
    package static let endpointNumberImpossible = DiagnosticCode("END-010")
    /// The model is not served there, or it is not clear which one is meant.
    package static let endpointModelUnknown = DiagnosticCode("END-011", exit: .usage)
    /// The key cannot be read or cannot be one.
    package static let endpointKeyUnusable = DiagnosticCode("END-012", exit: .usage)
}
