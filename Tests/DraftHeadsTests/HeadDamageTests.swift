// Heads with one thing wrong, each with its own error; and configs of the published kind.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import DraftHeads
import Foundation
import ReferenceModel
import Tensors
import TestSupport
import Testing

/// One way in which a head can be wrong.
struct HeadDamage: Sendable, CustomTestStringConvertible {
    let name: String
    let code: String
    var tensors: @Sendable (inout TensorFile) throws -> Void = { _ in }
    var config: @Sendable (inout JSONObject) -> Void = { _ in }

    var testDescription: String { name }

    static func config(
        _ code: String, _ name: String, _ change: @escaping @Sendable (inout JSONObject) -> Void
    ) -> HeadDamage { HeadDamage(name: name, code: code, config: change) }

    static func tensors(
        _ code: String, _ name: String, _ change: @escaping @Sendable (inout TensorFile) throws -> Void
    ) -> HeadDamage { HeadDamage(name: name, code: code, tensors: change) }
}

struct HeadDamageTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static func offsets(_ change: @escaping @Sendable (inout [Int]) -> Void)
        -> @Sendable (inout TensorFile) -> Void
    {
        { file in
            var values = file["d2t"]?.floats.map { Int($0) } ?? []
            change(&values)
            file["d2t"] = TensorFile.Tensor(values, [values.count])
        }
    }

    static let damages: [HeadDamage] = [
        .tensors("DRAFT-035", "a norm is missing") { $0["midlayer.hidden_norm.weight"] = nil },
        .tensors("DRAFT-035", "fc is missing") { $0["fc.weight"] = nil },
        .tensors("DRAFT-035", "d2t is missing") { $0["d2t"] = nil },
        .tensors("DRAFT-036", "an unknown tensor") {
            $0["midlayer.self_attn.q_norm.weight"] = .init([1], [1])
        },
        .tensors("DRAFT-036", "a bias") { $0["fc.bias"] = .init([Float](repeating: 0, count: 128), [128]) },
        .tensors("DRAFT-037", "a norm of another width") {
            $0["norm.weight"] = .init([Float](repeating: 1, count: 64), [64])
        },
        .tensors("DRAFT-037", "a transposed matrix") { $0["fc.weight"]?.shape.reverse() },
        .tensors("DRAFT-037", "a shorter map") {
            $0["t2d"] = .init(.bool, [511], [UInt8](repeating: 0, count: 511))
        },
        .tensors("DRAFT-038", "offsets as floats") {
            $0["d2t"] = .init([Float](repeating: 0, count: 96), [96])
        },
        .tensors("DRAFT-038", "a mask of integers") {
            $0["t2d"] = .init([Int](repeating: 0, count: 512), [512])
        },
        .tensors("DRAFT-039", "an offset beyond the vocabulary", offsets { $0[95] = 417 }),
        .tensors("DRAFT-039", "an offset beyond all numbers", offsets { $0[95] = .max - 2 }),
        .tensors("DRAFT-039", "a falling offset", offsets { $0[40] = $0[39] - 1 }),
        .tensors("DRAFT-039", "a negative offset", offsets { $0[0] = -1 }),
        .tensors(
            "DRAFT-039", "target ids for offsets",
            offsets { for index in $0.indices { $0[index] += index + 60 } }),
        .tensors("DRAFT-040", "a mask with one token more") { file in
            let wrong = file["t2d"]?.bytes.firstIndex(of: 0) ?? 0
            file["t2d"]?.bytes[wrong] = 1
        },
        .config("DRAFT-030", "a text for a size") { $0["hidden_size"] = "128" },
        .config("DRAFT-030", "a negative size") { $0["intermediate_size"] = -192 },
        .config("DRAFT-030", "a size beyond all sizes") { $0["vocab_size"] = .integer(1 << 50) },
        .config("DRAFT-030", "no size") { $0["hidden_size"] = nil },
        .config("DRAFT-030", "a flag that is none") { $0["attention_bias"] = 0 },
        .config("DRAFT-030", "layer ids that are none") {
            $0["eagle_config"] = ["eagle_aux_hidden_state_layer_ids": [0, "1", 2]]
        },
        .config("DRAFT-031", "another architecture") { $0["architectures"] = ["LlamaForCausalLM"] },
        .config("DRAFT-031", "no architecture") { $0["architectures"] = nil },
        .config("DRAFT-032", "two layers") { $0["num_hidden_layers"] = 2 },
        .config("DRAFT-032", "a bias") { $0["attention_bias"] = true },
        .config("DRAFT-032", "another activation") { $0["hidden_act"] = "gelu" },
        .config("DRAFT-032", "scaled rotation") { $0["rope_scaling"] = ["rope_type": "llama3"] },
        .config("DRAFT-032", "no norm before the draft vocabulary") { $0["norm_output"] = false },
        .config("DRAFT-032", "more drafts than tokens") { $0["draft_vocab_size"] = 513 },
        .config("DRAFT-032", "heads that do not divide") { $0["num_key_value_heads"] = 3 },
        .config("DRAFT-034", "falling layer ids") {
            $0["eagle_config"] = ["eagle_aux_hidden_state_layer_ids": [2, 1, 0]]
        },
        .config("DRAFT-034", "a layer twice") {
            $0["eagle_config"] = ["eagle_aux_hidden_state_layer_ids": [1, 1, 2]]
        },
        .config("DRAFT-034", "a layer that the target does not have") {
            $0["eagle_config"] = ["eagle_aux_hidden_state_layer_ids": [0, 1, 3]]
        },
        .config("DRAFT-034", "a negative layer") {
            $0["eagle_config"] = ["eagle_aux_hidden_state_layer_ids": [-1, 1, 2]]
        },
        .config("DRAFT-034", "the least number as a layer") {
            $0["eagle_config"] = ["eagle_aux_hidden_state_layer_ids": [.integer(Int.min), 1, 2]]
        },
        .config("DRAFT-034", "two lists of layers") { $0["eagle_aux_hidden_state_layer_ids"] = [1, 2, 3] },
        .config("DRAFT-037", "four states for three") {
            $0["eagle_config"] = ["eagle_aux_hidden_state_layer_ids": [0, 1]]
        },
    ]

    @Test(arguments: damages) func isNamed(_ damage: HeadDamage) throws {
        let path = try Heads.write(in: folder)
        try Self.change(path, damage)
        let error = #expect(throws: Failure.self) { try HeadFile.open(path, layers: .after, layerCount: 3) }
        let findings = error?.findings ?? []
        #expect(findings.contains { $0.code.name == damage.code }, "\(findings.map(\.text))")
        let finding = findings.first { $0.code.name == damage.code }
        #expect(finding?.expected != nil && finding?.found != nil && finding?.remedy != nil)
        #expect(finding?.subjects.isEmpty == false)
    }

    @Test func weightsThatAreNoNumbers() throws {
        let path = try Heads.write(in: folder)
        let damage = HeadDamage(
            name: "NaN", code: "DRAFT-041",
            tensors: {
                $0["midlayer.mlp.up_proj.weight"]?.floats[77] = .nan
            })
        try Self.change(path, damage)
        let target = try CheckpointWeights.open(Repository.checkpoint("micro"), budget: 0)
        let audit = try HeadAudit(path, target: target.configuration, layers: .after, readsWeights: true)
        let finding = try #require(audit.findings.first { $0.code.name == "DRAFT-041" })
        #expect(finding.subjects.contains { $0.value == "midlayer.mlp.up_proj.weight" })
        #expect(audit.head == nil)
    }

    @Test func ambiguousLayersAreAskedFor() throws {
        let path = try Heads.write(in: folder)
        try Self.change(
            path,
            HeadDamage(
                name: "", code: "",
                config: {
                    $0["eagle_config"] = ["eagle_aux_hidden_state_layer_ids": [2, 4, 9]]
                }), metadata: false)
        let error = #expect(throws: Failure.self) { try HeadFile.open(path) }
        #expect(error?.findings.first?.code.name == "DRAFT-033")
        #expect(
            try HeadFile.open(path, layers: .entering).configuration.auxiliaryPoints.map(\.afterLayer) == [
                1, 3, 8,
            ])
        #expect(
            try HeadFile.open(path, layers: .after).configuration.auxiliaryPoints.map(\.afterLayer) == [
                2, 4, 9,
            ])
        // The usual layers of a target of 18: entering 2, 9, 15.
        try Self.change(
            path,
            HeadDamage(
                name: "", code: "",
                config: {
                    $0["eagle_config"] = ["eagle_aux_hidden_state_layer_ids": [2, 9, 15]]
                }), metadata: false)
        let usual = try HeadFile.open(path, layerCount: 18)
        #expect(usual.document.layerIds.reason == .standard)
        #expect(usual.configuration.auxiliaryPoints.map(\.afterLayer) == [1, 8, 14])
    }

    static func change(_ path: String, _ damage: HeadDamage, metadata: Bool = true) throws {
        let configPath = path + "/config.json"
        guard
            case .object(var object) = try JSONValue(
                parsing: [UInt8](Data(contentsOf: URL(fileURLWithPath: configPath))))
        else { return }
        damage.config(&object)
        try Data(JSONValue.object(object).text().utf8).write(to: URL(fileURLWithPath: configPath))
        let file = path + "/model.safetensors"
        var tensors = try TensorFile(file)
        let before = tensors.tensors.mapValues(\.bytes)
        try damage.tensors(&tensors)
        guard
            !metadata || tensors.tensors.mapValues(\.bytes) != before || tensors.tensors.count != before.count
                || damage.name == "a transposed matrix"
        else { return }
        try tensors.write(file)
    }
}
