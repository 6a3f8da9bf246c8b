// config.json into a configuration. The reference's own class fills every absent key with Ling-mini's value,
// so a key whose default could give another model must be written, and its finding says what would go wrong.

import Diagnostics
import Documents
import Tensors

/// A configuration when the config allows one, and everything there was to say about it.
package struct ConfigurationReading: Sendable {
    /// Nil when a finding is an error.
    package let configuration: BailingMoeV2Configuration?
    /// Everything found, in the order of reading; notes and warnings too.
    package let findings: [Finding]
}

extension BailingMoeV2Configuration {
    /// Reads config.json and collects all that is wrong with it.
    ///
    /// - Parameters:
    ///   - value: the document.
    ///   - file: its name, for findings.
    package static func read(_ value: JSONValue, file: String = "config.json") -> ConfigurationReading {
        guard case .object(let object) = value else {
            let finding = Finding(
                .error, .configMalformed, "the config is not an object", file: file, expected: "an object",
                found: value.kind)
            return ConfigurationReading(configuration: nil, findings: [finding])
        }
        var reader = ConfigurationReader(object, file: file)
        guard ArchitectureName.check(&reader) else {
            return ConfigurationReading(configuration: nil, findings: reader.findings.findings)
        }
        let configuration = read(&reader)
        let findings = reader.findings
        return ConfigurationReading(
            configuration: findings.hasErrors ? nil : configuration, findings: findings.findings)
    }

    /// Reads config.json; throws all findings when one is an error.
    ///
    /// Warnings are lost: see `read`.
    package init(_ value: JSONValue, file: String = "config.json") throws(Failure) {
        let reading = Self.read(value, file: file)
        guard let configuration = reading.configuration else { throw Failure(reading.findings) }
        self = configuration
    }

    private static func read(_ reader: inout ConfigurationReader) -> BailingMoeV2Configuration? {
        let mini = "the reference's default is Ling-mini's"
        let modelType = reader.string("model_type")
        let hiddenSize = reader.integer("hidden_size", otherwise: mini)
        let layers = reader.integer("num_hidden_layers", otherwise: mini)
        let dense = reader.integer(
            "first_k_dense_replace", otherwise: "layers would look for experts they do not have")
        let denseWidth = reader.integer("intermediate_size", otherwise: mini)
        let expertWidth = reader.integer("moe_intermediate_size", otherwise: mini)
        let experts = reader.integer("num_experts", otherwise: mini)
        let sharedCount = reader.integer(
            "num_shared_experts", otherwise: "vLLM would build no shared expert and drop its weights")
        let perToken = reader.integer("num_experts_per_tok", otherwise: mini)
        let groups = reader.integer(
            "n_group", otherwise: "engines would choose among all experts, without groups")
        let groupsPerToken = reader.integer(
            "topk_group", otherwise: "engines would choose among all experts, without groups")
        let scaling = reader.number(
            "routed_scaling_factor",
            otherwise:
                "the reference's default is 1.0, released models have 2.5, and experts would count too little"
        )
        let heads = reader.integer("num_attention_heads", otherwise: mini)
        let keyValueHeads = reader.integer("num_key_value_heads", otherwise: mini)
        let headDimension = reader.integer(
            "head_dim", otherwise: "engines divide hidden_size by the heads, which need not be it")
        let theta = reader.number("rope_theta", otherwise: "engines fall back to 10000 or 600000")
        let context = reader.integer("max_position_embeddings", otherwise: mini)
        let vocabulary = reader.integer("vocab_size", otherwise: mini)
        let epsilon = reader.number("rms_norm_eps", otherwise: "engines fall back to 1e-05 or 1e-06")
        ConfigurationRules.checkVariant(&reader)
        let rope = RopeScaling.read(&reader)
        RopeParameters.check(&reader, scaling: rope, theta: theta, headDimension: headDimension)
        let tied = reader.flag("tie_word_embeddings") ?? false
        let predictions = reader.integer("num_nextn_predict_layers") ?? 0
        let shared = reader.integer("moe_shared_expert_intermediate_size")
        let dtype = ConfigurationRules.dtype(&reader)
        let routerDType = reader.string("router_dtype")
        let tokens = SpecialTokens.read(&reader)
        let quantisation = QuantisationLayout.read(&reader)
        guard let hiddenSize, let layers, let dense, let denseWidth, let expertWidth, let experts,
            let sharedCount, let perToken, let groups, let groupsPerToken, let scaling, let heads,
            let keyValueHeads, let headDimension, let theta, let context, let vocabulary, let epsilon
        else {
            _ = ConfigurationRules.rotaryDimensions(&reader, headDimension: headDimension)
            return nil
        }
        let rotary = ConfigurationRules.rotaryDimensions(&reader, headDimension: headDimension)
        let configuration = BailingMoeV2Configuration(
            modelType: modelType ?? "", hiddenSize: hiddenSize, layerCount: layers, denseLayerCount: dense,
            denseWidth: denseWidth, expertWidth: expertWidth,
            // Without a shared expert its width says nothing, whatever it is.
            sharedExpertWidth: sharedCount == 0
                ? 0 : shared ?? expertWidth.multipliedReportingOverflow(by: sharedCount).partialValue,
            sharedExpertCount: sharedCount, expertCount: experts, expertsPerToken: perToken,
            groupCount: groups, groupsPerToken: groupsPerToken, routedScalingFactor: scaling,
            routerDType: routerDType, attentionHeadCount: heads, keyValueHeadCount: keyValueHeads,
            headDimension: headDimension, rotaryDimensions: rotary ?? 0, ropeTheta: theta, ropeScaling: rope,
            contextLength: context, vocabularySize: vocabulary, rmsNormEpsilon: epsilon,
            tiesEmbeddings: tied, predictionLayerCount: predictions, dtype: dtype ?? .bf16,
            beginTokenId: tokens.begin, endTokenIds: tokens.end, padTokenId: tokens.pad,
            quantisation: quantisation ?? .none, document: reader.object,
            unknownKeys: unknownKeys(reader))
        ConfigurationRules.check(configuration, &reader)
        return configuration
    }

    private static func unknownKeys(_ reader: ConfigurationReader) -> [String] {
        reader.object.keys.filter {
            !reader.asked.contains($0) && !ConfigurationRules.carriedKeys.contains($0)
        }
    }
}
