// The codes of topologies and rank slices. Each has a page in docs/diagnostics.

import Diagnostics

extension DiagnosticCode {
    package static let topologyUnreadable = DiagnosticCode("TOPO-001", exit: .usage)
    package static let topologyUnknownToEngine = DiagnosticCode("TOPO-002", exit: .refused)
    package static let cutsScaleBlock = DiagnosticCode("TOPO-003", exit: .refused)
    package static let headsDoNotDivide = DiagnosticCode("TOPO-004", exit: .refused)
    package static let sizeDoesNotDivide = DiagnosticCode("TOPO-005", exit: .refused)
    package static let expertsDoNotDivide = DiagnosticCode("TOPO-006", exit: .refused)
    package static let stageEmpty = DiagnosticCode("TOPO-007", exit: .refused)
    package static let doesNotFit = DiagnosticCode("TOPO-008", exit: .refused)
    package static let placementFallsBack = DiagnosticCode("TOPO-009", exit: .refused)
    package static let headsRepeated = DiagnosticCode("TOPO-010", exit: .refused)
    package static let memoryUnknown = DiagnosticCode("TOPO-011", exit: .usage)
    package static let nothingLegal = DiagnosticCode("TOPO-012", exit: .refused)
    package static let loadUnknown = DiagnosticCode("TOPO-013")
    package static let outputCannotHold = DiagnosticCode("TOPO-014", exit: .usage)
    package static let outputUnknown = DiagnosticCode("TOPO-015", exit: .usage)
    package static let rankRecordMalformed = DiagnosticCode("TOPO-016")
    package static let rankMissing = DiagnosticCode("TOPO-017", exit: .inputMissing)
    package static let sliceAltered = DiagnosticCode("TOPO-018")
    package static let narrowingLosesBits = DiagnosticCode("TOPO-019")
    package static let contextBeyondModel = DiagnosticCode("TOPO-020", exit: .refused)
    package static let expertMapNotRead = DiagnosticCode("TOPO-021", exit: .usage)
    package static let predictionLeftOut = DiagnosticCode("TOPO-022", exit: .refused)
}
