// The plan that puts a checkpoint back from the files of an engine's ranks: which tensors stand in which file of
// the output. The work is in EngineGatherUnits.swift.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import Tensors

/// A plan to gather such a folder into a standard checkpoint.
package struct EngineGatherPlan: Sendable {
    let source: EngineFolder
    /// Stored names of each output file.
    let files: [(name: String, tensors: [String])]

    /// Plans the files; nil for a folder without an engine's rank files.
    package init?(_ folder: String, fileBytes: Int = StandardLayoutPlan.fileBytes) throws(Failure) {
        guard let source = try EngineFolder.open(folder) else { return nil }
        self.source = source
        var parts: [[String]] = [[]]
        var used = 0
        let suffix = source.artefact.quantised.layout.fp8?.scaleSuffix ?? ""
        for tensor in source.artefact.tensors {
            let entry = source.artefact.inventory.entries[tensor.entry]
            guard !source.artefact.inventory.isPrediction(entry) else { continue }
            let kind = source.artefact.kinds[tensor.kind]
            let size = kind.shape.byteCount(kind.dtype) ?? 0
            if used + size > fileBytes, used > 0 {
                parts.append([])
                used = 0
            }
            parts[parts.count - 1].append(entry.name)
            if kind.scaleShape != nil { parts[parts.count - 1].append(entry.name + suffix) }
            used += size
        }
        let count = parts.count
        files = parts.enumerated().map { (shardName($0, of: count), $1) }
    }
}
