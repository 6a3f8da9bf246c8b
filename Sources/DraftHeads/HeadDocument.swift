// A head's config.json as it was read: what the head is, in which form it was written, and what else stood there,
// to be passed on. Writing is in HeadDocument+Writing.swift.

import Diagnostics
import Documents
import ReferenceModel

/// What a head's config.json says.
///
/// - Checked by: HeadFormTests, HeadDamageTests.
package struct HeadDocument: Equatable, Sendable {
    /// The form it was written in.
    package var form: HeadForm
    package var configuration: HeadConfiguration
    /// The layer ids as written and how they were read.
    package var layerIds: LayerIds
    /// Members of the layer's config that say nothing about the head, in their order.
    package var others: JSONObject
    /// What stands around the layer's config in the speculators form.
    ///
    /// All but what says what the head is. Flat forms carry it in the metadata of the tensors' file, so that
    /// nothing is lost on the way there and back.
    package var speculators: JSONObject?
    /// Whether a user gave that for a conversion and no file said it: then the way back drops it.
    package var speculatorsIsGiven = false
    /// How layer ids are to be written; nil is as the form has them.
    package var writtenConvention: LayerConvention?
    /// Whether the config says the rotary base; the library's default otherwise.
    package var saysRopeTheta: Bool

    /// The file's name in a head's folder.
    package static let fileName = "config.json"
    /// The base that transformers takes when a Llama config says none.
    ///
    /// - Source: transformers 4.56.2 models/llama/configuration_llama.py.
    package static let defaultRopeTheta = 10_000.0

    /// Configs are a page.
    static let sizeLimit = 1 << 20
}

extension HeadDocument {
    /// What is known beside the document.
    package struct Context: Sendable {
        package var hints: LayerIdHints
        /// Whether the layer's tensors are called `layers.0.*`: then a flat config is vLLM's.
        package var namesLayers: Bool
        /// `speculators` of an earlier conversion.
        package var speculators: JSONObject?
        /// Whether an earlier conversion was given what stands around the layer's config.
        package var speculatorsIsGiven = false

        package init(hints: LayerIdHints = LayerIdHints()) {
            self.hints = hints
            namesLayers = false
        }
    }

    /// Reads a config of any form.
    ///
    /// - Throws: everything that is wrong with it.
    package init(_ object: JSONObject, file: String, context: Context = Context()) throws(Failure) {
        var outer = HeadKeys(object, file: file)
        if outer.value("speculators_model_type") != nil || outer.value("speculators_config") != nil {
            try self.init(speculators: outer, context)
        } else {
            try self.init(flat: outer, context)
        }
    }

    private init(flat keys: HeadKeys, _ context: Context) throws(Failure) {
        var keys = keys
        let architectures = keys.texts("architectures")
        let known = ["LlamaForCausalLMEagle3", "Eagle3LlamaForCausalLM"]
        guard architectures.count == 1, known.contains(architectures[0]) else {
            throw Self.unknownForm(keys.file, "architectures", known, architectures.joined(separator: ", "))
        }
        let top = keys.integers("eagle_aux_hidden_state_layer_ids")
        var nested = keys.object("eagle_config")
        let inner = nested?.integers("eagle_aux_hidden_state_layer_ids")
        if nested?.flag("use_aux_hidden_state", otherwise: true) == false {
            nested?.unsupported("use_aux_hidden_state", expected: "true", found: "false")
        }
        let isJoined = nested?.flag("norm_before_fc", otherwise: false) ?? false
        if let stray = nested?.others.keys.first {
            nested?.unsupported(stray, expected: "no such key", found: "\"\(stray)\"")
        }
        keys.findings += nested?.findings ?? []
        let form: HeadForm =
            top != nil || context.namesLayers || architectures[0] == known[1] ? .vllm : .specforge
        if let top, let inner, top != inner {
            // vLLM reads the upper ones, SGLang the lower ones: it is two heads in one file.
            keys.findings.append(
                Finding(
                    .error, .layerIdsImpossible, "two lists of layer ids differ", file: keys.file,
                    field: "eagle_config.eagle_aux_hidden_state_layer_ids", expected: "\(top)",
                    found: "\(inner)", remedy: "keep one of them"))
        }
        if let count = keys.value("num_aux_hidden_states"), let ids = top ?? inner,
            count != .integer(ids.count)
        {
            keys.unsupported(
                "num_aux_hidden_states", expected: "\(ids.count), one for each layer id",
                found: count.text(.compact))
        }
        let flags = Flags(&keys, form: form, isJoined: isJoined)
        try self.init(
            layer: keys, file: keys.file, form: form, flags: flags, ids: top ?? inner,
            speculators: context.speculators, context)
    }

