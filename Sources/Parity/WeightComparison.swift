// Every weight of two checkpoints, number by number: one reads, two threads compare, a few pieces of a few
// megabytes are in memory.

import Architectures
import Backends
import Checkpoints
import Diagnostics
import Dispatch
import Foundation
import ReferenceModel

/// Compares the weights of two checkpoints of one architecture.
///
/// - Checked by: WeightComparisonTests, DamageTests.
package struct WeightComparison: Sendable {
    package let left: CheckpointWeights
    package let right: CheckpointWeights

    /// Rows whose sums are judged together: the height of the usual block.
    package static let bandRows = 128
    /// Bytes of one side's piece, about.
    private static let pieceBytes = 8 << 20

    package init(left: CheckpointWeights, right: CheckpointWeights) {
        self.left = left
        self.right = right
    }

    /// Weights that both sides have, with equal shapes.
    package var keys: [WeightKey] {
        left.keys.filter { key in
            guard let a = left.description(of: key), let b = right.description(of: key) else { return false }
            return a.rows == b.rows && a.columns == b.columns
        }
    }

    /// Bytes that comparing reads of both sides.
    package var totalBytes: Int {
        keys.reduce(0) {
            $0 + (left.description(of: $1)?.bytes ?? 0) + (right.description(of: $1)?.bytes ?? 0)
        }
    }

    /// Names of weights that one side lacks or has in another shape, left side's first.
    package var unmatched: [String] {
        let both = Set(keys)
        return left.keys.filter { !both.contains($0) }.compactMap { left.description(of: $0)?.name }
            + right.keys.filter { !both.contains($0) && left.description(of: $0) == nil }.compactMap {
                right.description(of: $0)?.name
            }
    }

    /// One piece of a weight of both sides, on its way to be compared.
    private struct Piece: Sendable {
        let index: Int
        let rows: Range<Int>
        let left: WeightMatrix
        let right: WeightMatrix
    }

    /// Compares all weights, in the order of `keys`.
    ///
    /// - Parameter progress: is told the bytes read of both sides.
    package func run(progress: any ProgressSink) throws(Failure) -> [WeightDifference] {
        let keys = keys
        var results: [WeightDifference] = []
        for key in keys {
            guard let a = left.description(of: key), let b = right.description(of: key) else { continue }
            results.append(WeightDifference(key: key, left: a, right: b))
        }
        let plan = results
        let scratch = DecodingScratch()
        let queue = BoundedQueue<Result<Piece, Failure>>(limit: 2)
        defer { queue.close() }
        DispatchQueue(label: "ingot.parity.weights").async {
            do throws(Failure) {
                for (index, weight) in plan.enumerated() {
                    for rows in Self.pieces(weight) {
                        let piece = Piece(
                            index: index, rows: rows, left: try left.slab(weight.key, rows: rows),
                            right: try right.slab(weight.key, rows: rows))
                        guard queue.push(.success(piece)) else { return }
                    }
                }
            } catch { _ = queue.push(.failure(error)) }
            queue.close()
        }
        while let next = queue.pop() {
            let piece = try next.get()
            Self.compare(piece, &results[piece.index], scratch)
            try StopFlag.check(isWriting: false)
            progress.advance(bytes: piece.left.bytes.count + piece.right.bytes.count)
        }
        try left.checkUnchanged()
        try right.checkUnchanged()
        return results
    }

    /// Rows of the pieces of a weight: whole bands, whole blocks of either side.
    private static func pieces(_ weight: WeightDifference) -> [Range<Int>] {
        let (n, k) = (weight.left.rows, weight.left.columns)
        let unit = leastCommonMultiple(
            leastCommonMultiple(weight.left.blockRows, weight.right.blockRows), bandRows)
        let wide = max(weight.left.dtype.bits, weight.right.dtype.bits) / 8
        let height = max(1, pieceBytes / max(1, k * wide) / unit) * unit
        return stride(from: 0, to: n, by: height).map { $0..<min(n, $0 + height) }
    }

    private static func compare(
        _ piece: Piece, _ result: inout WeightDifference, _ scratch: DecodingScratch
    ) {
        // Same bytes, same numbers.
        if piece.left.isSame(as: piece.right) { return }
        result.isSameBytes = false
        for (band, rows) in sums(piece, result.left.columns, scratch) { result.add(band, rows: rows) }
    }

    /// Sums of every band of a piece.
    private static func sums(
        _ piece: Piece, _ k: Int, _ scratch: DecodingScratch
    ) -> [(WeightSums, Range<Int>)] {
        let n = piece.rows.count
        let bands = (n + bandRows - 1) / bandRows
        var result = Array(repeating: WeightSums(), count: bands)
        scratch.reserve(elements: max(k, DecodingScratch.elements))
        result.withUnsafeMutableBufferPointer { result in
            let target = Unchecked(result)
            DispatchQueue.concurrentPerform(iterations: scratch.workers) { worker in
                let (a, b) = scratch.room(worker)
                for band in stride(from: worker, to: bands, by: scratch.workers) {
                    let rows = band * bandRows..<min(n, (band + 1) * bandRows)
                    var sums = WeightSums()
                    for few in steps(rows, piece, k) {
                        piece.left.decodeQuickly(rows: few, into: a)
                        piece.right.decodeQuickly(rows: few, into: b)
                        sums += weightSums(a, b, few.count * k)
                    }
                    target.value[band] = sums
                }
            }
        }
        return result.enumerated().map { band, sums in
            let first = piece.rows.lowerBound + band * bandRows
            return (sums, first..<min(piece.rows.upperBound, first + bandRows))
        }
    }

    /// A few rows at a time, so that what is decoded stays in the cache; none from two blocks of a side.
    private static func steps(_ rows: Range<Int>, _ piece: Piece, _ k: Int) -> [Range<Int>] {
        let height = max(1, DecodingScratch.elements / max(1, k))
        var result: [Range<Int>] = []
        var first = rows.lowerBound
        while first < rows.upperBound {
            var end = min(rows.upperBound, first + height)
            for block in [piece.left.blockRows, piece.right.blockRows] where block > 1 {
                end = min(end, (first / block + 1) * block)
            }
            result.append(first..<end)
            first = end
        }
        return result
    }
}

