// Output forms that carry an engine's own tensor names: what each tensor of a rank is made of. Names belong to a
// version of the engine and to nothing else, so a form says which.

import Architectures
import Diagnostics
import Tensors

/// A stored tensor of the source, as a piece of an engine's tensor.
struct EnginePiece: Sendable {
    /// The stored name.
    let name: String
    let entry: InventoryEntry
    /// Whether it is the scale of the entry's weight.
    let isScale: Bool
}

/// A tensor as an engine names it.
struct EngineTensor: Sendable {
    let name: String
    /// One after another, row by row; of experts a rank has only its own.
    let pieces: [EnginePiece]
    /// Whether experts stand along a dimension of their own.
    var isStacked = false
    /// Whether BF16 becomes F32.
    var isWidened = false
    /// A scalar in place of pieces, F32.
    var scalar: Float?
}

/// A form with an engine's names.
package enum EngineForm: String, CaseIterable, Sendable {
    /// vLLM 0.32.0, `--load-format sharded_state`: each worker's parameters before they are repacked.
    ///
    /// - Source: vLLM 0.32.0 model_loader/sharded_state_loader.py and models/bailing_moe.py; names from its own
    ///   output, compared bit for bit.
    case vllmShardedState = "vllm-sharded-state@0.32"
    /// The layout of DeepSeek-V3's `inference/convert.py`, with this family's fused projection as `wqkv`.
    ///
    /// - Source: deepseek-ai/DeepSeek-V3 inference/convert.py.
    case deepSeekMP = "deepseek-mp"

    /// Bytes at which a rank's file ends and the next begins; nil for one file a rank.
    ///
    /// - Source: vLLM 0.32.0 ShardedStateLoader.save_model, `max_size`.
    var partBytes: Int? { self == .vllmShardedState ? 5 << 30 : nil }

    /// Rows of the vocabulary are padded to a multiple of this.
    var vocabularyMultiple: Int { self == .vllmShardedState ? 64 : 1 }

    /// The tensors of a rank in a stage, in order.
    func tensors(_ artefact: ArtefactTensors, _ rules: SplitRules, stage: Int) -> [EngineTensor] {
        var builder = EngineTensorBuilder(artefact: artefact, rules: rules, stage: stage)
        switch self {
        case .vllmShardedState: return builder.vllm()
        case .deepSeekMP: return builder.deepSeek()
        }
    }
}
