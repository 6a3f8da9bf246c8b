// The rules between the values of a config: what can be at all, and what any released checkpoint has.

import Diagnostics
import Documents
import Tensors

/// Checks on a config; each adds findings and none stops at the first.
enum ConfigurationRules {
    /// No count in a config is larger; the largest released is a vocabulary of 157,184.
    static let sizeLimit = 1 << 24
    /// The largest number that is no size; F32 holds it, and what it is multiplied with.
    static let numberLimit = 1e30
    /// No width of a matrix is larger; the largest released is a dense MLP of 18,432.
    ///
    /// With `tensorLimit` it keeps every sum of parameters and bytes below 2^60, inside Int.
    static let widthLimit = 1 << 17
    /// No model of the family has more tensors: a bound on the inventory of a hostile config.
    ///
    /// The largest released has 80 layers of 256 experts, some 62,000 tensors.
    static let tensorLimit = 1 << 20

    /// Keys of released configs that say nothing about the weights: they travel unread.
    static let carriedKeys: Set<String> = [
        "auto_map", "attention_dropout", "embedding_dropout", "output_dropout", "initializer_range",
        "use_cache", "transformers_version", "use_sliding_window", "sliding_window", "max_window_layers",
        "output_router_logits", "name_or_path", "_name_or_path", "mtp_loss_scaling_factor",
    ]

    // MARK: Variants

    /// Checks the switches that released checkpoints all set one way.
    static func checkVariant(_ reader: inout ConfigurationReader) {
        flag("use_qk_norm", true, "engines that default it to false skip the query and key norms", &reader)
        flag("use_rmsnorm", true, "vLLM would build the query and key norms as LayerNorm", &reader)
        flag("norm_topk_prob", true, "engines would not normalise the routing weights", &reader)
        flag(
            "moe_router_enable_expert_bias", true,
            "vLLM would build no router bias and choose other experts", &reader)
        if let score = reader.string(
            "score_function", otherwise: "vLLM and SGLang would score experts by softmax"),
            score != "sigmoid"
        {
            refuse("score_function", "sigmoid", score, &reader)
        }
        for key in ["use_bias", "use_qkv_bias", "norm_head"] {
            if reader.flag(key) == true { refuse(key, "false", "true", &reader) }
        }
        if let activation = reader.string("hidden_act"), activation != "silu" {
            refuse("hidden_act", "silu", activation, &reader)
        }
        let router = reader.string("router_dtype")
        if router != "fp32" {
            reader.report(
                .warning, .configVariantUnknown,
                router == nil
                    ? "without router_dtype vLLM computes the router in the model's type and some tokens get other experts"
                    : "vLLM computes the router in BF16 for anything but fp32, and some tokens get other experts",
                field: "router_dtype", expected: "fp32, as in Ling-flash-2.0", found: router ?? "no such key",
                remedy: router == nil ? "add \"router_dtype\": \"fp32\"" : "write \"fp32\"")
        }
    }

    private static func flag(
        _ key: String, _ expected: Bool, _ otherwise: String, _ reader: inout ConfigurationReader
    ) {
        guard let flag = reader.flag(key, otherwise: otherwise), flag != expected else { return }
        refuse(key, "\(expected)", "\(flag)", &reader)
    }

    private static func refuse(
        _ key: String, _ expected: String, _ found: String, _ reader: inout ConfigurationReader
    ) {
        reader.report(
            .configVariantUnknown, "no released checkpoint of this family is built like this", field: key,
            expected: expected, found: found, remedy: "check that this config belongs to these weights")
    }

    /// The element type of the weights, from `torch_dtype` or its new name `dtype`.
    static func dtype(_ reader: inout ConfigurationReader) -> DType? {
        let names: [(String, DType)] = [("bfloat16", .bf16), ("float16", .f16), ("float32", .f32)]
        let old = reader.string("torch_dtype")
        let new = reader.string("dtype")
        if let old, let new, old != new {
            reader.report(
                .configValueImpossible, "torch_dtype and dtype disagree", field: "dtype", expected: old,
                found: new)
        }
        guard let name = new ?? old else {
            reader.report(
                .configKeyMissing,
                "a key is missing, and a default would give another model: transformers would load float32",
                field: "torch_dtype", expected: names.map(\.0).joined(separator: ", "), found: "no such key",
                remedy: "add \"torch_dtype\": \"bfloat16\" if that is what the weights are")
            return nil
        }
        guard let dtype = names.first(where: { $0.0 == name })?.1 else {
            reader.report(
                .configValueImpossible, "not an element type a checkpoint of this family has",
                field: new == nil ? "torch_dtype" : "dtype",
                expected: names.map(\.0).joined(separator: ", "), found: name)
            return nil
        }
        return dtype
    }

