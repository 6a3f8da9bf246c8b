// The three ways in which projects write an EAGLE3 head down: the same numbers under other names, beside
// a config of another build. Which name a parameter has in which form is said here and nowhere else.

import ReferenceModel

/// How the files of a head are written.
///
/// - Source: sgl-project/SpecForge specforge/modeling/draft/llama3_eagle.py and sgl-project/sglang
///   srt/models/llama_eagle3.py; vLLM 0.32.0 model_executor/models/llama_eagle3.py; vllm-project/speculators
///   models/eagle3/config.py and vLLM's reader of it, transformers_utils/configs/speculators.
/// - Checked by: HeadFormTests.
package enum HeadForm: String, CaseIterable, Sendable {
    /// A flat config, layer ids nested in eagle_config and counted after a layer; tensors `midlayer.*`. SGLang
    /// reads it too.
    case specforge
    /// A flat config, layer ids at its top and counted as they enter a layer; tensors `layers.0.*`.
    case vllm
    /// The layer's config nested in another; layer ids as vLLM's; tensors `layers.0.*`.
    case speculators

    /// What stands before the names of the layer's tensors.
    package var layerPrefix: String { self == .specforge ? "midlayer." : "layers.0." }

    /// The name of a parameter's tensor.
    package func name(of parameter: HeadParameter) -> String {
        switch parameter {
        case .fuse: "fc.weight"
        case .joinedInputNorm: "input_norm.weight"
        case .inputNorm(let index): "fc_norm.\(index).weight"
        case .embeddingNorm: layerPrefix + "input_layernorm.weight"
        case .hiddenNorm: layerPrefix + "hidden_norm.weight"
        case .query: layerPrefix + "self_attn.q_proj.weight"
        case .key: layerPrefix + "self_attn.k_proj.weight"
        case .value: layerPrefix + "self_attn.v_proj.weight"
        case .output: layerPrefix + "self_attn.o_proj.weight"
        case .mlpNorm: layerPrefix + "post_attention_layernorm.weight"
        case .gate: layerPrefix + "mlp.gate_proj.weight"
        case .up: layerPrefix + "mlp.up_proj.weight"
        case .down: layerPrefix + "mlp.down_proj.weight"
        case .finalNorm: "norm.weight"
        case .draftLogits: "lm_head.weight"
        }
    }

    /// Target id less draft id of each draft id.
    package static let offsetsName = "d2t"
    /// Whether each target id can be drafted.
    package static let maskName = "t2d"
    /// A copy of the target's embedding, in files that carry one.
    package static let embeddingName = "embed_tokens.weight"
}

/// How layer ids count.
package enum LayerConvention: String, CaseIterable, Sendable {
    /// Id i is the state after layer i.
    case after
    /// Id i is the state that enters layer i.
    case entering

    /// The place that an id means.
    package func point(_ id: Int) -> AuxiliaryPoint {
        self == .after ? .after(layer: id) : .entering(layer: id)
    }

    /// The id of a place; nil for one that this way of counting has no number for: the embedding is after no
    /// layer.
    package func id(of point: AuxiliaryPoint) -> Int? {
        switch self {
        case .after: point.afterLayer
        case .entering: (point.afterLayer ?? -1) + 1
        }
    }
}

extension HeadForm {
    /// How layer ids count in files of this form.
    package var convention: LayerConvention { self == .specforge ? .after : .entering }
}