/// Room for decoded numbers of both sides, one for each thread, used from piece to piece: fresh pages cost more
/// than comparing what is in them.
private final class DecodingScratch: @unchecked Sendable {
    /// Numbers of one side that are decoded at once: 128 KiB.
    static let elements = 1 << 15
    let workers = max(1, min(8, ProcessInfo.processInfo.activeProcessorCount))
    private var buffers: [AlignedBuffer] = []

    /// Makes room for so many numbers of each side.
    func reserve(elements: Int) {
        if let first = buffers.first, first.bytes.count >= elements * 4 { return }
        buffers = (0..<2 * workers).map { _ in AlignedBuffer(capacity: elements * 4) }
    }

    func room(_ worker: Int) -> (left: UnsafeMutablePointer<Float>, right: UnsafeMutablePointer<Float>) {
        (floats(buffers[2 * worker]), floats(buffers[2 * worker + 1]))
    }

    private func floats(_ buffer: AlignedBuffer) -> UnsafeMutablePointer<Float> {
        guard let base = buffer.bytes.bindMemory(to: Float.self).baseAddress else {
            preconditionFailure("a buffer without memory")
        }
        return base
    }
}

extension WeightMatrix {
    /// Rows that share a scale; 1 without scales.
    var blockRows: Int {
        if case .e4m3(let scales) = format { scales.blockRows } else { 1 }
    }

    /// Whether two hold the same bytes, of one format, with the same scales.
    func isSame(as other: WeightMatrix) -> Bool {
        switch (format, other.format) {
        case (.f32, .f32), (.bf16, .bf16), (.f16, .f16): break
        case (.e4m3(let a), .e4m3(let b)) where a == b: break
        default: return false
        }
        guard bytes.count == other.bytes.count, let a = bytes.baseAddress, let b = other.bytes.baseAddress
        else { return bytes.count == other.bytes.count }
        return memcmp(a, b, bytes.count) == 0
    }

    /// The exact F32 values of some rows, by the kernels.
    func quicklyDecoded(_ rows: Range<Int>) -> [Float] {
        [Float](unsafeUninitializedCapacity: rows.count * columns) { buffer, count in
            count = rows.count * columns
            if let base = buffer.baseAddress { decodeQuickly(rows: rows, into: base) }
        }
    }
}

func leastCommonMultiple(_ a: Int, _ b: Int) -> Int {
    var (x, y) = (a, b)
    while y > 0 { (x, y) = (y, x % y) }
    return a / x * b
}
