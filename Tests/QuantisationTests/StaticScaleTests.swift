// fp8-tensor-static and scales of the cache: the numbers, the names, what a calibration must have seen, and what readers
// say of artefacts whose stored scales are missing, stray or impossible.

import Architectures
import Backends
import Calibration
import Checkpoints
import Diagnostics
import Documents
import Foundation
import Quantisation
import ReferenceModel
import Tensors
import TestSupport
import Testing

struct StaticScaleTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func calibrate(
        _ source: String, tokens: [Int] = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9], _ more: String...
    )
        throws -> String
    {
        let data = folder.path("data.jsonl")
        try "{\"tokens\": \(tokens)}\n".write(toFile: data, atomically: false, encoding: .utf8)
        let output = folder.path("cal")
        let run = try ProgramRun(
            Repository.program("ingot"),
            ["calibrate", source, "--data", data, "--output", output, "--replace"] + more)
        #expect(run.exit == 0, "\(run.errors)")
        return output
    }

    private func quantise(_ source: String, _ output: String, _ more: String...) throws -> ProgramRun {
        try ProgramRun(
            Repository.program("ingot"),
            ["quantise", source, "--output", folder.path(output), "--calibration", folder.path("cal")] + more)
    }

    private func validated(_ name: String) throws -> ProgramRun {
        try ProgramRun.ingot("validate", folder.path(name), "--deep", "--json")
    }

    private func odd() throws -> String {
        try CheckpointMaker.micro(oddChanges).write(folder.path("source"), shards: 2)
    }

    // MARK: What is written

    @Test func numbersAndNames() throws {
        let source = try odd()
        let record = try CalibrationRecord.read(try calibrate(source))
        let run = try quantise(source, "out", "--scheme", "fp8-tensor-static", "--kv-scales")
        #expect(run.exit == 0, "\(run.errors)")
        let check = try validated("out")
        #expect(check.exit == 0, "\(check.output)")
        let (plain, inventory) = try open(source)
        let (made, _) = try open(folder.path("out"))
        func numbers(_ checkpoint: Checkpoint, _ name: String) throws -> [Float] {
            let (shard, record) = try #require(checkpoint.tensor(named: name), "\(name)")
            let bytes = try FileAccess.read(checkpoint.path(ofShard: shard), range: record.dataRange)
            return record.dtype == .e4m3 ? bytes.map(E4M3.decode) : floats(bytes, record.dtype)
        }
        for entry in inventory.entries where entry.role.isQuantisable {
            let values = try numbers(plain, entry.name)
            let scales = try numbers(made, entry.name + "_scale")
            // compressed-tensors on a CPU: amax, scale and quotient in BF16.
            let scale = BF16.decode(BF16.encode((values.map(abs).max() ?? 0) / 448))
            #expect(scales == [scale], "\(entry.name)")
            let codes = values.map { value in
                E4M3.decode(E4M3.encode(max(-448, min(448, BF16.decode(BF16.encode(value / scale))))))
            }
            #expect(try numbers(made, entry.name) == codes, "\(entry.name)")
            let key = WeightKey(entry.role, layer: entry.layer, expert: entry.expert)
            let seen = try #require(try record.inputs(of: key))
            let input = try numbers(made, entry.inputScaleName)
            #expect(made.tensor(named: entry.inputScaleName)?.record.dtype == .f32)
            if seen.tokens > 0 {
                #expect(input == [seen.absmax / 448], "\(entry.name)")
            } else {
                // An expert without tokens: the largest scale of those of its layer.
                let others = try (0..<inventory.configuration.expertCount).compactMap { expert in
                    try record.inputs(of: WeightKey(entry.role, layer: entry.layer, expert: expert))
                }
                #expect(input == [(others.map(\.absmax).max() ?? 0) / 448], "\(entry.name)")
            }
        }
        for layer in 0..<inventory.configuration.layerCount {
            let cache = try #require(try record.cache(layer: layer))
            let prefix = "model.layers.\(layer).attention.attn."
            #expect(try numbers(made, prefix + "k_scale") == [(cache.keys.max() ?? 0) / 448])
            #expect(try numbers(made, prefix + "v_scale") == [(cache.values.max() ?? 0) / 448])
        }
        for words in ["of inputs", "of keys and values", "no inputs seen: expert-gate of layer"] {
            #expect(run.output.contains(words), "\(words): \(run.output)")
        }
        let config = try String(contentsOfFile: folder.path("out/config.json"), encoding: .utf8)
        #expect(config.contains("\"strategy\": \"tensor\"") && config.contains("\"dynamic\": false"))
        #expect(!config.contains("\"kv_cache_scheme\": null"))
    }

    @Test func sameBytesWhateverTheJobsAndBackAgain() throws {
        let source = try odd()
        _ = try calibrate(source)
        for jobs in ["1", "3"] {
            let run = try quantise(source, jobs, "--scheme", "fp8-tensor-static", "--jobs", jobs)
            #expect(run.exit == 0, "\(run.errors)")
        }
        #expect(try folderDigest(folder.path("1")) == folderDigest(folder.path("3")))
        let back = try ProgramRun.ingot(
            "dequantise", folder.path("1"), "--dtype", "f32", "--output", folder.path("back"))
        #expect(back.exit == 0, "\(back.errors)")
        let stored = try CheckpointWeights.open(folder.path("1"), budget: 0)
        let plain = try CheckpointWeights.open(folder.path("back"), budget: 0)
        for key in stored.keys { #expect(try stored.weight(key).decoded == plain.weight(key).decoded) }
        let names = try Checkpoint.open(folder.path("back")).shards.flatMap { $0.header.tensors.map(\.name) }
        #expect(!names.contains { $0.hasSuffix("_scale") })
    }

    @Test func encodedInMemoryIsTheArtefact() throws {
        let source = Repository.checkpoint("micro")
        let record = try CalibrationRecord.read(try calibrate(source))
        #expect(try quantise(source, "out", "--scheme", "fp8-tensor-static").exit == 0)
        let (checkpoint, inventory) = try open(source)
        var request = QuantisationRequest(scheme: try SchemeLibrary.scheme("fp8-tensor-static"))
        request = request.calibrated(
            scales: try CalibratedScales(
                record, checkpoint, inventory, quantises: { request.quantises($0) }, cacheNames: nil,
                zeroScale: request.scheme.zeroScale))
        let encoded = EncodedWeights(try CheckpointWeights.open(source, budget: 0), request)
        let stored = try CheckpointWeights.open(folder.path("out"), budget: 1 << 30)
        for entry in inventory.entries where entry.role.isQuantisable {
            let key = WeightKey(entry.role, layer: entry.layer, expert: entry.expert)
            // The second time from memory.
            for _ in 0..<2 {
                let (a, b) = (try encoded.weight(key), try stored.weight(key))
                #expect(Array(a.bytes) == Array(b.bytes) && a.decoded == b.decoded, "\(entry.name)")
                #expect(a.inputScale != nil && a.inputScale == b.inputScale, "\(entry.name)")
            }
        }
    }

    @Test(arguments: ["fp8-block", "fp8-channel"]) func cacheScalesOfAnyScheme(_ scheme: String) throws {
        let source = Repository.checkpoint("micro")
        _ = try calibrate(source)
        let run = try quantise(source, "out", "--scheme", scheme, "--kv-scales")
        #expect(run.exit == 0, "\(run.errors)")
        #expect(try validated("out").exit == 0)
        let config = try String(contentsOfFile: folder.path("out/config.json"), encoding: .utf8)
        let key = scheme == "fp8-block" ? "kv_cache_quant_algo" : "kv_cache_scheme"
        #expect(config.contains(key))
        let target = try quantise(
            source, "adapted", "--scheme", "fp8-channel", "--kv-scales", "--target",
            "transformers-5.19/h20-96g")
        #expect(target.exit == 0 && target.errors.contains("TARGET-005"), "\(target.errors)")
        let made = try Checkpoint.open(folder.path("adapted"))
        #expect(made.tensor(named: "model.layers.0.attention.k_scale") != nil)
        let judged = try ProgramRun.ingot(
            "validate", folder.path("adapted"), "--target", "vllm-0.33.0/h20-96g")
        #expect(judged.errors.contains("does not read k_scale and v_scale"), "\(judged.errors)")
    }

    @Test func zerosAndWhatIsNotFinite() throws {
        var maker = try CheckpointMaker.micro()
        maker.fill = {
            $0.name.hasSuffix("mlp.up_proj.weight") ? [UInt8](repeating: 0, count: $0.byteCount) : nil
        }
        let source = try maker.write(folder.path("source"))
        _ = try calibrate(source)
        #expect(try quantise(source, "out", "--scheme", "fp8-tensor-static").exit == 0)
        let (made, _) = try open(folder.path("out"))
        let zero = try #require(made.tensor(named: "model.layers.0.mlp.up_proj.weight_scale"))
        #expect(try made.scales(zero.record, shard: zero.shard) == [0x1p-7])
        let record = try String(contentsOfFile: folder.path("out/quantisation.json"), encoding: .utf8)
        #expect(record.contains("\"zero_blocks\":1,") && !record.contains("\"zero_blocks\":2,"))

        // The headers stay the same, so the calibration still fits.
        let (plain, _) = try open(source)
        let dense = try #require(plain.tensor(named: "model.layers.1.attention.dense.weight"))
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: plain.path(ofShard: dense.shard)))
        try file.seek(toOffset: UInt64(dense.record.dataRange.lowerBound + 10))
        try file.write(contentsOf: [0x80, 0x7F])
        try file.close()
        let run = try quantise(source, "none", "--scheme", "fp8-tensor-static")
        #expect(run.exit != 0 && run.errors.contains("row 0, column 5"), "\(run.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.path("none")))
    }

    // MARK: What is refused

    @Test func calibrationsThatDoNotFit() throws {
        let source = Repository.checkpoint("micro")
        for options in [["--scheme", "fp8-tensor-static"], ["--kv-scales"]] {
            let run = try ProgramRun(
                Repository.program("ingot"), ["quantise", source, "--output", folder.path("no")] + options)
            #expect(run.exit == 64 && run.errors.contains("SCHEME-010"), "\(run.errors)")
        }
        _ = try calibrate(source, "--observe", "moments")
        for options in [["--scheme", "fp8-tensor-static"], ["--kv-scales"]] {
            let run = try ProgramRun(
                Repository.program("ingot"),
                ["quantise", source, "--output", folder.path("no"), "--calibration", folder.path("cal")]
                    + options)
            #expect(
                run.errors.contains("SCHEME-011") && run.errors.contains("did not look at"), "\(run.errors)")
        }
        _ = try calibrate(try odd())
        let other = try quantise(source, "no", "--scheme", "fp8-tensor-static")
        #expect(other.exit == 65 && other.errors.contains("of another checkpoint"), "\(other.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.path("no")))
    }

    // MARK: Damage

    struct Damage: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let code: String
        let passRefuses: Bool
        let change: @Sendable (inout CheckpointDamage) throws -> Void

        init(
            _ name: String, _ code: String, passRefuses: Bool = false,
            _ change: @escaping @Sendable (inout CheckpointDamage) throws -> Void
        ) {
            (testDescription, self.code, self.passRefuses, self.change) = (name, code, passRefuses, change)
        }
    }

    static let input = "model.layers.1.attention.dense.input_scale"
    static let keys = "model.layers.1.attention.attn.k_scale"
    static let damages = [
        Damage("a missing input scale", "QUANT-011", passRefuses: true) { $0.file.tensors[input] = nil },
        Damage("a missing key scale", "QUANT-011") { $0.file.tensors[keys] = nil },
        Damage("a NaN", "QUANT-008", passRefuses: true) { try $0.edit(input) { $0[0] = .nan } },
        Damage("zero", "QUANT-008", passRefuses: true) { try $0.edit(input) { $0[0] = 0 } },
        Damage("a negative value scale", "QUANT-008") {
            try $0.edit("model.layers.0.attention.attn.v_scale") { $0[0] = -1 }
        },
        Damage("two numbers", "QUANT-005", passRefuses: true) {
            try $0.copy("model.layers.0.attention.query_layernorm.weight", to: input)
        },
        Damage("dynamic activations", "QUANT-012") { damage in
            damage.config["quantization_config"] = try replaced(
                damage.config, "config_groups", "\"dynamic\":false", "\"dynamic\":true")
        },
        Damage("no cache in the config", "QUANT-012") { damage in
            guard case .object(var layout)? = damage.config["quantization_config"] else { return }
            layout["kv_cache_scheme"] = .null
            damage.config["quantization_config"] = .object(layout)
        },
        Damage("a cache of four bits", "QUANT-001") { damage in
            damage.config["quantization_config"] = try replaced(
                damage.config, "kv_cache_scheme", "\"num_bits\":8", "\"num_bits\":4")
        },
    ]

    private static func replaced(_ config: JSONObject, _ key: String, _ from: String, _ to: String) throws
        -> JSONValue
    {
        guard case .object(var layout)? = config["quantization_config"], let value = layout[key] else {
            return .null
        }
        layout[key] = try JSONValue(parsing: Array(value.text(.compact).replacing(from, with: to).utf8))
        return .object(layout)
    }

    @Test func damagesAreFound() throws {
        let source = Repository.checkpoint("micro")
        _ = try calibrate(source)
        #expect(try quantise(source, "whole", "--scheme", "fp8-tensor-static", "--kv-scales").exit == 0)
        for (index, item) in Self.damages.enumerated() {
            var damage = try CheckpointDamage(folder.path("whole"))
            try item.change(&damage)
            try damage.write(folder.path("\(index)"))
            let run = try validated("\(index)")
            #expect(run.output.contains(item.code), "\(item.testDescription): \(run.output.suffix(1500))")
            let isWarning = item.testDescription == "no cache in the config"
            #expect((run.exit == 0) == isWarning, "\(item.testDescription)")
            guard item.passRefuses else { continue }
            let pass = try ProgramRun.ingot(
                "verify", source, folder.path("\(index)"), "--checks", "forward", "--tokens", "8", "--json")
            #expect(
                pass.exit != 0 && pass.output.contains(item.code) || pass.errors.contains(item.code),
                "\(item.testDescription): \(pass.errors)")
        }
    }
}
