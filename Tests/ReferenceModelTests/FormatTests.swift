// Weights in every format the project writes: an artefact answers as its exact plain weights do.

import Architectures
import Backends
import Checkpoints
import Diagnostics
import Documents
import Quantisation
import ReferenceModel
import Tensors
import TestSupport
import Testing

struct FormatTests {
    static let schemes = SchemeLibrary.names
    /// Blocks end in the middle of everything; three shards; groups of four; no expert is shared by two.
    static let ragged: [String: JSONValue?] = [
        "hidden_size": 320, "intermediate_size": 416, "moe_intermediate_size": 96,
        "moe_shared_expert_intermediate_size": 96, "num_attention_heads": 5, "num_key_value_heads": 1,
        "num_experts": 12, "n_group": 3, "topk_group": 2, "num_experts_per_tok": 3, "vocab_size": 1000,
        "bos_token_id": 5, "eos_token_id": 6, "pad_token_id": 6,
    ]

    @Test(arguments: schemes, ["micro", "ragged"])
    func anArtefactIsItsExactWeights(scheme: String, model: String) throws {
        let folder = try TemporaryFolder()
        let source =
            model == "micro"
            ? Repository.checkpoint("micro")
            : try calm(Self.ragged).write(folder.path("source"), shards: 3)
        let artefact = try quantised(source, scheme, folder.path("fp8"))
        let plain = try dequantised(artefact, .f32, folder.path("plain"))
        for backend in backends() {
            let made = try logits(artefact, backend)
            let exact = try logits(plain, backend)
            let agreement = OutputAgreement(made: made, recorded: exact)
            #expect(agreement.worst <= 1e-5, "\(scheme), \(backend.name): \(agreement)")
            // Quantising did something: the comparison is not of a file with itself.
            #expect(OutputAgreement(made: made, recorded: try logits(source, backend)).worst > 1e-3)
        }
    }

    @Test(arguments: [DType.f16, .f32])
    func otherFloats(dtype: DType) throws {
        let folder = try TemporaryFolder()
        let maker = try calm(["torch_dtype": dtype == .f16 ? "float16" : "float32"], dtype: dtype)
        let path = try maker.write(folder.path("made"), shards: 2)
        let both = try backends().map { try logits(path, $0) }  // the reference first
        for other in both.dropFirst() {
            #expect(OutputAgreement(made: other, recorded: both[0]).worst < 5e-5)
        }
    }

    // MARK: Making

    /// A maker whose weights are small enough for activations to stay near one.
    private func calm(
        _ changes: [String: JSONValue?], dtype: DType? = nil
    ) throws -> CheckpointMaker {
        var maker = try CheckpointMaker.micro(changes)
        maker.dtype = dtype
        maker.fill = { entry in
            var generator = SeededGenerator(seed: entry.name.utf8.reduce(7) { $0 &* 33 &+ UInt64($1) })
            let columns = Float(entry.shape.dimensions.last ?? 1)
            let values = (0..<entry.parameterCount).map { _ -> Float in
                let value = generator.normal()
                switch entry.role {
                case .routerBias: return value * 0.1
                case .embedding: return value
                default: return entry.shape.rank == 1 ? 1 + 0.2 * value : value / columns.squareRoot()
                }
            }
            return Self.bytes(values, entry.role == .routerBias ? .f32 : dtype ?? entry.dtype)
        }
        return maker
    }

    private static func bytes(_ values: [Float], _ dtype: DType) -> [UInt8] {
        values.flatMap { value -> [UInt8] in
            switch dtype {
            case .f16: withUnsafeBytes(of: F16.encode(value).littleEndian) { Array($0) }
            case .bf16: withUnsafeBytes(of: BF16.encode(value).littleEndian) { Array($0) }
            default: withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
            }
        }
    }

    private func logits(_ folder: String, _ backend: any Backend) throws -> Matrix {
        let weights = try CheckpointWeights.open(folder, budget: 0)
        let pass = ForwardPass(weights.configuration, weights: weights, backend: backend)
        let collector = LogitCollector()
        try pass.run([TokenSequence(Array(7..<40)), TokenSequence([300, 2])], taps: [collector])
        return collector.logits
    }
}
