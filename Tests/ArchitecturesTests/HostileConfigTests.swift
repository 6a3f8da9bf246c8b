import Architectures
import Diagnostics
import Documents
import Testing

/// Configs are hostile: whatever one key says, the answer is findings or a judgement, never a trap.
@Suite struct HostileConfigTests {
    private static let values: [JSONValue] = [
        .null, true, false, 0, 1, -1, 2, 3, 65_536, 16_777_216, 9_223_372_036_854_775_807, .real(1e300),
        .real(-1e-300),
        .real(0.5), .number(JSONNumber(literal: "1e999")),
        .number(JSONNumber(literal: "99999999999999999999")),
        "", "fp8", [], [1, 2], ["a"], [[]], [:], ["type": "yarn"], ["quant_method": "fp8"],
        ["quant_method": "compressed-tensors", "format": "float-quantized", "config_groups": [:]],
    ]

    @Test("every key with every odd value")
    func everyKey() throws {
        guard case .object(let object) = try document("Fixtures/checkpoints/micro/config.json") else {
            throw NotAnObject()
        }
        let keys = object.keys + ["rope_scaling", "quantization_config", "rotary_dim", "dtype", "norm_head"]
        let view = headers(QuantisedInventory(TensorInventory(try micro())))
        var judged = 0
        for key in keys {
            for value in Self.values {
                var changed = object
                changed[key] = value
                let judgement = CheckpointJudge().judge(config: .object(changed), headers: view)
                #expect(judgement.configuration != nil || judgement.findings.contains { $0.level == .error })
                if let configuration = judgement.configuration {
                    judged += 1
                    _ = InspectionReport(checkpoint: "h", judgement: judgement).text
                    _ = RotaryFrequencies(configuration: configuration, generation: .lengthRatio)
                }
            }
        }
        #expect(judged > 100)
    }

    @Test("the largest config that is allowed stays inside Int")
    func largest() throws {
        let changes: [String: JSONValue?] = [
            "num_hidden_layers": 2_000, "num_experts": 128, "n_group": 8, "hidden_size": 131_072,
            "intermediate_size": 131_072, "moe_intermediate_size": 131_072,
            "moe_shared_expert_intermediate_size": 131_072, "vocab_size": 16_777_216,
            "num_attention_heads": 1_024, "num_key_value_heads": 1_024, "head_dim": 128,
        ]
        let inventory = TensorInventory(try flash(changes))
        #expect(Ledger(inventory).total.bytes > 1 << 54)
        #expect(inventory.configuration.cacheBytesPerToken(.f32) > 0)
    }
}
