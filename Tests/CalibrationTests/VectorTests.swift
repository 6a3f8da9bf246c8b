// Statistics against those of an independent computation: torch and numpy over activations of our modelling code.

import Architectures
import Backends
import Calibration
import Foundation
import ReferenceModel
import Tensors
import TestSupport
import Testing

struct VectorTests {
    /// Relative error of a maximum or a sum: the activations are of two programs in F32, not the same bits.
    private static let tolerance = 1e-4
    /// Values that may lie in another bin, of a thousand: near an edge, or so small that rounding is all of them.
    private static let strayed = 3.0

    private let vectors: GoldenValues
    private let texts: [[Int]]

    init() throws {
        vectors = try GoldenValues(Repository.path("Fixtures/vectors/calibration/statistics.safetensors"))
        let vectors = vectors
        texts = try (0..<4).map { try vectors.integers("text.\($0)") }
    }

    private func doubles(_ name: String) throws -> [Double] {
        try vectors.bytes(name).withUnsafeBytes { buffer in
            (0..<buffer.count / 8).map { buffer.loadUnaligned(fromByteOffset: $0 * 8, as: Double.self) }
        }
    }

    private func counts(_ name: String) throws -> [Int] {
        try vectors.bytes(name).withUnsafeBytes { buffer in
            (0..<buffer.count / 4).map { Int(buffer.loadUnaligned(fromByteOffset: $0 * 4, as: Int32.self)) }
        }
    }

    private func expectNear(_ found: [Double], _ expected: [Double], _ name: String) {
        #expect(found.count == expected.count, "\(name)")
        let top = expected.max() ?? 0
        for (index, pair) in zip(found, expected).enumerated() {
            let limit = Self.tolerance * max(pair.1, 1e-3 * top)
            #expect(abs(pair.0 - pair.1) <= limit, "\(name)[\(index)]: \(pair.0), torch \(pair.1)")
        }
    }

    private func expectBins(_ found: [Int], _ expected: [Int], _ name: String) {
        #expect(found.reduce(0, +) == expected.reduce(0, +), "\(name)")
        let moved = zip(found, expected).reduce(0) { $0 + abs($1.0 - $1.1) } / 2
        let limit = Double(expected.reduce(0, +)) * Self.strayed / 1000 + 1
        #expect(Double(moved) <= limit, "\(name): \(moved) values in other bins, of \(expected.reduce(0, +))")
    }

    private var backends: [any Backend] {
        [ReferenceBackend(numerics: .f32), OpenBLASBackend(numerics: .f32, threads: 2)]
    }

    @Test(arguments: [0, 1]) func equalTorch(_ backend: Int) throws {
        let bench = try Calibrating()
        _ = try bench.state(texts, to: "out", backend: backends[backend])
        let record = try CalibrationRecord.read(bench.folder.path("out"))
        let inventory = TensorInventory(try fixtureConfiguration("micro"))
        var seen = 0
        for entry in inventory.entries where entry.role.isQuantisable {
            let key = WeightKey(entry.role, layer: entry.layer, expert: entry.expert)
            let inputs = try #require(try record.inputs(of: key))
            let isUp = entry.module.hasSuffix("up_proj")
            let module =
                isUp ? String(entry.module.dropLast("up_proj".count)) + "gate_proj" : entry.module
            guard vectors.has(module + ".tokens") else {
                #expect(inputs.tokens == 0, "\(module)")
                continue
            }
            #expect([inputs.tokens] == (try vectors.integers(module + ".tokens")), "\(module)")
            expectNear(
                inputs.channelAbsmax.map(Double.init),
                try vectors.matrix(module + ".absmax").values.map(Double.init), module + ".absmax")
            expectNear(inputs.squares, try doubles(module + ".squares"), module + ".squares")
            let groups = try doubles(module + ".group")
            expectNear(
                inputs.groups.map { Double($0.largest) } + inputs.groups.map { Double($0.smallest) }
                    + inputs.groups.map(\.mean), groups, module + ".group")
            expectBins(inputs.histogram, try counts(module + ".bins"), module + ".bins")
            #expect(inputs.halfOverflows == 0 && inputs.notFinite == 0)
            seen += 1
        }
        #expect(seen > 30)
    }

    @Test func cachesAndRoutesEqualTorch() throws {
        let bench = try Calibrating()
        _ = try bench.state(texts, to: "out")
        let record = try CalibrationRecord.read(bench.folder.path("out"))
        for layer in 0..<3 {
            let cache = try #require(try record.cache(layer: layer))
            expectNear(
                cache.keys.map(Double.init), try vectors.matrix("\(layer).keys").values.map(Double.init),
                "keys")
            expectNear(
                cache.values.map(Double.init),
                try vectors.matrix("\(layer).values").values.map(Double.init), "values")
            guard let routes = try record.routes(layer: layer) else {
                #expect(layer == 0)
                continue
            }
            #expect(routes.tokens == (try vectors.integers("\(layer).load")))
            expectNear(
                routes.weights.map(ExactSum.value), try doubles("\(layer).weights"), "weights of routes")
            expectBins(routes.margins, try counts("\(layer).margins"), "margins")
        }
    }

    @Test func allExpertsEqualTorch() throws {
        var bench = try Calibrating()
        let routed = try bench.state(texts, to: "routed")
        bench.allExperts = true
        let all = try bench.state(texts, to: "all")
        #expect(all.routes == routed.routes, "what the router does stays the same")
        #expect(all.caches == routed.caches && all.stream == routed.stream, "the model's numbers do too")
        let tokens = texts.reduce(0) { $0 + $1.count }
        let record = try CalibrationRecord.read(bench.folder.path("all"))
        #expect(record.head.allExperts)
        for layer in 1..<3 {
            let shared = try #require(
                try record.inputs(of: WeightKey(.sharedExpert(.gate), layer: layer)))
            for expert in 0..<8 {
                let down = try #require(
                    try record.inputs(of: WeightKey(.expert(.down), layer: layer, expert: expert)))
                let name = "model.layers.\(layer).mlp.experts.\(expert).down_proj.all"
                #expect(down.tokens == tokens)
                expectNear(
                    down.channelAbsmax.map(Double.init),
                    try vectors.matrix(name + ".absmax").values.map(Double.init), name)
                expectNear(down.squares, try doubles(name + ".squares"), name)
                let gate = try #require(
                    try record.inputs(of: WeightKey(.expert(.gate), layer: layer, expert: expert)))
                #expect(gate == shared, "every expert meets what the shared one meets")
            }
        }
    }
}
