// checkpoint.header: reading and checking a header of 25,000 tensors, against reading the same bytes only.

import Checkpoints
import Diagnostics
import Documents
import Tensors

enum HeaderMeasurement {
    static func run(turns: Int) throws -> [Measurement] {
        let tensors = (0..<25_000).map { index in
            TensorDescription(
                name:
                    "model.layers.\(index / 780).mlp.experts.\(index % 780 / 3).\(["gate", "up", "down"][index % 3])"
                    + "_proj.weight",
                dtype: .bf16, shape: [1024, 4096])
        }
        let written = try ShardHeader.written(tensors)
        let bytes = written.bytes
        let times = try bytes.withUnsafeBytes { buffer in
            let text = UnsafeRawBufferPointer(rebasing: buffer[8...])
            return try inTurn(turns) {
                let header = try ShardHeader(parsing: text, fileSize: written.header.fileSize, mode: .strict)
                precondition(header.tensors.count == tensors.count)
            } _: {
                precondition(isUTF8(text))
            }
        }
        return [
            Measurement(
                name: "checkpoint.header.25k-tensors", bytes: bytes.count, subject: times.subject,
                baseline: times.baseline, baselineName: "UTF-8 check")
        ]
    }
}
