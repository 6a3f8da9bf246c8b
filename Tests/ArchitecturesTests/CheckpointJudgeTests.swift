import Architectures
import Checkpoints
import Diagnostics
import Documents
import Tensors
import Testing

/// The headers a configuration asks for, with changes.
func headers(_ quantised: QuantisedInventory, _ change: (inout [TensorHeader]) -> Void = { _ in })
    -> HeaderView
{
    var tensors: [TensorHeader] = []
    for (index, entry) in quantised.inventory.entries.enumerated() {
        tensors.append(
            TensorHeader(
                name: entry.name, dtype: quantised.storedDType(at: index), shape: entry.shape, shard: 0))
        if let scale = quantised.scale(at: index) {
            tensors.append(
                TensorHeader(name: scale.name, dtype: scale.dtypes[0], shape: scale.shape, shard: 0))
        }
    }
    change(&tensors)
    return HeaderView(shards: ["model.safetensors"], tensors: tensors)
}

extension [TensorHeader] {
    mutating func remove(where matches: (String) -> Bool) { removeAll { matches($0.name) } }

    mutating func replace(_ name: String, dtype: DType? = nil, shape: Shape? = nil, newName: String? = nil) {
        for index in indices where self[index].name == name {
            let old = self[index]
            self[index] = TensorHeader(
                name: newName ?? name, dtype: dtype ?? old.dtype, shape: shape ?? old.shape, shard: old.shard)
        }
    }
}

@Suite struct CheckpointJudgeTests {
    private let micro = "Fixtures/checkpoints/micro/config.json"
    private let flashConfig = "Fixtures/configs/ling-flash-2.0.json"

    private func judge(
        _ path: String, _ changes: [String: JSONValue?] = [:], layout: QuantisationLayout? = nil,
        _ change: (inout [TensorHeader]) -> Void = { _ in }
    ) throws -> CheckpointJudgement {
        let value = try config(path, changes)
        let inventory = TensorInventory(try BailingMoeV2Configuration(value))
        let quantised =
            layout.map { QuantisedInventory(inventory, layout: $0) } ?? QuantisedInventory(inventory)
        let profiles = try ArchitectureProfile.all(.folder(joined(packageRoot, "Profiles")))
        return CheckpointJudge(profiles: profiles).judge(config: value, headers: headers(quantised, change))
    }

    private func judgeFP8(
        _ changes: [String: JSONValue?] = [:], _ change: (inout [TensorHeader]) -> Void = { _ in }
    ) throws -> CheckpointJudgement {
        try judge(micro, ["quantization_config": QuantisationLayoutTests.recipe(changes)], change)
    }

    @Test("the fixture checkpoints are sound", arguments: ["micro", "micro-yarn", "ling-tiny-icd"])
    func fixtures(name: String) throws {
        let checkpoint = try Checkpoint.open(joined(packageRoot, "Fixtures/checkpoints/\(name)"))
        let profiles = try ArchitectureProfile.all(.folder(joined(packageRoot, "Profiles")))
        let judgement = try CheckpointJudge(profiles: profiles).judge(checkpoint)
        #expect(!judgement.findings.contains { $0.level == .error }, "\(judgement.findings.map(\.text))")
        #expect(judgement.found == judgement.expected)
        #expect(judgement.isExact == (name == "ling-tiny-icd"))
    }

