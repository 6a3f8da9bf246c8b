// What of a config decides the function that a model computes, key by key, with what another value would do.

/// A number of a config that changes what the model computes.
package struct FunctionField: Equatable, Sendable {
    package let key: String
    package let value: String
    /// What goes wrong when an engine has the other value.
    package let effect: String
}

extension BailingMoeV2Configuration {
    /// Every number of the config that changes what the model computes, shapes included.
    package var functionFields: [FunctionField] {
        func field(_ key: String, _ value: some CustomStringConvertible, _ effect: String) -> FunctionField {
            FunctionField(key: key, value: value.description, effect: effect)
        }
        let yarn = ropeScaling.map {
            "yarn, factor \($0.factor), original length \($0.originalContextLength)"
                + ($0.betaFast.map { ", beta_fast \($0)" } ?? "")
                + ($0.betaSlow.map { ", beta_slow \($0)" } ?? "")
                + ($0.attentionFactor.map { ", attention_factor \($0)" } ?? "")
                + ($0.mscale.map { ", mscale \($0)" } ?? "")
                + ($0.mscaleAllDimensions.map { ", mscale_all_dim \($0)" } ?? "")
        }
        return [
            field("hidden_size", hiddenSize, "every tensor has another shape"),
            field("num_hidden_layers", layerCount, "layers are lost or added"),
            field("first_k_dense_replace", denseLayerCount, "layers change between dense and experts"),
            field("intermediate_size", denseWidth, "the dense layers have another width"),
            field("moe_intermediate_size", expertWidth, "the experts have another width"),
            field(
                "moe_shared_expert_intermediate_size", sharedExpertWidth,
                "the shared expert has another width"),
            field("num_shared_experts", sharedExpertCount, "the shared expert is left out or added"),
            field("num_experts", expertCount, "experts are lost or added"),
            field("num_experts_per_tok", expertsPerToken, "tokens pass another number of experts"),
            field("n_group", groupCount, "experts are grouped otherwise, so tokens go elsewhere"),
            field("topk_group", groupsPerToken, "another number of groups is kept, so tokens go elsewhere"),
            field(
                "routed_scaling_factor", routedScalingFactor,
                "the experts' sum is scaled by another factor: text stays fluent and gets worse"),
            field("num_attention_heads", attentionHeadCount, "heads are cut otherwise"),
            field("num_key_value_heads", keyValueHeadCount, "heads are shared otherwise"),
            field("head_dim", headDimension, "heads are cut otherwise"),
            field(
                "partial_rotary_factor", rotaryDimensions,
                "another number of channels turns with the position: text stays fluent and gets worse"),
            field("rope_theta", ropeTheta, "positions turn at another speed"),
            field(
                "rope_scaling", yarn ?? "none",
                "positions beyond the original length, and with a factor all positions, turn otherwise"),
            field("vocab_size", vocabularySize, "the vocabulary has another size"),
            field("rms_norm_eps", rmsNormEpsilon, "norms differ slightly"),
            field(
                "router_dtype", routerDType ?? "none",
                "vLLM computes the router in other numbers, so some tokens go elsewhere"),
            field("tie_word_embeddings", tiesEmbeddings, "the output head is another matrix"),
        ]
    }
}
