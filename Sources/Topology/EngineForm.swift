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

    /// What this form cannot hold.
    func findings(_ artefact: ArtefactTensors, _ topology: ParallelTopology) -> [Finding] {
        var findings: [Finding] = []
        func refuse(_ what: String, _ expected: String, _ found: String, _ remedy: String) {
            findings.append(
                Finding(
                    .error, .outputCannotHold, what, option: "--form \(rawValue)", expected: expected,
                    found: found, remedy: remedy))
        }
        if topology.data > 1 {
            refuse(
                "file names of this form do not tell data-parallel ranks apart", "DP 1",
                "DP \(topology.data)", "--form hf or --form ranks")
        }
        if artefact.configuration.tiesEmbeddings {
            refuse(
                "which name a tied embedding gets was not tried", "an output head of its own",
                "tied embeddings", "--form hf")
        }
        switch self {
        case .vllmShardedState:
            guard let granularity = artefact.granularity else { break }
            guard case .block = granularity, artefact.quantised.layout.fp8?.container == .deepSeek,
                artefact.kinds.allSatisfy({ $0.scaleDType ?? .f32 == .f32 })
            else {
                refuse(
                    "only DeepSeek's blocks with F32 scales were compared with the engine",
                    "fp8-block, or 16-bit weights", artefact.quantised.layout.fp8?.title ?? "",
                    "--form hf or --form ranks")
                break
            }
        case .deepSeekMP:
            let mp = topology.tensor
            let isWhole = topology.expert == mp && topology.pipeline == 1
            if !isWhole {
                let name = ParallelTopology(tensor: mp, expert: mp).name
                refuse(
                    "this form cuts all but experts by its one degree, which also divides the experts",
                    name, topology.name, "--topology \(name)")
            }
        }
        return findings + mixedExperts(artefact) + predictionNote(artefact)
    }

    private func mixedExperts(_ artefact: ArtefactTensors) -> [Finding] {
        guard self == .vllmShardedState else { return [] }
        var kinds: [Int: [TensorRole: Int]] = [:]
        for tensor in artefact.tensors {
            let entry = artefact.inventory.entries[tensor.entry]
            guard let layer = entry.layer, entry.expert != nil else { continue }
            let known = kinds[layer, default: [:]][entry.role]
            kinds[layer, default: [:]][entry.role] = known ?? tensor.kind
            guard let known, known != tensor.kind else { continue }
            return [
                Finding(
                    .error, .outputCannotHold, "experts of one layer are stacked, and these differ",
                    tensor: entry.name, option: "--form \(rawValue)",
                    expected: "\(artefact.kinds[known].dtype.rawValue) like the others of its layer",
                    found: artefact.kinds[tensor.kind].dtype.rawValue, remedy: "--form hf")
            ]
        }
        return []
    }

    private func predictionNote(_ artefact: ArtefactTensors) -> [Finding] {
        guard artefact.configuration.predictionLayerCount > 0 else { return [] }
        return [
            Finding(
                .warning, .predictionLeftOut, "the prediction layer is left out",
                option: "--form \(rawValue)", expected: "a model without one",
                found: "num_nextn_predict_layers \(artefact.configuration.predictionLayerCount)",
                remedy: "--form hf or --form ranks to keep it")
        ]
    }

    /// The tensors of a rank in a stage, in order.
    func tensors(_ artefact: ArtefactTensors, _ rules: SplitRules, stage: Int) -> [EngineTensor] {
        var builder = EngineTensorBuilder(artefact: artefact, rules: rules, stage: stage)
        switch self {
        case .vllmShardedState: return builder.vllm()
        case .deepSeekMP: return builder.deepSeek()
        }
    }
}
