import Architectures
import Checkpoints
import Diagnostics
import Documents
import Tensors
import Testing

@Suite struct ReportTests {
    private let library = ProfileLibrary.folder(joined(packageRoot, "Profiles"))

    private func judgement(_ name: String = "ling-tiny-icd") throws -> CheckpointJudgement {
        let checkpoint = try Checkpoint.open(joined(packageRoot, "Fixtures/checkpoints/\(name)"))
        return try CheckpointJudge(profiles: ArchitectureProfile.all(library)).judge(checkpoint)
    }

    private func quantised() throws -> CheckpointJudgement {
        let value = try config(
            "Fixtures/checkpoints/micro/config.json",
            ["quantization_config": QuantisationLayoutTests.recipe([:])])
        let view = QuantisedInventory(TensorInventory(try BailingMoeV2Configuration(value)))
        return CheckpointJudge().judge(config: value, headers: headers(view))
    }

    @Test("the whole of the fixture")
    func whole() throws {
        let report = InspectionReport(checkpoint: "tiny", judgement: try judgement())
        #expect(report.text.hasPrefix("model       Ling-tiny-ICD, the fixture checkpoint, exact\n"))
        #expect(report.text.contains("active      4,604,544 parameters for a token"))
        #expect(report.text.hasSuffix("222   8,143,536  16,287,168"))
        guard case .object(let object) = report.document, case .object(let ledger)? = object["ledger"] else {
            Issue.record("the document is no object")
            return
        }
        #expect(object["exact"] == true && ledger["tensors"] == 222 && ledger["bytes"] == 16_287_168)
    }

    @Test("one layer and one tensor")
    func views() throws {
        let judgement = try judgement()
        let layer = InspectionReport(checkpoint: "tiny", judgement: judgement, view: .layer(0))
        #expect(layer.text.split(separator: "\n").count == 11)
        let name = "model.layers.3.mlp.gate.expert_bias"
        let tensor = InspectionReport(checkpoint: "tiny", judgement: judgement, view: .tensor(name))
        #expect(tensor.text.contains("router-bias  F32    [8]"))
        let none = InspectionReport(checkpoint: "tiny", judgement: judgement, view: .tensor(name + "s"))
        #expect(none.text.contains("did you mean \(name)?"))
        #expect(
            InspectionReport(checkpoint: "tiny", judgement: judgement, view: .layer(7)).text
                == "no tensor of layer 7 in this checkpoint")
    }

    @Test("a weight comes with its scale")
    func scale() throws {
        let name = "model.layers.1.attention.dense.weight"
        let report = InspectionReport(checkpoint: "q", judgement: try quantised(), view: .tensor(name))
        #expect(report.text.contains("weight_scale_inv  block scale       F32      [1, 1]"), "\(report.text)")
    }

    @Test("validation of a sound checkpoint, and for targets that differ")
    func validation() throws {
        let judgement = try quantised()
        let plain = ValidationReport(checkpoint: "q", judgement: judgement)
        #expect(plain.passes && plain.exit == .done)
        #expect(plain.verdict.hasPrefix("valid: a BailingMoeV2 checkpoint of no released size, "))
        let target = try Target("vllm-0.11.0/h20-96g", library)
        let refused = ValidationReport(checkpoint: "q", judgement: judgement, target: target)
        #expect(!refused.passes && refused.exit == .refused)
        #expect(refused.verdict == "not valid for vllm-0.11.0/h20-96g: 1 error, 0 warnings")
        var audit = ScaleAudit()
        let entry = try #require(
            judgement.match?.quantised.inventory[name: "model.layers.1.attention.dense.weight"])
        audit.observe([0.3], of: entry)
        let recent = ValidationReport(
            checkpoint: "q", judgement: judgement, audit: audit,
            target: try Target("vllm-0.33.0/h20-96g", library))
        #expect(recent.passes && recent.count(.warning) == 1 && recent.count(.note) == 1)
        guard case .object(let object) = recent.document else { throw NotAnObject() }
        #expect(object["valid"] == true && object["target"] == "vllm-0.33.0/h20-96g")
    }
}
