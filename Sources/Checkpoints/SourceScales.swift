// Stored scales as F32, from whichever shard holds them.

import Diagnostics
import Tensors

extension Checkpoint {
    /// The values of a scale tensor: F32 as stored, BF16 and E8M0 widened exactly.
    package func scales(_ record: TensorRecord, shard: Int) throws(Failure) -> [Float] {
        let path = path(ofShard: shard)
        return floats(try FileAccess.read(path, range: record.dataRange), record.dtype)
    }
}

/// Stored numbers as F32.
package func floats(_ bytes: [UInt8], _ dtype: DType) -> [Float] {
    bytes.withUnsafeBytes { buffer in
        switch dtype {
        case .f32:
            (0..<buffer.count / 4).map {
                Float(bitPattern: buffer.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self))
            }
        case .bf16:
            (0..<buffer.count / 2).map {
                BF16.decode(buffer.loadUnaligned(fromByteOffset: $0 * 2, as: UInt16.self))
            }
        case .f16:
            (0..<buffer.count / 2).map {
                F16.decode(buffer.loadUnaligned(fromByteOffset: $0 * 2, as: UInt16.self))
            }
        case .e8m0: buffer.map(E8M0.decode)
        default: []
        }
    }
}
