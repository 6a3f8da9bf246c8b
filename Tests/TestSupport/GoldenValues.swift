// Recorded activations and logits: float32.safetensors of a golden folder.

import Architectures
import Backends
import Checkpoints
import Documents
import Foundation
import Tensors

/// The tensors of one golden file, by name.
///
/// - Source: the head of the script that made them: CASE.tokens, .logits, .embed, .layer.I.out, .layer.I.attn,
///   .layer.I.mlp, .final_norm, .router.I.idx, .weight, .logits, .margin, .prompt, .greedy.
package struct GoldenValues {
    private let data: Data
    private let records: [String: TensorRecord]

    /// - Parameter path: of a safetensors file.
    package init(_ path: String) throws {
        data = try Data(contentsOf: URL(fileURLWithPath: path))
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let name = URL(fileURLWithPath: path).lastPathComponent
        let file = open(folder + "/" + name, O_RDONLY)
        defer { close(file) }
        let header = try ShardHeader.read(
            descriptor: file, fileSize: data.count, path: path, mode: .reference)
        records = Dictionary(uniqueKeysWithValues: header.tensors.map { ($0.name, $0) })
    }

    /// The golden values beside a fixture checkpoint.
    package init(checkpoint: String) throws {
        try self.init(Repository.checkpoint(checkpoint) + "/golden/float32.safetensors")
    }

    /// The cases, sorted.
    package var cases: [String] {
        records.keys.filter { $0.hasSuffix(".tokens") }.map { String($0.dropLast(7)) }.sorted()
    }

    package func has(_ name: String) -> Bool { records[name] != nil }

    /// A tensor of F32 as a matrix; a vector is one row.
    package func matrix(_ name: String) throws -> Matrix {
        let record = try record(name)
        let dimensions = record.shape.dimensions
        let columns = dimensions.last ?? 1
        let values = [Float](unsafeUninitializedCapacity: record.dataRange.count / 4) { buffer, count in
            count = data.copyBytes(to: buffer, from: record.dataRange) / 4
        }
        return Matrix(rows: values.count / max(1, columns), columns: columns, values: values)
    }

    /// The bytes of a tensor of any type.
    package func bytes(_ name: String) throws -> [UInt8] { [UInt8](data[try record(name).dataRange]) }

    /// A tensor of I64.
    package func integers(_ name: String) throws -> [Int] {
        let record = try record(name)
        return [Int](unsafeUninitializedCapacity: record.dataRange.count / 8) { buffer, count in
            count = data.copyBytes(to: buffer, from: record.dataRange) / 8
        }
    }

    private func record(_ name: String) throws -> TensorRecord {
        guard let record = records[name] else { throw NoSuchTensor(name: name) }
        return record
    }

    struct NoSuchTensor: Error { let name: String }
}
