// Damage to what a model computes is found and named: between two checkpoints by their configs, against values
// of the authors' code by rotary frequencies, layers and experts, and in a recording of another engine by the
// known fault that explains it.

import Architectures
import Backends
import Diagnostics
import Documents
import Parity
import ReferenceModel
import TestSupport
import Testing
import Tokenisation

struct PassDamageTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// One fault of an engine, as a change to a checkpoint that makes it.
    struct Fault: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let model: String
        /// What PAR-012 says of it.
        let title: String
        /// The field that PAR-002 names; nil where the config is the same.
        var field: String?
        /// What PAR-013 says of it; nil where the frequencies are the same.
        var frequencies: String?
        let damage: @Sendable (inout CheckpointDamage) throws -> Void
    }

    static let faults = [
        Fault(
            testDescription: "rotary over all channels", model: "micro",
            title: "all channels of a head turn", field: "partial_rotary_factor",
            frequencies: "another number of channels"
        ) { $0.config["partial_rotary_factor"] = .real(1.0) },
        Fault(
            testDescription: "YaRN ignored", model: "micro-yarn", title: "YaRN is ignored",
            field: "rope_scaling", frequencies: "rotary frequencies differ"
        ) { $0.config["rope_scaling"] = .null },
        Fault(
            testDescription: "group limit off", model: "micro", title: "the group limit is off",
            field: "n_group"
        ) {
            $0.config["n_group"] = 1
            $0.config["topk_group"] = 1
        },
        Fault(
            testDescription: "scaling factor twice", model: "micro",
            title: "routed_scaling_factor is applied twice", field: "routed_scaling_factor"
        ) { $0.config["routed_scaling_factor"] = .real(6.25) },
        Fault(
            testDescription: "scaling factor left out", model: "micro",
            title: "routed_scaling_factor is not applied", field: "routed_scaling_factor"
        ) { $0.config["routed_scaling_factor"] = .real(1.0) },
        Fault(
            testDescription: "another base of the frequencies", model: "micro",
            title: "rope_theta is the default", field: "rope_theta", frequencies: "rotary frequencies differ"
        ) { $0.config["rope_theta"] = .real(10000.0) },
        Fault(
            testDescription: "bias dropped", model: "micro", title: "the router's selection bias is dropped"
        ) { try $0.edit(all: "expert_bias") { $0 = $0.map { _ in 0 } } },
        Fault(
            testDescription: "gate and up exchanged", model: "micro",
            title: "gate and up of the routed experts"
        ) { damage in
            for name in damage.file.tensors.keys where name.contains("experts.") && name.contains("gate_proj")
            {
                if name.contains("shared") { continue }
                try damage.exchange(name, name.replacing("gate_proj", with: "up_proj"))
            }
        },
        Fault(
            testDescription: "shared expert left out", model: "micro", title: "the shared expert is left out"
        ) { try $0.edit(all: "shared_experts.down_proj") { $0 = $0.map { _ in 0 } } },
    ]

    private func damaged(_ fault: Fault) throws -> String {
        var damage = try CheckpointDamage(Repository.checkpoint(fault.model))
        try fault.damage(&damage)
        return try damage.write(folder.path("bad"))
    }

    /// A recording of the golden texts by a checkpoint.
    private func recording(of model: ModelSide, _ name: String = "recording") throws -> ParitySide {
        let rows = try #require(try golden("micro").recording).rows
        _ = try RunRecorder(model: model, rows: rows).write(
            to: folder.path(name), progress: SilentProgress())
        return .recorded(try RecordedRun.open(folder.path(name)))
    }

    // MARK: Nothing wrong

    @Test(arguments: ["micro", "micro-yarn", "ling-tiny-icd"])
    func theFixturesAgreeWithTheirRecordings(_ name: String) throws {
        let good = ParitySide.model(try model(Repository.checkpoint(name)))
        for (left, right) in [(try golden(name), good), (good, try golden(name))] {
            let result = try compare(left, right, [.forward, .greedy])
            #expect(result.passed && result.findings.isEmpty, "\(result.told)")
            #expect(result.gates.count >= 5)
        }
    }

    @Test func aRecordingOfOnesOwnAgrees() throws {
        let good = try model(Repository.checkpoint("micro"))
        let recorded = try recording(of: good)
        let result = try compare(.model(good), recorded, [.forward], tolerance: "exact")
        #expect(result.passed && result.findings.isEmpty, "\(result.told)")
        let other = try compare(golden("micro"), recorded, [.forward])
        #expect(other.passed && other.differences?.tokens == 128, "\(other.told)")
    }

    // MARK: Three ways to see a fault

    @Test(arguments: faults.filter { $0.field != nil }) func betweenConfigs(_ fault: Fault) throws {
        let good = ParitySide.model(try model(Repository.checkpoint(fault.model)))
        let result = try compare(good, .model(try model(try damaged(fault))), [.weights])
        #expect(
            result.findings(.configsDiffer).contains { $0.subject("field") == fault.field }, "\(result.told)")
        #expect(!result.passed && result.findings(.weightsDiffer).isEmpty, "\(result.told)")
    }

    @Test(arguments: faults) func againstGoldenValues(_ fault: Fault) throws {
        let bad = ParitySide.model(try model(try damaged(fault)))
        let result = try compare(golden(fault.model), bad, [.forward])
        #expect(!result.passed)
        let found = result.findings(.frequenciesDiffer)
        #expect(found.isEmpty == (fault.frequencies == nil), "\(result.told)")
        if let words = fault.frequencies {
            #expect(found.contains { $0.what.contains(words) }, "\(result.told)")
        }
        #expect(!result.findings(.outputsDiffer).isEmpty && !result.findings(.layerLeavesBand).isEmpty)
    }

    @Test(arguments: faults) func inARecording(_ fault: Fault) throws {
        let good = ParitySide.model(try model(Repository.checkpoint(fault.model)))
        let recorded = try recording(of: try model(try damaged(fault)))
        for (left, right) in [(good, recorded), (recorded, good)] {
            let result = try compare(left, right, [.forward])
            let found = result.findings(.faultRecognised)
            #expect(found.count == 1 && found[0].what.contains(fault.title), "\(result.told)")
            #expect(result.findings(.frequenciesDiffer).isEmpty == (fault.frequencies == nil))
        }
    }

    /// Without logits the residual stream tells.
    @Test func inARecordingWithoutLogits() throws {
        let fault = Self.faults[3]
        let recorded = try recording(of: try model(try damaged(fault)))
        var file = try TensorFile(try #require(recorded.recording).path)
        for name in file.tensors.keys where name.hasSuffix(".logits") && !name.contains("router") {
            file[name] = nil
        }
        try file.write(folder.path("bare.safetensors"))
        let bare = ParitySide.recorded(try RecordedRun.open(folder.path("bare.safetensors")))
        let good = ParitySide.model(try model(Repository.checkpoint(fault.model)))
        let result = try compare(good, bare, [.forward])
        #expect(
            result.findings(.faultRecognised).first?.what.contains(fault.title) ?? false, "\(result.told)")
    }

    /// YaRN's own factor, told from its lengths by old versions of transformers.
    @Test func theRatioOfLengths() throws {
        var damage = try CheckpointDamage(Repository.checkpoint("micro-yarn"))
        damage.config["max_position_embeddings"] = 1024
        let long = try damage.write(folder.path("long"))
        let side = try model(long)
        let pass = ForwardPass(
            side.configuration, weights: side.weights, backend: side.pass.backend, rope: .lengthRatio)
        let recorded = try recording(of: ModelSide(folder: long, weights: side.weights, pass: pass))
        let result = try compare(.model(side), recorded, [.forward])
        let found = result.findings(.faultRecognised)
        #expect(found.first?.what.contains("ratio of lengths") ?? false, "\(result.told)")
    }

    /// A difference that no fault explains gets no name.
    @Test func anythingElseHasNoName() throws {
        var damage = try CheckpointDamage(Repository.checkpoint("micro"))
        try damage.edit("model.norm.weight") { $0 = $0.reversed() }
        let recorded = try recording(of: try model(try damage.write(folder.path("bad"))))
        let result = try compare(.model(try model(Repository.checkpoint("micro"))), recorded, [.forward])
        #expect(!result.passed && result.findings(.faultRecognised).isEmpty, "\(result.told)")
    }

    // MARK: Where

    @Test(arguments: [(1, 3), (2, 0), (2, 6)]) func theExpertIsNamed(layer: Int, expert: Int) throws {
        var damage = try CheckpointDamage(Repository.checkpoint("micro"))
        let name = "model.layers.\(layer).mlp.experts.\(expert)."
        try damage.exchange(name + "gate_proj.weight", name + "up_proj.weight")
        let bad = ParitySide.model(try model(try damage.write(folder.path("bad"))))
        let result = try compare(golden("micro"), bad, [.forward])
        let found = try #require(result.findings(.layerLeavesBand).first, "\(result.told)")
        #expect(found.cause?.contains("output at layer \(layer),") ?? false, "\(found.told)")
        #expect(found.cause?.contains("tokens of expert \(expert) differ by") ?? false, "\(found.told)")
    }

    @Test func theFinalNormIsNamed() throws {
        var damage = try CheckpointDamage(Repository.checkpoint("micro"))
        try damage.edit("model.norm.weight") { $0[5] *= 1.5 }
        let bad = ParitySide.model(try model(try damage.write(folder.path("bad"))))
        let result = try compare(golden("micro"), bad, [.forward])
        let found = try #require(result.findings(.layerLeavesBand).first, "\(result.told)")
        #expect(found.cause?.contains("is hidden state after the final norm") ?? false, "\(found.told)")
    }

    @Test func theRouterIsNamed() throws {
        var damage = try CheckpointDamage(Repository.checkpoint("micro"))
        try damage.edit("model.layers.1.mlp.gate.expert_bias") { $0 = $0.map { _ in 0 } }
        let bad = ParitySide.model(try model(try damage.write(folder.path("bad"))))
        let result = try compare(golden("micro"), bad, [.forward])
        let found = result.findings(.routesDiffer)
        #expect(found.contains { $0.cause?.contains("the first layer is 1:") ?? false }, "\(result.told)")
    }

    @Test func numbersThatAreNone() throws {
        var damage = try CheckpointDamage(Repository.checkpoint("micro"))
        try damage.edit("model.layers.1.attention.dense.weight") { $0[0] = .nan }
        let bad = ParitySide.model(try model(try damage.write(folder.path("bad"))))
        for (left, right) in [(try golden("micro"), bad), (bad, try golden("micro"))] {
            let result = try compare(left, right, [.forward])
            let found = try #require(result.findings(.notFinite).first, "\(result.told)")
            #expect(found.subject("field")?.hasPrefix("layer 1, attention") ?? false, "\(found.told)")
            #expect(!result.passed)
        }
    }

    // MARK: Layers under another number

    /// The states that enter layers, or those after the next one, in place of those after each.
    @Test(arguments: [1, -1], [true, false]) func layersOffByOne(shift: Int, isLeft: Bool) throws {
        var file = try TensorFile(Repository.checkpoint("micro") + "/golden/float32.safetensors")
        let good = file
        for name in ["len1", "len7", "len120"] {
            for layer in 0..<3 {
                let from = layer - shift
                let source = from < 0 ? "embed" : "layer.\(from).out"
                file["\(name).layer.\(layer).out"] = good["\(name).\(source)"]
            }
        }
        try file.write(folder.path("shifted.safetensors"))
        let shifted = ParitySide.recorded(try RecordedRun.open(folder.path("shifted.safetensors")))
        let model = ParitySide.model(try model(Repository.checkpoint("micro")))
        let result = try isLeft ? compare(shifted, model, [.forward]) : compare(model, shifted, [.forward])
        let found = result.findings(.layersShifted)
        #expect(found.count == 1, "\(result.told)")
        let words = (shift > 0) != isLeft ? "after layer I - 1" : "after layer I + 1"
        #expect(found.first?.found?.contains(words) ?? false, "\(result.told)")
    }

    @Test func layersOfAnotherModelAreNotShifted() throws {
        var damage = try CheckpointDamage(Repository.checkpoint("micro"))
        try damage.edit("model.layers.0.attention.dense.weight") { $0 = $0.map { -$0 } }
        let bad = ParitySide.model(try model(try damage.write(folder.path("bad"))))
        #expect(try compare(golden("micro"), bad, [.forward]).findings(.layersShifted).isEmpty)
    }
}
