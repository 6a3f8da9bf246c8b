// How the states of a cache are stored: BF16, or E4M3 codes with a scale for each state of each token.

import Tensors

/// The type that cached states are stored in.
package enum FeatureCode: String, CaseIterable, Sendable {
    case bf16
    /// A row is its scale, F32, and its codes; a value is code × scale, the scale the row's largest magnitude
    /// / 448.
    case fp8

    /// Bytes of rows of some width.
    func bytes(rows: Int, width: Int) -> Int { rows * (self == .bf16 ? 2 * width : 4 + width) }

    /// Bytes of an element whose planes are split before packing.
    var planeWidth: Int { self == .bf16 ? 2 : 1 }

    /// Appends rows of F32.
    func encode(_ source: UnsafePointer<Float>, rows: Int, width: Int, into bytes: inout [UInt8]) {
        bytes.reserveCapacity(bytes.count + self.bytes(rows: rows, width: width))
        for row in 0..<rows {
            let line = source + row * width
            switch self {
            case .bf16:
                for column in 0..<width {
                    let code = BF16.encode(line[column])
                    bytes.append(UInt8(truncatingIfNeeded: code))
                    bytes.append(UInt8(truncatingIfNeeded: code >> 8))
                }
            case .fp8:
                var largest: Float = 0
                for column in 0..<width { largest = max(largest, abs(line[column])) }
                let scale = largest > 0 ? largest / 448 : 1
                withUnsafeBytes(of: scale.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
                for column in 0..<width { bytes.append(E4M3.encode(line[column] / scale)) }
            }
        }
    }

    /// Reads rows back.
    func decode(
        _ bytes: UnsafeRawBufferPointer, rows: Int, width: Int, into target: UnsafeMutablePointer<Float>
    ) {
        let stride = self.bytes(rows: 1, width: width)
        for row in 0..<rows {
            let line = target + row * width
            let start = row * stride
            switch self {
            case .bf16:
                for column in 0..<width {
                    let code = bytes.loadUnaligned(fromByteOffset: start + 2 * column, as: UInt16.self)
                    line[column] = BF16.decode(UInt16(littleEndian: code))
                }
            case .fp8:
                let bits = bytes.loadUnaligned(fromByteOffset: start, as: UInt32.self)
                let scale = Float(bitPattern: UInt32(littleEndian: bits))
                for column in 0..<width { line[column] = E4M3.decode(bytes[start + 4 + column]) * scale }
            }
        }
    }
}
