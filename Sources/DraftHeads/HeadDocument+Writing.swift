// A head's config.json in each form: every key written out that a library would otherwise take from its own
// defaults, in one order, so that the same head gives the same bytes.

import Diagnostics
import Documents
import ReferenceModel
import Tensors

extension HeadDocument {
    /// A head of our own.
    ///
    /// - Parameter others: members to pass on, such as the ids of special tokens.
    package init(_ configuration: HeadConfiguration, form: HeadForm, others: JSONObject = JSONObject()) {
        self.form = form
        self.configuration = configuration
        self.others = others
        layerIds = LayerIds(
            written: configuration.auxiliaryPoints.compactMap(form.convention.id),
            convention: form.convention, reason: .form, points: configuration.auxiliaryPoints)
        speculators = nil
        saysRopeTheta = true
    }

    /// How layer ids count in what is written.
    package var convention: LayerConvention { writtenConvention ?? form.convention }

    /// What stands before the numbers in the keys of a form.
    private var flags: JSONObject {
        var flags = JSONObject()
        if configuration.normBeforeResidual || form == .speculators {
            flags["norm_before_residual"] = .bool(configuration.normBeforeResidual)
        }
        if configuration.inputNorm == .joined { flags["norm_before_fc"] = true }
        if configuration.inputNorm == .each { flags["fc_norm"] = true }
        if configuration.feedsNormed { flags["norm_output"] = true }
        return flags
    }

    /// The document of the head in its form.
    ///
    /// - Throws: DRAFT-043 for a head that the form has no words for.
    package func written(dtype: DType) throws(Failure) -> JSONObject {
        try check()
        let ids: JSONValue = .array(
            configuration.auxiliaryPoints.compactMap(convention.id).map { .integer($0) })
        var layer = JSONObject()
        layer["architectures"] = [
            .string(form == .vllm ? "Eagle3LlamaForCausalLM" : "LlamaForCausalLMEagle3")
        ]
        writeLayer(to: &layer, dtype: dtype)
        guard form == .speculators else {
            layer["draft_vocab_size"] = .integer(configuration.draftVocabularySize)
            if configuration.targetHiddenSize != configuration.hiddenSize {
                layer["target_hidden_size"] = .integer(configuration.targetHiddenSize)
            }
            for member in flags.members { layer[member.key] = member.value }
            if form == .vllm {
                layer["eagle_aux_hidden_state_layer_ids"] = ids
                // vLLM counts the states by this key, and takes three without it.
                if configuration.featureCount != 3 {
                    layer["num_aux_hidden_states"] = .integer(configuration.featureCount)
                }
            } else {
                layer["eagle_config"] = [
                    "eagle_aux_hidden_state_layer_ids": ids, "use_aux_hidden_state": true,
                ]
            }
            for member in others.members { layer[member.key] = member.value }
            return layer
        }
        layer["architectures"] = nil
        for member in others.members { layer[member.key] = member.value }
        var outer = JSONObject()
        outer["architectures"] = ["Eagle3Speculator"]
        outer["speculators_model_type"] = "eagle3"
        outer["draft_vocab_size"] = .integer(configuration.draftVocabularySize)
        outer["target_hidden_size"] = .integer(configuration.targetHiddenSize)
        for member in flags.members { outer[member.key] = member.value }
        outer["eagle_aux_hidden_state_layer_ids"] = ids
        outer["transformer_layer_config"] = .object(layer)
        for member in speculators?.members ?? [] { outer[member.key] = member.value }
        return outer
    }

    /// Sizes and rules of the layer, in every form the same.
    private func writeLayer(to layer: inout JSONObject, dtype: DType) {
        let c = configuration
        layer["model_type"] = "llama"
        layer["attention_bias"] = false
        layer["mlp_bias"] = false
        layer["hidden_act"] = "silu"
        layer["hidden_size"] = .integer(c.hiddenSize)
        layer["intermediate_size"] = .integer(c.mlpWidth)
        layer["num_hidden_layers"] = 1
        layer["num_attention_heads"] = .integer(c.attentionHeadCount)
        layer["num_key_value_heads"] = .integer(c.keyValueHeadCount)
        layer["head_dim"] = .integer(c.headDimension)
        layer["rms_norm_eps"] = .real(c.rmsNormEpsilon)
        layer["rope_theta"] = .real(c.ropeTheta)
        layer["rope_scaling"] = .null
        layer["max_position_embeddings"] = .integer(c.contextLength)
        layer["vocab_size"] = .integer(c.vocabularySize)
        layer["tie_word_embeddings"] = false
        layer["torch_dtype"] = .string(Self.torchName(dtype))
    }

    private static func torchName(_ dtype: DType) -> String {
        switch dtype {
        case .f16: "float16"
        case .f32: "float32"
        default: "bfloat16"
        }
    }

    /// What the form cannot say.
    private func check() throws(Failure) {
        let c = configuration
        if form == .specforge {
            if c.normBeforeResidual { throw cannotSay("norm_before_residual", "no such key is read") }
            if c.inputNorm == .joined { throw cannotSay("norm_before_fc", "no such key is read") }
            if c.feedsNormed { throw cannotSay("norm_output", "the key of that name means another norm") }
        }
        guard c.auxiliaryPoints.allSatisfy({ convention.id(of: $0) != nil }) else {
            throw cannotSay(
                "eagle_aux_hidden_state_layer_ids", "counting after a layer has no id for the embedding")
        }
        guard form == .speculators else { return }
        guard case .object? = speculators?["speculators_config"] else {
            throw Failure(
                Finding(
                    .error, .formCannotSay, "the speculators form names the model that the head drafts for",
                    expected: "a verifier", found: "a head that does not say",
                    remedy: "--verifier with the name of the model on its hub"))
        }
    }

    private func cannotSay(_ field: String, _ why: String) -> Failure {
        Failure(
            Finding(
                .error, .formCannotSay, "the form has no words for this head", field: field,
                expected: "a head that \(form.rawValue) can describe", found: why,
                remedy: "choose --to vllm or --to speculators"))
    }
}

extension HeadDocument {
    /// The block in which speculators names the model that a head drafts for.
    ///
    /// - Source: vLLM 0.32.0 transformers_utils/configs/speculators/base.py, what it asks for.
    package static func speculatorsBlock(
        verifier: String, architectures: [String], tokens: Int
    ) -> JSONObject {
        var block = JSONObject()
        block["speculators_config"] = [
            "algorithm": "eagle3", "default_proposal_method": "greedy",
            "proposal_methods": [
                [
                    "proposal_type": "greedy", "speculative_tokens": .integer(tokens),
                    "verifier_accept_k": 1, "accept_tolerance": .real(0),
                ]
            ],
            "verifier": [
                "name_or_path": .string(verifier),
                "architectures": .array(architectures.map(JSONValue.string)),
            ],
        ]
        return block
    }
}
