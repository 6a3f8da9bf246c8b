// The codes of a checkpoint's folder and of its agreement with its index. Each has a page in docs/diagnostics.

import Diagnostics

extension DiagnosticCode {
    static let folderIsFile = DiagnosticCode("CKPT-060", exit: .inputMissing)
    static let folderEmpty = DiagnosticCode("CKPT-061", exit: .inputMissing)
    static let folderOtherFormat = DiagnosticCode("CKPT-062")
    static let folderWithoutShards = DiagnosticCode("CKPT-063")
    static let shardMissing = DiagnosticCode("CKPT-064", exit: .inputMissing)
    static let shardStray = DiagnosticCode("CKPT-065")
    static let tensorElsewhere = DiagnosticCode("CKPT-066")
    static let tensorInTwoShards = DiagnosticCode("CKPT-067")
    static let tensorMissing = DiagnosticCode("CKPT-068")
    static let tensorNotIndexed = DiagnosticCode("CKPT-069")
    static let totalSizeDiffers = DiagnosticCode("CKPT-070")
    static let shardCountDiffers = DiagnosticCode("CKPT-071")
    static let indexMissing = DiagnosticCode("CKPT-072")
    static let folderNotCarried = DiagnosticCode("CKPT-073")
    static let entryNotCarried = DiagnosticCode("CKPT-074")
    static let totalParametersDiffer = DiagnosticCode("CKPT-075")
}