    // MARK: Rotary

    /// The channels that rotate, from `partial_rotary_factor`, `rotary_dim`, or both when they agree.
    static func rotaryDimensions(_ reader: inout ConfigurationReader, headDimension: Int?) -> Int? {
        let factor = reader.number("partial_rotary_factor")
        let written = reader.integer("rotary_dim")
        guard let headDimension, headDimension > 0, headDimension <= sizeLimit else { return nil }
        if let factor, !(factor > 0 && factor <= 1) {
            reader.report(
                .rotaryAmbiguous, "not a share of the head", field: "partial_rotary_factor",
                expected: "above 0, at most 1", found: "\(factor)")
            return nil
        }
        let fromFactor = factor.map { Int(Double(headDimension) * $0) }
        guard let rotary = fromFactor ?? written else {
            reader.report(
                .rotaryAmbiguous,
                "the config does not say how many channels rotate: readers would rotate all of them",
                field: "partial_rotary_factor", expected: "partial_rotary_factor or rotary_dim",
                found: "neither",
                remedy: "add \"partial_rotary_factor\": 0.5 if this is Ling 2.0")
            return nil
        }
        if let fromFactor, let written, fromFactor != written {
            reader.report(
                .rotaryAmbiguous, "the two ways to say how many channels rotate disagree",
                field: "rotary_dim", expected: "\(fromFactor), from partial_rotary_factor × head_dim",
                found: "\(written)")
        } else if written != nil, factor != nil {
            reader.report(
                .note, .rotaryAmbiguous,
                "with both keys, engines that multiply the two would rotate a part of the part",
                field: "rotary_dim", expected: "partial_rotary_factor alone, as released",
                found: "both; SGLang, llama.cpp and vLLM with the override defect want both")
        } else if factor == nil {
            reader.report(
                .warning, .rotaryAmbiguous,
                "the reference reads partial_rotary_factor alone and would rotate every channel",
                field: "partial_rotary_factor",
                expected: "partial_rotary_factor \(Double(rotary) / Double(headDimension))",
                found: "rotary_dim \(rotary) alone",
                remedy: "write both unless the engine multiplies them")
        }
        if rotary <= 0 || rotary % 2 != 0 || rotary > headDimension {
            reader.report(
                .rotaryAmbiguous, "channels rotate in pairs inside a head", field: "rotary_dim",
                expected: "an even number up to head_dim \(headDimension)", found: "\(rotary)")
            return nil
        }
        return rotary
    }

    // MARK: Numbers

