// Damage to a checkpoint's tensors is found and named: each fault of a converter, made by hand.

import Architectures
import Diagnostics
import Documents
import Parity
import Tensors
import TestSupport
import Testing

struct WeightDamageTests {
    private let folder: TemporaryFolder
    private static let micro = Repository.checkpoint("micro")

    init() throws { folder = try TemporaryFolder() }

    /// One fault: what it does, the tensor that is named, and words of the cause.
    struct Fault: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let tensor: String
        let cause: String
        let damage: @Sendable (inout CheckpointDamage) throws -> Void

        init(
            _ title: String, _ tensor: String, _ cause: String,
            _ damage: @escaping @Sendable (inout CheckpointDamage) throws -> Void
        ) {
            testDescription = title
            self.tensor = tensor
            self.cause = cause
            self.damage = damage
        }
    }

    private static func expert(_ expert: Int, _ part: String, layer: Int = 1) -> String {
        "model.layers.\(layer).mlp.experts.\(expert).\(part)_proj.weight"
    }

    private static let router = "model.layers.1.mlp.gate.weight"
    private static let bias = "model.layers.1.mlp.gate.expert_bias"
    private static let norm = "model.layers.1.attention.query_layernorm.weight"

    static let faults = [
        Fault("gate and up exchanged", expert(3, "gate"), "the two are exchanged") {
            try $0.exchange(expert(3, "gate"), expert(3, "up"))
        },
        Fault("gate and up of the shared expert", "mlp.shared_experts.up_proj", "the two are exchanged") {
            let name = "model.layers.2.mlp.shared_experts."
            try $0.exchange(name + "gate_proj.weight", name + "up_proj.weight")
        },
        Fault("bias dropped", bias, "nothing but zeros") {
            try $0.edit(bias) { $0 = $0.map { _ in 0 } }
        },
        Fault("a factor of four", expert(6, "down", layer: 2), "4 times what it should be") {
            try $0.edit(expert(6, "down", layer: 2)) { $0 = $0.map { 4 * $0 } }
        },
        Fault("a half", expert(6, "up", layer: 2), "1/2 times what it should be") {
            try $0.edit(expert(6, "up", layer: 2)) { $0 = $0.map { $0 / 2 } }
        },
        Fault("router rounded to FP8", router, "rounded to FP8 and back; no scheme quantises this: router") {
            try $0.edit(router) { values in
                let scale = values.reduce(0) { max($0, abs($1)) } / 448
                values = values.map { E4M3.decode(E4M3.encode($0 / scale)) * scale }
            }
        },
        Fault("two rows of the output head exchanged", "lm_head.weight", "in rows 384 to 511: rows exchanged")
        {
            try $0.edit("lm_head.weight") { values in
                let width = values.count / 512
                for column in 0..<width { values.swapAt(500 * width + column, 400 * width + column) }
            }
        },
        Fault("router's codes as values", router, "codes read without their scales") {
            try $0.edit(router) { values in
                let scale = values.reduce(0) { max($0, abs($1)) } / 300
                values = values.map { E4M3.decode(E4M3.encode($0 / scale)) }
            }
        },
        Fault("layer ids off by one", "model.layers.2.mlp.experts.", "layer ids are off by one") { damage in
            for name in damage.file.tensors.keys where name.contains("layers.1.") {
                try damage.copy(name, to: name.replacing("layers.1.", with: "layers.2."))
            }
        },
        Fault(
            "an expert twice", expert(5, "gate"), "experts.4.gate_proj.weight: experts are in another order"
        ) {
            for part in ["gate", "up", "down"] { try $0.copy(expert(4, part), to: expert(5, part)) }
        },
        Fault("experts exchanged", expert(7, "down"), "experts.2.down_proj.weight: experts are in another") {
            for part in ["gate", "up", "down"] { try $0.exchange(expert(2, part), expert(7, part)) }
        },
        Fault("an expert of zeros", expert(7, "down"), "nothing but zeros") {
            for part in ["gate", "up", "down"] { try $0.edit(expert(7, part)) { $0 = $0.map { _ in 0 } } }
        },
        Fault(
            "shared expert dropped", "model.layers.1.mlp.shared_experts.down_proj.weight", "nothing but zeros"
        ) {
            try $0.edit(all: "layers.1.mlp.shared_experts.down") { $0 = $0.map { _ in 0 } }
        },
        Fault("final norm of ones", "model.norm.weight", "") {
            try $0.edit("model.norm.weight") { $0 = $0.map { _ in 1 } }
        },
        Fault("one NaN", expert(1, "up"), "1 numbers are infinite or none") {
            try $0.edit(expert(1, "up")) { $0[77] = .nan }
        },
        Fault("one infinity", "lm_head.weight", "1 numbers are infinite or none") {
            try $0.edit("lm_head.weight") { $0[1000] = -.infinity }
        },
        Fault("a row of the embedding", "model.word_embeddings.weight", "") {
            try $0.edit("model.word_embeddings.weight") { values in
                for index in 300 * 128..<301 * 128 { values[index] = 0 }
            }
        },
        Fault("query and key norms", norm, "key_layernorm.weight: the two are exchanged") {
            try $0.exchange(norm, norm.replacing("query_layer", with: "key_layer"))
        },
        Fault(
            "norms of a layer", "model.layers.2.input_layernorm.weight",
            "post_attention_layernorm.weight: the two"
        ) {
            let name = "model.layers.2."
            try $0.exchange(name + "input_layernorm.weight", name + "post_attention_layernorm.weight")
        },
        Fault("embedding and head", "lm_head.weight", "word_embeddings.weight: the two are exchanged") {
            try $0.exchange("model.word_embeddings.weight", "lm_head.weight")
        },
        Fault(
            "rows in another order", "model.layers.0.attention.query_key_value.weight",
            "another order of rows"
        ) {
            try $0.edit("model.layers.0.attention.query_key_value.weight") { values in
                values = stride(from: 0, to: values.count, by: 128).reversed().flatMap {
                    Array(values[$0..<$0 + 128])
                }
            }
        },
    ]

    @Test(arguments: faults) func isNamed(_ fault: Fault) throws {
        var damage = try CheckpointDamage(Self.micro)
        let good = try damage.write(folder.path("good"))
        try fault.damage(&damage)
        let bad = try damage.write(folder.path("bad"))
        #expect(try compareWeights(Self.micro, good, tolerance: "exact").passed)
        let result = try compareWeights(Self.micro, bad)
        let found = result.findings(.weightsDiffer)
        let named = try #require(
            found.first { $0.subject("tensor")?.contains(fault.tensor) ?? false }, "\(result.told)")
        #expect(fault.cause.isEmpty || (named.cause ?? "").contains(fault.cause), "\(named.told)")
        #expect(!result.passed && result.gates.contains { !$0.passed }, "\(result.gates)")
    }

    /// Differences whose squares F32 cannot hold are differences.
    @Test func numbersTooSmallForSquares() throws {
        var damage = try CheckpointDamage(Self.micro)
        try damage.edit("model.norm.weight") { $0[2] = 1e-30 }
        let good = try damage.write(folder.path("good"))
        try damage.edit("model.norm.weight") { $0[2] = 2e-30 }
        let result = try compareWeights(good, try damage.write(folder.path("bad")))
        #expect(
            result.findings(.weightsDiffer).map { $0.subject("tensor") } == ["model.norm.weight"],
            "\(result.told)")
    }

    /// What cannot be opened is told then.
    @Test func aLostExpert() throws {
        var damage = try CheckpointDamage(Self.micro)
        damage.file[Self.expert(3, "up")] = nil
        let bad = try damage.write(folder.path("bad"))
        let error = try #require(failure { try model(bad) })
        #expect(
            error.findings.contains { $0.told.contains("experts.3.up_proj") }, "\(error.findings.map(\.told))"
        )
    }

    @Test func aRouterOfCodes() throws {
        var damage = try CheckpointDamage(quantised(Self.micro, "fp8-block", folder.path("fp8")))
        var router = try #require(damage.file[Self.router])
        router = .init(.e4m3, router.shape, router.floats.map { E4M3.encode($0 * 100) })
        damage.file[Self.router] = router
        let bad = try damage.write(folder.path("bad"))
        let error = try #require(failure { try model(bad) })
        #expect(error.findings.contains { $0.told.contains(Self.router) }, "\(error.findings.map(\.told))")
    }

    // MARK: Scales

    static let scaled = "model.layers.2.attention.query_key_value.weight"

    /// All scales of a tensor, or one of eight, times a power of two.
    @Test(arguments: [(nil, 2), (nil, 0.25), (5, 2), (2, 0.5), (7, 16), (0, 1 / 1024)] as [(Int?, Float)])
    func scales(place: Int?, factor: Float) throws {
        let source = Repository.checkpoint("ling-tiny-icd")
        let good = try quantised(source, "fp8-block", folder.path("good"))
        #expect(try compareWeights(source, good).passed)
        var damage = try CheckpointDamage(good)
        try damage.edit(Self.scaled + "_scale_inv") { values in
            #expect(values.count == 8)
            for index in values.indices where index == place ?? index { values[index] *= factor }
        }
        let result = try compareWeights(source, try damage.write(folder.path("bad")))
        let found = result.findings(.weightsDiffer)
        #expect(found.count == 1 && found[0].subject("tensor") == Self.scaled, "\(result.told)")
        let text = factor < 1 ? "1/\(grouped(Int(1 / factor)))" : "\(Int(factor))"
        let words =
            place.map { "the scale [\($0 / 2), \($0 % 2)] is \(text) times" }
            ?? "every number is \(text) times"
        #expect(found[0].cause?.contains(words) ?? false, "\(result.told)")
    }

    @Test func channelScales() throws {
        let source = Repository.checkpoint("ling-tiny-icd")
        var damage = try CheckpointDamage(quantised(source, "fp8-channel", folder.path("good")))
        try damage.edit(Self.scaled + "_scale") { $0[300] *= 4 }
        let result = try compareWeights(source, try damage.write(folder.path("bad")))
        #expect(result.told.contains("the scale [300, 0] is 4 times what it should be"), "\(result.told)")
    }

    @Test func scalesExchanged() throws {
        let source = Repository.checkpoint("ling-tiny-icd")
        var damage = try CheckpointDamage(quantised(source, "fp8-block-ue8m0", folder.path("good")))
        try damage.edit(Self.scaled + "_scale_inv") { $0[1] *= 8 }
        let result = try compareWeights(source, try damage.write(folder.path("bad")))
        #expect(result.told.contains("the scale [0, 1] is 8 times what it should be"), "\(result.told)")
    }
}
