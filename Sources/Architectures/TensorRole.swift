// What a tensor is for: a closed list. A role answers every question a stage has about a tensor, so that no
// stage ever looks at a name.

import Tensors

/// One of the three matrices of a gated MLP: down(silu(gate y) ⊙ up y).
package enum MLPProjection: String, CaseIterable, Sendable {
    case gate, up, down
}

/// What a tensor is for.
///
/// - Source: inclusionAI/Ling-V2 tools/convert_dcp_to_safetensors.py at af8837e.
/// - Checked by: TensorInventoryTests.
package enum TensorRole: Hashable, Sendable {
    /// [V, H]
    case embedding
    /// [A·D + 2·G·D, H], rows all queries, all keys, all values.
    case attentionQKV
    /// [H, A·D]
    case attentionOutput
    /// [D], one vector for all query heads.
    case queryNorm
    /// [D], one vector for all key heads.
    case keyNorm
    /// [H]
    case inputNorm
    /// [H]
    case postAttentionNorm
    /// [E, H]
    case routerGate
    /// [E] F32; chooses experts and never weighs them.
    case routerBias
    /// gate, up [M, H]; down [H, M]
    case expert(MLPProjection)
    /// gate, up [S, H]; down [H, S], S the shared width.
    case sharedExpert(MLPProjection)
    /// gate, up [F, H]; down [H, F]
    case denseMLP(MLPProjection)
    /// [H]
    case finalNorm
    /// [V, H]
    case outputHead
    /// enorm [H], norm of the next token's embedding.
    case mtpEmbeddingNorm
    /// hnorm [H], norm of the hidden state.
    case mtpHiddenNorm
    /// eh_proj [H, 2·H]
    case mtpProjection
    /// final_layernorm [H]
    case mtpFinalNorm
}

/// How tensor parallelism divides a tensor.
package enum ParallelSplit: String, Sendable {
    /// Every rank holds all of it.
    case none
    /// Ranks hold consecutive rows (column parallel in the engines' words).
    case rows
    /// Ranks hold consecutive columns (row parallel in the engines' words).
    case columns
    /// Ranks hold rows of the query, key and value parts each; past G ranks keys and values are repeated.
    case fusedQKV
}

extension TensorRole: CaseIterable {
    /// All roles, in the order in which tensors stand in a model.
    package static let allCases: [TensorRole] =
        [.embedding, .inputNorm, .attentionQKV, .queryNorm, .keyNorm, .attentionOutput, .postAttentionNorm]
        + MLPProjection.allCases.map(TensorRole.denseMLP) + [.routerGate, .routerBias]
        + MLPProjection.allCases.map(TensorRole.expert) + MLPProjection.allCases.map(TensorRole.sharedExpert)
        + [
            .mtpEmbeddingNorm, .mtpHiddenNorm, .mtpProjection, .mtpFinalNorm, .finalNorm, .outputHead,
        ]

    /// Whether a scheme may quantise it: the linear layers that engines read through their quantised path.
    ///
    /// Embedding, head, norms, router and the prediction layer's own tensors are read as plain numbers by
    /// every engine: codes in them would be taken for values.
    /// - Source: convert_dcp_to_safetensors.py `--force-fp8`; vLLM and SGLang models/bailing_moe.py.
    package var isQuantisable: Bool {
        switch self {
        case .attentionQKV, .attentionOutput, .expert, .sharedExpert, .denseMLP: true
        default: false
        }
    }

    /// How tensor parallelism divides it.
    ///
    /// Under expert parallelism routed experts stay whole.
    ///
    /// - Source: vLLM model_executor/models/bailing_moe.py, layers/linear.py.
    package var tensorParallelSplit: ParallelSplit {
        switch self {
        case .embedding, .outputHead: .rows
        case .attentionQKV: .fusedQKV
        case .attentionOutput: .columns
        case .expert(let projection), .sharedExpert(let projection), .denseMLP(let projection):
            projection == .down ? .columns : .rows
        default: .none
        }
    }

    /// Whether expert parallelism gives the tensor whole to one rank.
    package var isWholeUnderExpertParallel: Bool {
        if case .expert = self { true } else { false }
    }

    /// The element type it must have whatever the model's is; nil means the model's.
    package var requiredDType: DType? { self == .routerBias ? .f32 : nil }

    /// Its name in profiles, plans and JSON reports.
    ///
    /// Stable.
    package var name: String {
        switch self {
        case .embedding: "embedding"
        case .attentionQKV: "attention-qkv"
        case .attentionOutput: "attention-output"
        case .queryNorm: "query-norm"
        case .keyNorm: "key-norm"
        case .inputNorm: "input-norm"
        case .postAttentionNorm: "post-attention-norm"
        case .routerGate: "router-gate"
        case .routerBias: "router-bias"
        case .expert(let projection): "expert-\(projection.rawValue)"
        case .sharedExpert(let projection): "shared-expert-\(projection.rawValue)"
        case .denseMLP(let projection): "dense-\(projection.rawValue)"
        case .finalNorm: "final-norm"
        case .outputHead: "output-head"
        case .mtpEmbeddingNorm: "mtp-embedding-norm"
        case .mtpHiddenNorm: "mtp-hidden-norm"
        case .mtpProjection: "mtp-projection"
        case .mtpFinalNorm: "mtp-final-norm"
        }
    }

    /// The role of a name in a profile; nil when no role has it.
    package init?(name: String) {
        guard let role = Self.byName[name] else { return nil }
        self = role
    }

    private static let byName = Dictionary(uniqueKeysWithValues: allCases.map { ($0.name, $0) })

    /// What it is called in sentences.
    package var title: String {
        switch self {
        case .embedding: "embedding"
        case .attentionQKV: "fused query, key and value projection"
        case .attentionOutput: "attention output projection"
        case .queryNorm: "query norm"
        case .keyNorm: "key norm"
        case .inputNorm: "input norm"
        case .postAttentionNorm: "post-attention norm"
        case .routerGate: "router"
        case .routerBias: "router bias"
        case .expert(let projection): "routed experts' \(projection.rawValue) projection"
        case .sharedExpert(let projection): "shared expert's \(projection.rawValue) projection"
        case .denseMLP(let projection): "dense layer's \(projection.rawValue) projection"
        case .finalNorm: "final norm"
        case .outputHead: "output head"
        case .mtpEmbeddingNorm: "prediction layer's embedding norm"
        case .mtpHiddenNorm: "prediction layer's hidden norm"
        case .mtpProjection: "prediction layer's input projection"
        case .mtpFinalNorm: "prediction layer's final norm"
        }
    }
}
