import Architectures
import Diagnostics
import Documents
import Tensors
import Testing

@Suite struct QuantisationLayoutTests {
    static let recipe: JSONObject = {
        guard
            case .object(let object) = [
                "quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic",
                "weight_block_size": [128, 128],
            ] as JSONValue
        else { return JSONObject() }
        return object
    }()

    static func recipe(_ changes: [String: JSONValue?]) -> JSONValue {
        var object = recipe
        for (key, value) in changes { object[key] = value }
        return .object(object)
    }

    private func layout(_ block: JSONValue) throws -> FP8Layout {
        try #require(try flash(["quantization_config": block]).quantisation.fp8)
    }

    private func quantised(_ block: JSONValue) throws -> QuantisedInventory {
        QuantisedInventory(TensorInventory(try flash(["quantization_config": block])))
    }

    @Test("the publisher's recipe")
    func deepSeek() throws {
        let layout = try layout(Self.recipe([:]))
        #expect(layout.container == .deepSeek && layout.granularity == .block(rows: 128, columns: 128))
        #expect(layout.scaleSuffix == "_scale_inv" && layout.scaleDTypes == [.f32, .bf16])
        #expect(layout.scaleShape(of: [5120, 4096]) == [40, 32])
        #expect(layout.scaleShape(of: [129, 1]) == [2, 1])
        let powers = try self.layout(Self.recipe(["scale_fmt": "ue8m0"]))
        #expect(powers.saysPowersOfTwo && powers.scaleDTypes.contains(.e8m0))
    }

    @Test("compressed-tensors by block and by channel")
    func compressedTensors() throws {
        func block(_ weights: JSONValue) -> JSONValue {
            [
                "quant_method": "compressed-tensors", "format": "float-quantized",
                "config_groups": [
                    "group_0": [
                        "targets": ["Linear"], "weights": weights, "input_activations": ["dynamic": true],
                    ]
                ], "ignore": ["lm_head", "re:.*mlp.gate$", "re:.*word_embeddings"],
            ]
        }
        let blocks = try layout(
            block(["num_bits": 8, "type": "float", "strategy": "block", "block_structure": [128, 128]]))
        #expect(blocks.container == .compressedTensors && blocks.scaleSuffix == "_scale")
        #expect(blocks.usualScaleDType == .bf16 && blocks.activations == .dynamic)
        let channels = try layout(block(["num_bits": 8, "type": "float", "strategy": "channel"]))
        #expect(channels.scaleShape(of: [5120, 4096]) == [5120, 1])
        let view = try quantised(block(["num_bits": 8, "type": "float", "strategy": "channel"]))
        #expect(view.findings.isEmpty && view.isQuantised.count { $0 } == 23_968)
        #expect(
            try findings(["quantization_config": block(["num_bits": 4, "type": "int", "strategy": "group"])])
                .contains { $0.code == .quantisationConfigMalformed })
    }

    @Test(
        "what no FP8 checkpoint says is refused",
        arguments: [
            (["weight_block_size": .some(nil)], "QUANT-001"), (["weight_block_size": [128]], "QUANT-001"),
            (["weight_block_size": [0, 128]], "QUANT-001"), (["fmt": "e5m2"], "QUANT-001"),
            (["activation_scheme": "static"], "QUANT-001"), (["scale_fmt": "ue4m3"], "QUANT-001"),
            (["quant_method": "gptq"], "QUANT-002"), (["quant_method": .some(nil)], "QUANT-002"),
            (["modules_to_not_convert": ["a"], "ignored_layers": ["b"]], "QUANT-010"),
        ] as [([String: JSONValue?], String)])
    func refused(changes: [String: JSONValue?], code: String) throws {
        let found = try findings(["quantization_config": Self.recipe(changes)])
        #expect(found.map(\.code.name) == [code])
        #expect(found.first?.subjects.contains { $0.value.hasPrefix("quantization_config.") } == true)
    }

    @Test("full names in the skip list are skipped without a word")
    func fullNames() throws {
        let names = (0..<32).map { JSONValue.string("model.layers.\($0).attention.query_key_value") }
        let view = try quantised(Self.recipe(["modules_to_not_convert": .array(names + ["lm_head"])]))
        #expect(view.findings.isEmpty && view.isQuantised.count { $0 } == 23_968 - 32)
    }

    @Test("parts of names are skipped, and vLLM's reading is pointed out")
    func parts() throws {
        let view = try quantised(Self.recipe(["ignored_layers": ["attention.query_key_value", "mlp.gate"]]))
        #expect(view.isQuantised.count { $0 } == 23_968 - 32)
        #expect(view.findings.map(\.code) == [.skipListAmbiguous])
        #expect(view.findings.first?.found == "\"attention.query_key_value\"")
    }

    @Test("an entry that names nothing is reported")
    func nothing() throws {
        let view = try quantised(Self.recipe(["ignored_layers": ["model.layers.1.self_attn.q_proj"]]))
        #expect(view.findings.map(\.code) == [.skipListAmbiguous])
        #expect(view.isQuantised.count { $0 } == 23_968)
    }

    @Test(
        "patterns",
        arguments: [
            ("re:.*attention.dense$", 32), ("re:model\\.layers\\.(0|1)\\.attention.*", 4),
            ("re:.*layers.3.mlp.experts.\\d+.up_proj", 256), ("re:^lm_head$", 0),
            ("re:.*experts.*down_proj", 7967),
        ])
    func patterns(pattern: String, skipped: Int) throws {
        let view = try quantised([
            "quant_method": "compressed-tensors", "format": "float-quantized",
            "config_groups": [
                "g": [
                    "targets": ["Linear"],
                    "weights": ["num_bits": 8, "type": "float", "strategy": "channel"],
                ]
            ], "ignore": [.string(pattern)],
        ])
        #expect(view.findings.isEmpty)
        #expect(view.isQuantised.count { $0 } == 23_968 - skipped)
    }

    @Test(
        "patterns that could run for ever, or are not understood, are reported",
        arguments: [
            "re:(a+)+$", "re:[ab]*", "re:" + String(repeating: "a", count: 999),
            "re:(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)", "re:(?=x)", "re:\\",
        ])
    func hostile(pattern: String) throws {
        let view = try quantised([
            "quant_method": "compressed-tensors", "format": "float-quantized",
            "config_groups": [
                "g": [
                    "targets": ["Linear"],
                    "weights": ["num_bits": 8, "type": "float", "strategy": "channel"],
                ]
            ], "ignore": [.string(pattern)],
        ])
        #expect(view.findings.map(\.code) == [.skipListAmbiguous])
    }
}