    private init(speculators outer: HeadKeys, _ context: Context) throws(Failure) {
        var outer = outer
        if let kind = outer.text("speculators_model_type"), kind != "eagle3" {
            throw Self.unknownForm(outer.file, "speculators_model_type", ["eagle3"], kind)
        }
        let ids = outer.integers("eagle_aux_hidden_state_layer_ids")
        let flags = Flags(&outer, form: .speculators, isJoined: false)
        let draft = outer.size("draft_vocab_size")
        let width = outer.value("target_hidden_size") == nil ? nil : outer.size("target_hidden_size")
        _ = outer.texts("architectures")
        guard var layer = outer.object("transformer_layer_config") else {
            throw Failure(
                outer.findings + [
                    Finding(
                        .error, .headConfigMalformed, "the config of the head's layer is missing",
                        file: outer.file, field: "transformer_layer_config", expected: "an object",
                        found: "no such key", remedy: "convert the head again from its source")
                ])
        }
        layer.findings = outer.findings
        var rest = outer.others
        rest["speculators_config"] = outer.object["speculators_config"]
        try self.init(
            layer: layer, file: outer.file, form: .speculators, flags: flags, ids: ids,
            draftVocabulary: draft, targetWidth: width, speculators: rest, context)
    }

    /// Switches between kinds of EAGLE3 heads.
    private struct Flags {
        var inputNorm = HeadConfiguration.InputNorm.none
        var normBeforeResidual = false
        var feedsNormed = false

        init(_ keys: inout HeadKeys, form: HeadForm, isJoined: Bool) {
            if form == .speculators, keys.object["norm_before_residual"] == nil {
                keys.findings.append(
                    Finding(
                        .error, .headConfigMalformed, "a key is missing that tools take differently",
                        file: keys.file, field: "norm_before_residual",
                        expected: "true or false: without it vLLM takes true and speculators false",
                        found: "no such key", remedy: "write the one that the head was trained with"))
            }
            normBeforeResidual = keys.flag("norm_before_residual", otherwise: false)
            if keys.flag("norm_before_fc", otherwise: false) || isJoined { inputNorm = .joined }
            if keys.flag("fc_norm", otherwise: false) {
                if inputNorm == .joined {
                    keys.unsupported("fc_norm", expected: "one of fc_norm and norm_before_fc", found: "both")
                }
                inputNorm = .each
            }
            guard form == .specforge else {
                feedsNormed = keys.flag("norm_output", otherwise: false)
                return
            }
            // SpecForge's key of this name is about the norm before the draft vocabulary's head.
            if !keys.flag("norm_output", otherwise: true) {
                keys.unsupported(
                    "norm_output", expected: "true or no such key: the state is normalised before lm_head",
                    found: "false")
            }
        }
    }

