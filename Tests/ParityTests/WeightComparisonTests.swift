// Every number of two checkpoints: artefacts of every scheme, other types, other shards, ragged shapes, the
// prediction layer, and the memory it takes.

import Architectures
import Backends
import Diagnostics
import Documents
import Foundation
import Parity
import Quantisation
import ReferenceModel
import Tensors
import TestSupport
import Testing
import Tokenisation

struct WeightComparisonTests {
    private let folder: TemporaryFolder
    static let ling = Repository.checkpoint("ling-tiny-icd")

    init() throws { folder = try TemporaryFolder() }

    /// Blocks end in the middle of everything.
    static let ragged: [String: JSONValue?] = [
        "hidden_size": 320, "intermediate_size": 416, "moe_intermediate_size": 96,
        "moe_shared_expert_intermediate_size": 96, "num_attention_heads": 5, "num_key_value_heads": 1,
        "num_experts": 12, "n_group": 3, "topk_group": 2, "num_experts_per_tok": 3, "vocab_size": 1000,
        "bos_token_id": 5, "eos_token_id": 6, "pad_token_id": 6, "num_nextn_predict_layers": 1,
    ]

    @Test(arguments: SchemeLibrary.names) func artefactsAreWithinTheProfile(_ scheme: String) throws {
        let made = try quantised(Self.ling, scheme, folder.path("fp8"))
        let result = try compareWeights(Self.ling, made)
        #expect(result.tolerance.name == "fp8" && result.passed && result.findings.isEmpty, "\(result.told)")
        let coded = try #require(result.weights).filter(\.hasCodes)
        // Half a step of three bits of mantissa at most, and not nothing.
        #expect(coded.count > 100)
        #expect(
            coded.allSatisfy { $0.sums.relative > 0.015 && $0.sums.relative < 0.03 && $0.sums.cosine > 0.999 }
        )
        #expect(result.weights?.allSatisfy { $0.hasCodes || $0.isSameBytes } ?? false)
        // And nothing like a copy.
        #expect(try !compareWeights(Self.ling, made, tolerance: "exact").passed)
    }

    @Test(arguments: SchemeLibrary.names) func dequantisedIsTheSameNumbers(_ scheme: String) throws {
        let made = try quantised(Self.ling, scheme, folder.path("fp8"))
        let plain = try dequantised(made, .f32, folder.path("plain"))
        let result = try compareWeights(made, plain, tolerance: "f32")
        // BF16 to F32 changes no number either.
        #expect(result.passed, "\(result.told)")
        #expect(result.weights?.allSatisfy { $0.sums.relative == 0 } ?? false)
        let half = try dequantised(made, .bf16, folder.path("half"))
        let rounded = try compareWeights(made, half)
        #expect(rounded.passed, "\(rounded.told)")
        #expect(rounded.weights?.allSatisfy { $0.sums.relative <= 0x1p-8 } ?? false)
    }

    @Test func artefactsOfTwoSchemes() throws {
        let block = try quantised(Self.ling, "fp8-block", folder.path("block"))
        let channel = try quantised(Self.ling, "fp8-channel", folder.path("channel"))
        let result = try compareWeights(block, channel, tolerance: "bf16")
        #expect(!result.passed)
        // Two roundings, each of its own.
        let worst = try #require(result.weights?.map(\.sums.relative).max())
        #expect(worst > 0.02 && worst < 0.05, "\(worst)")
    }

    /// Sums are those of plain F64 arithmetic over the decoded numbers.
    @Test func sumsAreTrue() throws {
        let source = try CheckpointMaker.micro(Self.ragged).write(folder.path("source"))
        let made = try quantised(source, "fp8-block", folder.path("fp8"))
        let plain = try dequantised(made, .f32, folder.path("plain"))
        let (a, b) = (try CheckpointDamage(source), try CheckpointDamage(plain))
        let result = try compareWeights(source, made)
        #expect(result.passed, "\(result.told)")
        for weight in try #require(result.weights) {
            let x = try #require(a.file[weight.left.name]).floats.map(Double.init)
            let y = try #require(b.file[weight.left.name]).floats.map(Double.init)
            let difference = zip(x, y).reduce(0) { $0 + ($1.1 - $1.0) * ($1.1 - $1.0) }
            let left = x.reduce(0) { $0 + $1 * $1 }
            if weight.isSameBytes {
                #expect(difference == 0, "\(weight.left.name)")
            } else {
                #expect(abs(weight.sums.difference - difference) <= 1e-5 * difference, "\(weight.left.name)")
                #expect(abs(weight.sums.left - left) <= 1e-5 * left, "\(weight.left.name)")
            }
        }
    }

    // MARK: The same model in other files

    @Test func shardsMakeNoDifference() throws {
        let maker = try CheckpointMaker.micro(Self.ragged)
        let one = try maker.write(folder.path("one"))
        for shards in [2, 3, 7] {
            let more = try maker.write(folder.path("\(shards)"), shards: shards)
            let result = try compareWeights(one, more, tolerance: "exact")
            #expect(result.passed && result.unmatched.isEmpty, "\(result.told)")
            let weights = try #require(result.weights)
            #expect(weights.count == maker.inventory.entries.count && weights.allSatisfy(\.isSameBytes))
        }
    }

    @Test(arguments: [DType.f32, .f16]) func otherTypes(_ dtype: DType) throws {
        var maker = try CheckpointMaker.micro(["torch_dtype": dtype == .f32 ? "float32" : "float16"])
        maker.dtype = dtype
        let other = try maker.write(folder.path("other"))
        let plain = try CheckpointDamage(other)
        var half = plain
        half.config["torch_dtype"] = "bfloat16"
        for (name, tensor) in plain.file.tensors where !name.contains("expert_bias") {
            var rounded = TensorFile.Tensor(.bf16, tensor.shape, [])
            rounded.floats =
                dtype == .f32
                ? tensor.floats
                : tensor.bytes.withUnsafeBytes { bytes in
                    (0..<bytes.count / 2).map {
                        F16.decode(bytes.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self))
                    }
                }
            half.file[name] = rounded
        }
        let result = try compareWeights(other, try half.write(folder.path("half")))
        #expect(result.tolerance.name == "bf16" && result.passed, "\(result.told)")
        let largest = try #require(result.weights?.map(\.sums.relative).max())
        #expect(largest > 1e-4 && largest < 0x1p-8)
    }

    @Test func thePredictionLayer() throws {
        let source = try CheckpointMaker.micro(["num_nextn_predict_layers": 1]).write(folder.path("source"))
        let made = try quantised(source, "fp8-block", folder.path("fp8"))
        #expect(try compareWeights(source, made).passed)
        for name in ["model.layers.3.eh_proj.weight", "model.layers.3.final_layernorm.weight"] {
            var damage = try CheckpointDamage(made)
            try damage.edit(name) { $0[0] += 1 }
            let bad = try damage.write(folder.path(String(name.dropFirst(15))))
            let result = try compareWeights(source, bad)
            #expect(result.findings(.weightsDiffer).map { $0.subject("tensor") } == [name], "\(result.told)")
        }
    }

    /// One side without what the other has.
    @Test func weightsOfOneSide() throws {
        let with = try CheckpointMaker.micro(["num_nextn_predict_layers": 1]).write(folder.path("with"))
        let without = try CheckpointMaker.micro().write(folder.path("without"))
        for (left, right) in [(with, without), (without, with)] {
            let result = try compareWeights(left, right)
            #expect(
                !result.passed && result.unmatched.allSatisfy { $0.contains("layers.3.") }, "\(result.told)")
            #expect(result.findings(.weightsDiffer).count == 1)
        }
    }

    @Test func anotherVocabulary() throws {
        let small = try CheckpointMaker.micro(["vocab_size": 510]).write(folder.path("small"))
        // Ids that only the left side has.
        let rows = [TokenRow(name: "text", tokens: [511, 3, 510, 9])]
        let all: Set<ParityCheck> = [.weights, .forward, .batch]
        let good = ParitySide.model(try model(Repository.checkpoint("micro")))
        let result = try compare(good, .model(try model(small)), all, rows: rows)
        #expect(
            result.findings(.configsDiffer).map { $0.subject("field") } == ["vocab_size"], "\(result.told)")
        #expect(result.unmatched.count == 2 && !result.passed)
    }

    // MARK: Memory

    /// One dense layer at the widths of Ling-flash-2.0, an embedding of 1.3 GB: holes.
    @Test func memoryIsBounded() throws {
        var maker = try CheckpointMaker(
            "Fixtures/configs/ling-flash-2.0.json", ["num_hidden_layers": 1, "num_nextn_predict_layers": 0])
        maker.isSparse = true
        let source = try maker.write(folder.path("wide"))
        let bytes = maker.inventory.entries.reduce(0) { $0 + $1.byteCount }
        #expect(bytes > 2_700_000_000)
        let run = try MeasuredRun(
            Repository.program("ingot"), ["verify", source, source, "--checks", "weights", "--json"])
        #expect(run.exit == 0, "\(run.output.prefix(2000))")
        #expect(run.peakBytes > 8 << 20 && run.peakBytes <= 128 << 20, "\(run.peakBytes >> 20) MiB")
        if ProcessInfo.processInfo.environment["INGOT_FIGURES"] != nil {
            print(
                "verify --checks weights, \(bytes) bytes a side: \(run.peakBytes >> 20) MiB, \(run.seconds) s"
            )
        }
    }
}
