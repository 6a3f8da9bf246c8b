import Architectures
import Diagnostics
import Documents
import Testing

@Suite struct ConfigurationTests {
    @Test("the published config reads without a finding")
    func published() throws {
        let reading = BailingMoeV2Configuration.read(try config())
        #expect(reading.findings.isEmpty)
        let c = try #require(reading.configuration)
        #expect(c.queryRows == 0..<4096 && c.keyRows == 4096..<4608 && c.valueRows == 4608..<5120)
        #expect(c.rotaryDimensions == 64 && c.queryHeadsPerKeyValueHead == 8 && c.expertsPerGroup == 32)
        #expect(c.fusedRows == 5120 && c.expertLayers == 1..<32 && c.predictionLayer == nil)
        #expect(c.cacheBytesPerToken(.bf16) == 65_536)
        #expect(c.unknownKeys.isEmpty && c.quantisation == .none && c.endTokenIds == [156_895])
    }

    @Test("the fixtures' configs read", arguments: ["micro", "ling-tiny-icd"])
    func fixtures(name: String) throws {
        let reading = BailingMoeV2Configuration.read(try document("Fixtures/checkpoints/\(name)/config.json"))
        #expect(reading.findings.isEmpty && reading.configuration != nil)
    }

    @Test(
        "an absent key is an error that says what a default would do",
        arguments: [
            ("routed_scaling_factor", "1.0"), ("use_qk_norm", "skip"), ("use_rmsnorm", "LayerNorm"),
            ("score_function", "softmax"), ("norm_topk_prob", "normalise"),
            ("moe_router_enable_expert_bias", "router bias"), ("n_group", "groups"), ("topk_group", "groups"),
            ("first_k_dense_replace", "experts they do not have"), ("head_dim", "hidden_size"),
            ("rope_theta", "10000"), ("num_shared_experts", "shared expert"), ("hidden_size", "Ling-mini"),
            ("num_hidden_layers", "Ling-mini"), ("rms_norm_eps", "1e-05"), ("torch_dtype", "float32"),
            ("vocab_size", "Ling-mini"), ("num_key_value_heads", "Ling-mini"),
        ])
    func missing(key: String, consequence: String) throws {
        let found = try findings([key: .some(nil)])
        #expect(found.count == 1)
        let finding = try #require(found.first)
        #expect(finding.code == .configKeyMissing && finding.level == .error)
        #expect(finding.what.contains(consequence), "\(finding.text)")
        #expect(finding.subjects.contains { $0.label == "field" && $0.value == key })
    }

    /// transformers 5 writes the block, and engines on it read nothing else.
    @Test(
        "rope_parameters says what the keys say",
        arguments: [
            (["rope_type": "default", "rope_theta": 600000, "partial_rotary_factor": .real(0.5)], nil),
            (["rope_type": "default", "rope_theta": 10], "rope_parameters.rope_theta"),
            (
                ["rope_type": "default", "partial_rotary_factor": .real(1)],
                "rope_parameters.partial_rotary_factor"
            ),
            (
                ["rope_type": "yarn", "factor": .real(4), "original_max_position_embeddings": 32768],
                "rope_parameters.rope_type"
            ), (["rope_type": "llama3", "factor": .real(8)], "rope_parameters.rope_scaling.type"),
            (3, "rope_parameters"),
        ] as [(JSONValue, String?)])
    func ropeParameters(block: JSONValue, field: String?) throws {
        let found = try findings(["rope_parameters": block])
        #expect(found.allSatisfy { $0.level == .error })
        #expect(found.first?.subjects.first { $0.label == "field" }?.value == field, "\(found.map(\.text))")
        #expect(found.isEmpty == (field == nil))
    }

    @Test("rope_parameters may write out the defaults, and agrees with rotary_dim alone")
    func ropeParametersOtherwise() throws {
        let scaling: JSONValue = ["type": "yarn", "factor": 4, "original_max_position_embeddings": 32_768]
        let written: JSONValue = [
            "rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 32_768, "beta_fast": 32,
            "beta_slow": 1, "truncate": true,
        ]
        let long: [String: JSONValue?] = [
            "rope_scaling": scaling, "rope_parameters": written, "max_position_embeddings": 131_072,
        ]
        #expect(try findings(long).isEmpty)
        for (share, isRight) in [(0.5, true), (1.0, false)] {
            let found = try findings([
                "partial_rotary_factor": .some(nil), "rotary_dim": 64,
                "rope_parameters": ["rope_type": "default", "partial_rotary_factor": .real(share)],
            ])
            #expect(found.contains { $0.level == .error } != isRight, "\(found.map(\.text))")
        }
    }

    @Test(
        "numbers that no pass survives are refused",
        arguments: [("rope_theta", 1), ("rope_theta", 1e-300), ("routed_scaling_factor", 1e39)])
    func numbers(field: String, value: Double) throws {
        let found = try findings([field: .real(value)])
        #expect(found.map(\.code) == [.configValueImpossible])
        #expect(found.first?.subjects.first { $0.label == "field" }?.value == field)
    }