    /// Checks the numbers of a configuration, alone and against each other.
    static func check(_ c: BailingMoeV2Configuration, _ reader: inout ConfigurationReader) {
        let counts = [
            ("num_hidden_layers", c.layerCount),
            ("num_experts", c.expertCount), ("num_experts_per_tok", c.expertsPerToken),
            ("n_group", c.groupCount), ("topk_group", c.groupsPerToken),
            ("max_position_embeddings", c.contextLength), ("vocab_size", c.vocabularySize),
        ]
        var widths = [
            ("hidden_size", c.hiddenSize), ("intermediate_size", c.denseWidth),
            ("moe_intermediate_size", c.expertWidth),
            ("num_attention_heads", c.attentionHeadCount), ("num_key_value_heads", c.keyValueHeadCount),
            ("head_dim", c.headDimension),
        ]
        // A model may do without a shared expert.
        if c.sharedExpertCount != 0 {
            widths += [
                ("num_shared_experts", c.sharedExpertCount),
                ("moe_shared_expert_intermediate_size", c.sharedExpertWidth),
            ]
        }
        var sound = true
        for (sizes, limit) in [(counts, sizeLimit), (widths, widthLimit)] {
            for (field, value) in sizes where !(1...limit).contains(value) {
                sound = false
                reader.report(
                    .configValueImpossible, "a size that cannot be", field: field,
                    expected: "from 1 to \(grouped(limit))", found: "\(value)")
            }
        }
        for (field, value, least) in [
            // Channels of one speed at 1, and a ramp of YaRN without a width.
            ("rope_theta", c.ropeTheta, 1.0), ("rms_norm_eps", c.rmsNormEpsilon, 0),
            ("routed_scaling_factor", c.routedScalingFactor, 0),
        ] where !(value > least && value <= numberLimit) {
            reader.report(
                .configValueImpossible, "a number that cannot be", field: field,
                expected: "above \(Int(least)), at most \(scientific(numberLimit))", found: "\(value)")
        }
        guard sound else { return }
        checkRelations(c, &reader)
        SpecialTokens(begin: c.beginTokenId, end: c.endTokenIds, pad: c.padTokenId)
            .check(vocabularySize: c.vocabularySize, &reader)
        if let scaling = c.ropeScaling,
            let finding = YaRN.disagreement(scaling, contextLength: c.contextLength, file: reader.file)
        {
            reader.findings.add(finding)
        }
    }

    private static func checkRelations(_ c: BailingMoeV2Configuration, _ reader: inout ConfigurationReader) {
        func require(_ holds: Bool, _ what: String, _ field: String, _ expected: String, _ found: Int) {
            guard !holds else { return }
            reader.report(
                .configValueImpossible, what, field: field, expected: expected, found: "\(found)")
        }
        require(
            (0...c.layerCount).contains(c.denseLayerCount), "more dense layers than layers",
            "first_k_dense_replace", "from 0 to num_hidden_layers \(c.layerCount)", c.denseLayerCount)
        require(
            c.attentionHeadCount % c.keyValueHeadCount == 0, "query heads do not share key heads evenly",
            "num_attention_heads", "a multiple of num_key_value_heads \(c.keyValueHeadCount)",
            c.attentionHeadCount)
        require(
            c.expertCount % c.groupCount == 0, "experts do not fill their groups evenly", "num_experts",
            "a multiple of n_group \(c.groupCount)", c.expertCount)
        require(
            c.groupsPerToken <= c.groupCount, "more groups are kept than there are", "topk_group",
            "at most n_group \(c.groupCount)", c.groupsPerToken)
        let reachable = c.expertCount / c.groupCount * min(c.groupsPerToken, c.groupCount)
        require(
            c.expertsPerToken <= reachable, "more experts are chosen than the kept groups hold",
            "num_experts_per_tok", "at most \(reachable)", c.expertsPerToken)
        require(
            c.expertsPerToken > 1,
            "the weight of a single expert is normalised by engines and not by the reference",
            "num_experts_per_tok", "2 or more", c.expertsPerToken)
        require(
            c.groupCount == 1 || c.expertsPerGroup >= 2, "a group is scored by its two best experts",
            "n_group", "groups of two experts at least", c.groupCount)
        require(
            (0...1).contains(c.predictionLayerCount), "the family has at most one prediction layer",
            "num_nextn_predict_layers", "0 or 1", c.predictionLayerCount)
        require(
            c.attentionWidth <= widthLimit && c.keyRows.count <= widthLimit,
            "attention is wider than any model of this family could be", "head_dim",
            "heads × head_dim up to \(grouped(widthLimit))", c.headDimension)
        require(
            c.sharedExpertWidth == c.expertWidth * c.sharedExpertCount,
            "the shared expert has two widths: the reference takes moe_intermediate_size × num_shared_experts",
            "moe_shared_expert_intermediate_size", "\(c.expertWidth * c.sharedExpertCount)",
            c.sharedExpertWidth)
        // Three matrices an expert, and fewer than twenty other tensors a layer.
        let tensors = (c.layerCount + 1) * (3 * c.expertCount + 20)
        require(
            tensors <= tensorLimit, "more tensors than any model of this family could have", "num_experts",
            "layers × experts for up to \(grouped(tensorLimit)) tensors", c.expertCount)
    }
}
