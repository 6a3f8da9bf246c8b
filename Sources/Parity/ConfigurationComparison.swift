// Whether two configs describe one function. Names, dtypes and quantisation may differ: how numbers are stored
// is for the other levels to judge.

import Architectures
import Backends
import Diagnostics

/// A number of a config that changes what the model computes.
struct FunctionField: Equatable {
    let key: String
    let value: String
    /// What goes wrong when an engine has the other value.
    let effect: String
}

extension BailingMoeV2Configuration {
    /// Every number of the config that changes what the model computes, shapes included.
    var functionFields: [FunctionField] {
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
            field("tie_word_embeddings", tiesEmbeddings, "the output head is another matrix"),
        ]
    }
}

/// Compares two configs.
enum ConfigurationComparison {
    /// A finding for every number that changes the function.
    static func findings(
        _ left: BailingMoeV2Configuration, _ right: BailingMoeV2Configuration
    ) -> [Finding] {
        zip(left.functionFields, right.functionFields).filter { $0 != $1 }.map { a, b in
            let isRotary = a.key == "partial_rotary_factor"
            return Finding(
                .error, .configsDiffer, "the two configs describe different functions: \(a.effect)",
                field: a.key, expected: isRotary ? "\(a.value) rotating channels" : a.value,
                found: isRotary ? "\(b.value)" : b.value,
                remedy: "take this value of the left side's config.json, unless the change is meant")
        }
    }

    /// A finding when a recording's rotary frequencies are not those of the model.
    ///
    /// - Parameter tolerance: relative, of a frequency and of the factor: F32 rounding of a power.
    static func findings(
        frequencies recorded: (inverse: [Float], factor: Float), of configuration: BailingMoeV2Configuration,
        rope: RopeGeneration, file: String
    ) -> [Finding] {
        let own = RotaryFrequencies.single(configuration, generation: rope)
        let factor = Float(
            RotaryFrequencies(configuration: configuration, generation: rope).attentionFactor)
        return findings((own, factor), recorded, file: file)
    }

    /// Findings when two sets of rotary frequencies are not the same.
    static func findings(
        _ expected: (inverse: [Float], factor: Float), _ recorded: (inverse: [Float], factor: Float),
        file: String
    ) -> [Finding] {
        let (own, factor) = expected
        // Powers and logarithms of F32 differ in the last places between libraries.
        let slack: Float = 1e-5
        func close(_ a: Float, _ b: Float) -> Bool { abs(a - b) <= slack * max(abs(a), abs(b)) }
        var result: [Finding] = []
        if own.count != recorded.inverse.count {
            result.append(
                Finding(
                    .error, .frequenciesDiffer, "another number of channels turns with the position",
                    file: file, field: "rope.inv_freq", expected: "\(own.count) frequencies",
                    found: "\(recorded.inverse.count)",
                    remedy: "compare partial_rotary_factor and head_dim of both sides"))
        } else if let place = own.indices.first(where: { !close(own[$0], recorded.inverse[$0]) }) {
            result.append(
                Finding(
                    .error, .frequenciesDiffer, "rotary frequencies differ", file: file,
                    field: "rope.inv_freq[\(place)]", expected: "\(own[place])",
                    found: "\(recorded.inverse[place])",
                    remedy: "compare rope_theta and rope_scaling of both sides"))
        }
        if !close(factor, recorded.factor) {
            result.append(
                Finding(
                    .error, .frequenciesDiffer, "the factor on cosines and sines differs", file: file,
                    field: "rope.attention_scaling", expected: "\(factor)", found: "\(recorded.factor)",
                    remedy: "compare rope_scaling of both sides: an engine that ignores YaRN has 1"))
        }
        return result
    }
}
