// A target and a head that belong together, ready to decode.

import Architectures
import Backends
import Checkpoints
import Diagnostics
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
