// A target and a head that belong together, ready to decode.

import Architectures
import Backends
import Checkpoints
import Diagnostics
import Documents
import DraftHeads
import ReferenceModel

/// A head opened beside its target.
struct OpenedDraft {
    let head: HeadFile
    let drafter: HeadDrafter

    /// - Throws: what is wrong with the head, or between it and the target.
    init(_ folder: String, layers: LayerConvention?, pass: ForwardPass) throws(Failure) {
        head = try HeadFile.open(folder, layers: layers, layerCount: pass.configuration.layerCount)
        try head.mismatches(pass.configuration).throwErrors()
        drafter = HeadDrafter(try HeadPass(head, target: pass.weights, backend: pass.backend))
    }
}

/// What the config of a target's folder says; nothing else of it has to be there.
func targetConfiguration(_ folder: String) throws(Failure) -> BailingMoeV2Configuration {
    let path = joined(folder, "config.json")
    let bytes = try FileAccess.read(path, limit: 1 << 20)
    let value = try readDocument(bytes, code: .configMalformed, file: path) {
        (value) throws(DocumentError) in value
    }
    return try BailingMoeV2Configuration(value, file: path)
}
