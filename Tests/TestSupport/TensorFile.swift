// A safetensors file in memory, for tests that write one of their own or change one.

import Checkpoints
import Foundation
import Tensors

/// Tensors by name, in the order of a file.
package struct TensorFile {
    /// One tensor with its bytes.
    package struct Tensor {
        package var dtype: DType
        package var shape: [Int]
        package var bytes: [UInt8]

        package init(_ dtype: DType, _ shape: [Int], _ bytes: [UInt8]) {
            self.dtype = dtype
            self.shape = shape
            self.bytes = bytes
        }

        /// Floats as F32.
        package init(_ values: [Float], _ shape: [Int]) {
            self.init(.f32, shape, values.flatMap { Self.bytes($0.bitPattern) })
        }

        /// Integers as I64.
        package init(_ values: [Int], _ shape: [Int]) {
            self.init(.i64, shape, values.flatMap { Self.bytes(Int64($0)) })
        }

        /// The values of a tensor of F32, BF16 or I64.
        package var floats: [Float] {
            get {
                switch dtype {
                case .f32: words(UInt32.self).map { Float(bitPattern: $0) }
                case .bf16: words(UInt16.self).map { Float(bitPattern: UInt32($0) << 16) }
                default: words(Int64.self).map { Float($0) }
                }
            }
            set {
                bytes = newValue.flatMap { value -> [UInt8] in
                    switch dtype {
                    case .f32: Self.bytes(value.bitPattern)
                    case .bf16: Self.bytes(BF16.encode(value))
                    default: Self.bytes(Int64(value))
                    }
                }
            }
        }

        private func words<Word: FixedWidthInteger>(_ type: Word.Type) -> [Word] {
            bytes.withUnsafeBytes { buffer in
                (0..<buffer.count / MemoryLayout<Word>.size).map {
                    Word(
                        littleEndian: buffer.loadUnaligned(
                            fromByteOffset: $0 * MemoryLayout<Word>.size, as: Word.self))
                }
            }
        }

        private static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
            withUnsafeBytes(of: value.littleEndian) { Array($0) }
        }
    }

    package var tensors: [String: Tensor] = [:]

    package init() {}

    /// Everything in a file.
    package init(_ path: String) throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        for record in try ShardHeader.read(path: path, mode: .reference).tensors {
            tensors[record.name] = Tensor(
                record.dtype, record.shape.dimensions, [UInt8](data[record.dataRange]))
        }
    }

    package subscript(name: String) -> Tensor? {
        get { tensors[name] }
        set { tensors[name] = newValue }
    }

    package func write(_ path: String) throws {
        let names = tensors.keys.sorted()
        let all = names.compactMap { name in tensors[name].map { (name, $0) } }
        let descriptions = all.map {
            TensorDescription(name: $0.0, dtype: $0.1.dtype, shape: Shape($0.1.shape))
        }
        let order = ShardHeader.fileOrder(descriptions)
        var bytes = try ShardHeader.written(order.map { descriptions[$0] }).bytes
        for index in order { bytes += all[index].1.bytes }
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }
}
