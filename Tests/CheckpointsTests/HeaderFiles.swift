// Small files for header tests: text and data put together, read in a given mode.

import Checkpoints
import Documents

/// A file of a header text and a number of data bytes.
func shardFile(_ text: [UInt8], data: Int = 0, declared: UInt64? = nil) -> [UInt8] {
    let length = declared ?? UInt64(text.count)
    let prefix = stride(from: 0, to: 64, by: 8).map { UInt8(truncatingIfNeeded: length >> $0) }
    return prefix + text + (0..<data).map { UInt8(truncatingIfNeeded: $0 * 7 + 1) }
}

func shardFile(_ text: String, data: Int = 0, declared: UInt64? = nil) -> [UInt8] {
    shardFile(Array(text.utf8), data: data, declared: declared)
}

/// Spaces after a header so that its data start at a multiple of 8.
func padded(_ text: String) -> String {
    text + String(repeating: " ", count: (8 - text.utf8.count % 8) % 8)
}

func readHeader(_ file: [UInt8], _ mode: HeaderMode) -> Result<ShardHeader, HeaderError> {
    file.withUnsafeBytes { bytes in
        do throws(HeaderError) { return .success(try ShardHeader(file: bytes, mode: mode)) } catch {
            return .failure(error)
        }
    }
}

/// SplitMix64: small, and the same everywhere.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// What every accepted header promises; nil when it keeps it.
func brokenPromise(_ header: ShardHeader) -> String? {
    var end = header.headerBytes
    for tensor in header.tensors {
        if tensor.dataRange.lowerBound != end { return "\(tensor.name) starts at \(tensor.dataRange)" }
        end = tensor.dataRange.upperBound
        if tensor.dataRange.count != tensor.shape.byteCount(tensor.dtype) ?? 0 {
            return "\(tensor.name) has \(tensor.dataRange.count) bytes"
        }
    }
    return end == header.fileSize ? nil : "data end at \(end) of \(header.fileSize)"
}