    @Test("a router in other numbers, and a single expert, are told")
    func routing() throws {
        let bf16 = try findings(["router_dtype": "bf16"])
        #expect(bf16.map(\.level) == [.warning] && bf16.map(\.code) == [.configVariantUnknown])
        let single = try findings(["num_experts_per_tok": 1])
        #expect(single.map(\.code) == [.configValueImpossible] && single.map(\.level) == [.error])
    }

    @Test("a key that is nearly right is named")
    func nearKey() throws {
        let found = try findings([
            "routed_scaling_factor": .some(nil), "route_scaling_factor": .some(.real(2.5)),
        ])
        #expect(found.first?.found == "no such key, but \"route_scaling_factor\"")
    }

    @Test(
        "variants that no release has are refused",
        arguments: [
            ("use_qk_norm", false), ("use_rmsnorm", false), ("norm_topk_prob", false),
            ("moe_router_enable_expert_bias", false), ("score_function", "softmax"), ("use_bias", true),
            ("use_qkv_bias", true), ("norm_head", true), ("hidden_act", "gelu"),
        ] as [(String, JSONValue)])
    func variants(key: String, value: JSONValue) throws {
        #expect(try findings([key: value]).map(\.code) == [.configVariantUnknown])
    }

    @Test(
        "numbers that cannot be are refused",
        arguments: [
            ("num_attention_heads", 30), ("num_experts", 250), ("topk_group", 9),
            ("num_experts_per_tok", 129),
            ("hidden_size", 0), ("vocab_size", -1), ("first_k_dense_replace", 33),
            ("num_nextn_predict_layers", 2), ("rope_theta", 0), ("num_experts", 16_777_216),
            ("moe_intermediate_size", 9_223_372_036_854_775_807), ("num_hidden_layers", 1_000_000),
            ("head_dim", 131_072), ("hidden_size", 16_777_216), ("num_shared_experts", 16_777_216),
        ] as [(String, JSONValue)])
    func numbers(key: String, value: JSONValue) throws {
        let found = try findings([key: value])
        #expect(found.contains { $0.code == .configValueImpossible && $0.level == .error }, "\(found)")
    }

    @Test(
        "values of the wrong kind are refused",
        arguments: [
            ("hidden_size", "4096"), ("use_qk_norm", 1), ("rms_norm_eps", "1e-6"), ("model_type", 3),
        ] as [(String, JSONValue)])
    func kinds(key: String, value: JSONValue) throws {
        #expect(try findings([key: value]).contains { $0.code == .configMalformed })
    }

    @Test("all problems of a config are collected")
    func collected() throws {
        let found = try findings([
            "hidden_act": "relu", "routed_scaling_factor": .some(nil), "rotary_dim": 128,
            "eos_token_id": 157_184,
        ])
        #expect(
            Set(found.map(\.code)) == [.configVariantUnknown, .configKeyMissing, .rotaryAmbiguous])
        let ids = try findings(["eos_token_id": 157_184, "pad_token_id": -1])
        #expect(ids.map(\.code) == [.tokenIdImpossible, .tokenIdImpossible])
    }

    @Test("rotary: one key suffices, both must agree, neither is an error")
    func rotary() throws {
        #expect(try findings(["rotary_dim": 64]).map(\.level) == [.note])
        #expect(try findings(["rotary_dim": 32]).map(\.level) == [.error])
        let alone = try findings(["partial_rotary_factor": .some(nil), "rotary_dim": 64])
        #expect(alone.map(\.level) == [.warning])
        #expect(try flash(["partial_rotary_factor": .some(nil), "rotary_dim": 64]).rotaryDimensions == 64)
        let neither = try findings(["partial_rotary_factor": .some(nil)])
        #expect(neither.map(\.code) == [.rotaryAmbiguous] && neither.first?.level == .error)
        #expect(
            try findings(["partial_rotary_factor": .some(nil), "rotary_dim": 63]).contains {
                $0.level == .error
            })
    }

    @Test("architectures of relatives are named for what they are")
    func relatives() throws {
        let first = try findings(["architectures": ["BailingMoeForCausalLM"]])
        #expect(first.map(\.code) == [.otherArchitecture])
        #expect(first.first?.remedy?.contains("Ling 1") == true)
        #expect(
            try findings(["architectures": ["BailingMoeV2ForCausaLM"]]).first?.remedy?.contains(
                "did you mean") == true)
        #expect(try findings(["model_type": "bailing_hybrid"]).map(\.code) == [.otherArchitecture])
        #expect(try findings(["model_type": "bailing_moe_v2"]).isEmpty)
        #expect(BailingMoeV2Configuration.read(["a", "b"]).findings.map(\.code) == [.configMalformed])
    }

    @Test("unknown keys are kept and listed")
    func unknown() throws {
        let c = try flash(["my_own_key": 7, "transformers_version": "4.99"])
        #expect(c.unknownKeys == ["my_own_key"] && c.document["my_own_key"] == 7)
    }

    @Test("a router without its dtype is a warning")
    func router() throws {
        #expect(try findings(["router_dtype": .some(nil)]).map(\.level) == [.warning])
    }
}