    @Test("complete headers of Ling-flash-2.0 are exact")
    func exact() throws {
        let judgement = try judge(flashConfig)
        #expect(
            judgement.findings.isEmpty && judgement.isExact && judgement.profile?.name == "ling-flash-2.0")
        let report = ValidationReport(checkpoint: "x", judgement: judgement)
        #expect(report.verdict.hasPrefix("valid: this is Ling-flash-2.0: exact, 102,889,697,280 BF16"))
    }

    @Test("missing experts are one finding with their names folded")
    func missing() throws {
        let judgement = try judge(flashConfig) { tensors in
            tensors.remove { name in
                (40...43).contains { name.hasPrefix("model.layers.17.mlp.experts.\($0).") }
            }
        }
        #expect(judgement.findings.map(\.code) == [.tensorsMissing])
        let finding = try #require(judgement.findings.first)
        #expect(
            finding.subjects.map(\.value)
                == ["model.layers.17.mlp.experts.{40…43}.{gate,up,down}_proj.weight"])
        #expect(finding.found == "102,839,365,632 BF16 and 7,936 F32 parameters in 24,149 tensors")
        #expect(finding.remedy == "ingot inspect CHECKPOINT --layer 17")
        #expect(!judgement.isExact)
    }

    @Test("everything missing stays a handful of lines")
    func empty() throws {
        let judgement = try judge(flashConfig) { $0 = [] }
        #expect(judgement.findings.count == 1)
        #expect(try #require(judgement.findings.first).text.count < 2_000)
    }

    @Test("layers numbered from one are recognised")
    func shifted() throws {
        let value = try config(micro)
        let inventory = TensorInventory(try BailingMoeV2Configuration(value))
        let shifted = headers(QuantisedInventory(inventory)) { tensors in
            for index in tensors.indices {
                guard let layer = inventory[name: tensors[index].name]?.layer else { continue }
                let old = tensors[index]
                tensors[index] = TensorHeader(
                    name: old.name.replacing("layers.\(layer).", with: "layers.\(layer + 1)."),
                    dtype: old.dtype,
                    shape: old.shape, shard: 0)
            }
        }
        let judgement = CheckpointJudge().judge(config: value, headers: shifted)
        #expect(judgement.findings.map(\.code) == [.tensorsMissing])
        #expect(judgement.findings.first?.what.contains("numbered from 1") == true)
    }

    @Test("a misspelt tensor is missing and unexpected, with the near name")
    func misspelt() throws {
        let name = "model.layers.1.attention.query_layernorm.weight"
        let judgement = try judge(micro) {
            $0.replace(name, newName: "model.layers.1.attention.query_layer_norm.weight")
        }
        #expect(judgement.findings.map(\.code) == [.tensorsMissing, .tensorUnexpected])
        #expect(judgement.findings.last?.remedy?.contains(name) == true)
    }

    @Test("wrong shape, wrong type, each with both sides")
    func shapesAndTypes() throws {
        let judgement = try judge(micro) {
            $0.replace("model.layers.1.mlp.experts.3.down_proj.weight", shape: [64, 128])
            $0.replace("model.layers.1.mlp.gate.expert_bias", dtype: .bf16)
            $0.replace("model.norm.weight", dtype: .f32)
        }
        #expect(judgement.findings.map(\.code) == [.tensorShape, .tensorDType, .tensorDType])
        #expect(judgement.findings.contains { $0.what.contains("router bias") })
        let shape = try #require(judgement.findings.first)
        #expect(shape.expected?.hasPrefix("[128, 128]") == true && shape.found == "[64, 128]")
    }

    @Test("a uniform checkpoint of another type is a warning about the config")
    func uniform() throws {
        let judgement = try judge(micro) { tensors in
            for index in tensors.indices where tensors[index].dtype == .bf16 {
                tensors.replace(tensors[index].name, dtype: .f16)
            }
        }
        #expect(judgement.findings.map(\.code) == [.dtypeUndeclared])
        #expect(judgement.findings.first?.level == .warning)
    }

    @Test("prediction tensors and the config contradict each other, both ways")
    func prediction() throws {
        let value = try config(micro)
        let with = TensorInventory(
            try BailingMoeV2Configuration(config(micro, ["num_nextn_predict_layers": 1])))
        let extra = CheckpointJudge().judge(config: value, headers: headers(QuantisedInventory(with)))
        #expect(extra.findings.map(\.code) == [.predictionLayerMismatch])
        let lacking = try judge(micro, ["num_nextn_predict_layers": 1]) {
            $0.remove { $0.hasPrefix("model.layers.3.") }
        }
        #expect(lacking.findings.map(\.code) == [.predictionLayerMismatch])
        let sound = try judge(micro, ["num_nextn_predict_layers": 1])
        #expect(sound.findings.isEmpty)
    }

    // MARK: Codes and scales

    @Test("a quantised checkpoint is sound")
    func quantised() throws {
        let judgement = try judgeFP8()
        #expect(judgement.findings.isEmpty && judgement.expected == judgement.found)
    }

    @Test("each way of getting scales wrong has its code")
    func scales() throws {
        let weight = "model.layers.1.mlp.experts.3.down_proj.weight"
        func codes(_ change: (inout [TensorHeader]) -> Void) throws -> [String] {
            try judgeFP8([:], change).findings.map(\.code.name)
        }
        #expect(try codes { $0.remove { $0 == weight + "_scale_inv" } } == ["QUANT-003"])
        #expect(try codes { $0.replace(weight, dtype: .bf16) } == ["QUANT-006", "QUANT-004"])
        #expect(try codes { $0.replace(weight + "_scale_inv", shape: [2, 1]) } == ["QUANT-005"])
        #expect(try codes { $0.replace(weight + "_scale_inv", dtype: .f64) } == ["QUANT-005"])
        #expect(try codes { $0.replace(weight + "_scale_inv", newName: weight + "_scale") } == ["QUANT-005"])
        #expect(try codes { $0.replace(weight, dtype: .e5m2) } == ["QUANT-006"])
        #expect(try codes { $0.replace("model.layers.1.mlp.gate.weight", dtype: .e4m3) } == ["QUANT-007"])
        #expect(try codes { $0.replace("lm_head.weight", dtype: .e4m3) } == ["QUANT-007"])
        #expect(try codes { $0.replace("model.word_embeddings.weight", dtype: .e4m3) } == ["QUANT-007"])
        #expect(
            try codes { $0.replace(weight + "_scale_inv", newName: "model.scale") }
                == ["QUANT-003", "ARCH-009"].sorted())
    }

    @Test("a skip list and the weights contradict each other, both ways")
    func skipList() throws {
        let module = "model.layers.1.attention.query_key_value"
        let listed = try judge(
            micro,
            ["quantization_config": QuantisationLayoutTests.recipe(["ignored_layers": [.string(module)]])],
            layout: .fp8(FP8Layout(container: .deepSeek, granularity: .block(rows: 128, columns: 128))))
        #expect(listed.findings.map(\.code) == [.quantisationContradictsConfig])
        let unlisted = try judge(
            micro, ["quantization_config": QuantisationLayoutTests.recipe([:])],
            layout: .fp8(
                FP8Layout(
                    container: .deepSeek, granularity: .block(rows: 128, columns: 128),
                    skipList: SkipList([module]))))
        #expect(unlisted.findings.map(\.code) == [.quantisationContradictsConfig])
    }

    @Test("codes without a quantization_config")
    func unannounced() throws {
        let judgement = try judge(
            micro, layout: .fp8(FP8Layout(container: .deepSeek, granularity: .block(rows: 128, columns: 128)))
        )
        #expect(judgement.findings.map(\.code) == [.quantisationContradictsConfig])
        #expect(judgement.findings.first?.what.contains("no quantization_config") == true)
    }

    @Test("a broken config is reported and headers are left alone")
    func brokenConfig() throws {
        let judgement = CheckpointJudge().judge(
            config: try config(micro, ["hidden_size": .some(nil)]),
            headers: HeaderView(shards: [], tensors: []))
        #expect(judgement.findings.map(\.code) == [.configKeyMissing] && judgement.configuration == nil)
    }

    @Test("the headers of 48,129 tensors of a whole FP8 checkpoint match")
    func wholeModel() throws {
        let value = try config(flashConfig, ["quantization_config": QuantisationLayoutTests.recipe([:])])
        let view = headers(QuantisedInventory(TensorInventory(try BailingMoeV2Configuration(value))))
        #expect(view.tensors.count == 48_129)
        #expect(
            !CheckpointJudge().judge(config: value, headers: view).findings.contains { $0.level == .error })
    }
}