    private init(
        layer keys: HeadKeys, file: String, form: HeadForm, flags: Flags, ids: [Int]?,
        draftVocabulary: Int? = nil, targetWidth: Int? = nil, speculators: JSONObject?, _ context: Context
    ) throws(Failure) {
        var keys = keys
        let theta = Self.ropeTheta(&keys)
        Self.checkParts(&keys)
        let hidden = keys.size("hidden_size") ?? 1
        let heads = keys.size("num_attention_heads") ?? 1
        let vocabulary = keys.size("vocab_size") ?? 1
        let isDivisible = hidden % heads == 0 || keys.object["head_dim"] != nil
        if !isDivisible {
            keys.unsupported(
                "head_dim", expected: "a size, as \(heads) heads do not share \(hidden) channels evenly",
                found: "no such key")
        }
        var c = HeadConfiguration(
            hiddenSize: hidden,
            targetHiddenSize: targetWidth ?? keys.size("target_hidden_size", otherwise: hidden) ?? 1,
            mlpWidth: keys.size("intermediate_size") ?? 1, attentionHeadCount: heads,
            keyValueHeadCount: keys.size("num_key_value_heads", otherwise: heads) ?? 1,
            headDimension: keys.size("head_dim", otherwise: max(1, hidden / heads)) ?? 1,
            rmsNormEpsilon: keys.positive("rms_norm_eps") ?? 1,
            ropeTheta: theta ?? Self.defaultRopeTheta,
            contextLength: keys.size("max_position_embeddings") ?? 1, vocabularySize: vocabulary,
            draftVocabularySize: draftVocabulary
                ?? keys.size("draft_vocab_size", otherwise: vocabulary) ?? 1,
            auxiliaryPoints: [])
        if c.attentionHeadCount % c.keyValueHeadCount != 0 || c.headDimension % 2 != 0 {
            keys.unsupported(
                "num_key_value_heads", expected: "heads that share key/value heads evenly, of an even size",
                found: "\(c.attentionHeadCount) by \(c.keyValueHeadCount), of \(c.headDimension)")
        }
        if c.draftVocabularySize > c.vocabularySize {
            keys.unsupported(
                "draft_vocab_size", expected: "at most vocab_size, \(grouped(c.vocabularySize))",
                found: grouped(c.draftVocabularySize))
        }
        c.inputNorm = flags.inputNorm
        c.normBeforeResidual = flags.normBeforeResidual
        c.feedsNormed = flags.feedsNormed
        try keys.findings.throwErrors()
        let ids = try LayerIds(ids, form: form, hints: context.hints, file: file)
        c.auxiliaryPoints = ids.points
        configuration = c
        layerIds = ids
        self.form = form
        others = keys.others
        self.speculators = speculators
        speculatorsIsGiven = context.speculatorsIsGiven
        saysRopeTheta = theta != nil
    }

    /// The rotary base, from either of the two places where transformers writes it.
    private static func ropeTheta(_ keys: inout HeadKeys) -> Double? {
        var theta: Double?
        if keys.value("rope_theta") != nil { theta = keys.positive("rope_theta") }
        for key in ["rope_parameters", "rope_scaling"] {
            guard var block = keys.object(key) else { continue }
            let kind = block.text("rope_type") ?? block.text("type") ?? "default"
            if kind != "default" {
                keys.unsupported(key, expected: "plain rotary frequencies", found: "\"\(kind)\"")
            }
            if block.value("rope_theta") != nil { theta = block.positive("rope_theta") }
            keys.findings += block.findings
        }
        return theta
    }

    private static func checkParts(_ keys: inout HeadKeys) {
        if let layers = keys.size("num_hidden_layers"), layers != 1 {
            keys.unsupported("num_hidden_layers", expected: "1", found: "\(layers)")
        }
        if let kind = keys.text("model_type"), kind != "llama" {
            keys.unsupported("model_type", expected: "llama", found: kind)
        }
        if let name = keys.text("hidden_act"), name != "silu" {
            keys.unsupported("hidden_act", expected: "silu", found: name)
        }
        for key in ["attention_bias", "mlp_bias", "bias", "tie_word_embeddings"]
        where keys.flag(key, otherwise: false) {
            keys.unsupported(key, expected: "false", found: "true")
        }
        // Of the layer's config nested by speculators: what the outer one says holds.
        _ = keys.value("architectures")
        _ = keys.value("torch_dtype")
        _ = keys.value("dtype")
    }

    private static func unknownForm(
        _ file: String, _ field: String, _ known: [String], _ found: String
    ) -> Failure {
        Failure(
            Finding(
                .error, .headFormUnknown, "this is no config of an EAGLE3 head", file: file, field: field,
                expected: known.joined(separator: " or "), found: found.isEmpty ? "none" : found,
                remedy: "give the folder of a head in the form of SpecForge, vLLM or speculators"))
    }
}
