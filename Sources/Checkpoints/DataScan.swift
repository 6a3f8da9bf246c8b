// Reads every byte of a checkpoint once and says what no header can: numbers that are not finite, tensors of
// nothing but zeros, the digest of each tensor.

import CKernels
import Diagnostics
import Tensors

/// What the data of one tensor shows.
package struct TensorScan: Sendable {
    package let shard: Int
    package let record: TensorRecord
    /// The first element that is NaN, infinite, or an FP8 NaN code; counted from 0 in row-major order.
    package let firstNonFinite: Int?
    package let isAllZero: Bool
    /// XXH3-128 of the bytes.
    package let digest: TensorDigest.Value

    /// Row and column of the first bad element, for messages.
    package var coordinate: String? {
        firstNonFinite.map { index in
            let columns = max(1, record.shape.dimensions.last ?? 1)
            return record.shape.rank < 2
                ? "element \(grouped(index))"
                : "row \(grouped(index / columns)), column \(grouped(index % columns))"
        }
    }
}

extension Checkpoint {
    /// Scans all tensors, shard by shard in file order, and hands over what each shows.
    ///
    /// - Parameters:
    ///   - files: called with the digest of each shard when it was read to its end.
    /// - Complexity: one pass over the data, about 24 MiB of memory.
    package func scan(
        progress: any ProgressSink, files: (Int, String) throws(Failure) -> Void,
        _ body: (TensorScan) throws(Failure) -> Void
    ) throws(Failure) {
        progress.begin(stage: "reading", totalBytes: dataBytes)
        defer { progress.end() }
        for shard in shards.indices {
            try scan(shard: shard, progress: progress, files: files, body)
        }
    }

    private func scan(
        shard index: Int, progress: any ProgressSink, files: (Int, String) throws(Failure) -> Void,
        _ body: (TensorScan) throws(Failure) -> Void
    ) throws(Failure) {
        let block = 4 << 20
        let header = shards[index].header
        let file = try BulkReader(path: path(ofShard: index))
        let ranges = [0..<header.headerBytes] + header.tensors.map(\.dataRange)
        let pieces = ranges.flatMap { range in
            stride(from: range.lowerBound, to: range.upperBound, by: block).map {
                $0..<min($0 + block, range.upperBound)
            }
        }
        let longest = pieces.map(\.count).max() ?? 0
        let reader = ReadAhead(
            longest: longest, depth: 4, requests: pieces.map { ReadAhead.Request(file: file, range: $0) })
        defer { reader.stop() }
        var fileDigest = FileDigest()
        var left = header.headerBytes
        while left > 0 {
            left -= try reader.next { bytes in
                fileDigest.update(bytes)
                return bytes.count
            }
        }
        var scanner = TensorScanner()
        for record in header.tensors {
            try StopFlag.check()
            var done = 0
            while done < record.dataRange.count {
                done += try reader.next { bytes in
                    fileDigest.update(bytes)
                    scanner.update(bytes, record)
                    return bytes.count
                }
            }
            progress.advance(bytes: record.dataRange.count)
            try body(scanner.finish(shard: index, record))
        }
        try file.checkUnchanged()
        try files(index, fileDigest.finish())
    }
}

/// Looks at the bytes of one tensor after the other, in pieces of whole elements.
package struct TensorScanner {
    private let digest = TensorDigest()
    private let level = ingot_simd_best()
    private var nonFinite: Int?
    private var isAllZero = true
    private var done = 0

    package init() {}

    /// Looks at the next bytes of a tensor.
    package mutating func update(_ bytes: UnsafeRawBufferPointer, _ record: TensorRecord) {
        digest.update(bytes)
        if isAllZero { isAllZero = ingot_all_zero(bytes.baseAddress, bytes.count, level) == 1 }
        if nonFinite == nil {
            nonFinite = firstNonFinite(bytes, record.dtype).map { $0 + done * 8 / record.dtype.bits }
        }
        done += bytes.count
    }

    /// What the tensor shows; the next bytes are of another one.
    package mutating func finish(shard: Int, _ record: TensorRecord) -> TensorScan {
        defer { (nonFinite, isAllZero, done) = (nil, true, 0) }
        return TensorScan(
            shard: shard, record: record, firstNonFinite: nonFinite, isAllZero: isAllZero,
            digest: digest.finish())
    }

    private func firstNonFinite(_ bytes: UnsafeRawBufferPointer, _ dtype: DType) -> Int? {
        let count = bytes.count * 8 / dtype.bits
        let index: Int
        switch dtype {
        case .bf16: index = ingot_first_non_finite(bytes.baseAddress, INGOT_SOURCE_BF16, count, level)
        case .f16: index = ingot_first_non_finite(bytes.baseAddress, INGOT_SOURCE_F16, count, level)
        case .f32: index = ingot_first_non_finite(bytes.baseAddress, INGOT_SOURCE_F32, count, level)
        case .e4m3:
            index = ingot_first_nan_code(bytes.bindMemory(to: UInt8.self).baseAddress, count, level)
        default: return nil
        }
        return index < count ? index : nil
    }
}
