// Headers that the reference writer made, and one as large as a shard of a whole model can have.

import Checkpoints
import Tensors
import Testing

@Suite struct HeaderGoldenTests {
    @Test(arguments: ["micro", "micro-yarn", "ling-tiny-icd"]) func fixtures(_ name: String) throws {
        for file in ["model.safetensors", "golden/float32.safetensors"] {
            let path = "\(fixturesFolder)/checkpoints/\(name)/\(file)"
            let header = try ShardHeader.read(path: path)
            #expect(try ShardHeader.read(path: path, mode: .reference) == header)
            #expect(brokenPromise(header) == nil)
            #expect(header.tensors.count > 4)
        }
        let header = try ShardHeader.read(path: "\(fixturesFolder)/checkpoints/\(name)/model.safetensors")
        let embedding = try #require(header.tensors.first { $0.name == "model.word_embeddings.weight" })
        #expect(embedding.dtype == .bf16 && embedding.shape.rank == 2)
        #expect(header.metadata("format") == "pt")
    }

    /// A header of 25,000 tensors is read and checked.
    ///
    /// The bar is 10 ms on a machine of its own; the test allows for a busy one.
    @Test func largeHeader() throws {
        let tensors = (0..<25_000).map { number in
            let name =
                "model.layers.\(number / 800).mlp.experts.\(number % 256).part_\(number).gate_proj.weight"
            return TensorDescription(
                name: name, dtype: .bf16, shape: number % 3 == 0 ? [1024, 4096] : [4096, 1024])
        }
        let (bytes, written) = try ShardHeader.written(tensors)
        let header = try bytes.withUnsafeBytes { buffer in
            try ShardHeader(
                parsing: UnsafeRawBufferPointer(rebasing: buffer[8...]), fileSize: written.fileSize,
                mode: .strict)
        }
        #expect(header.tensors == written.tensors)
    }
}
