// Every weight of two checkpoints, number by number: one reads, two threads compare, a few pieces of a few
// megabytes are in memory.

import Architectures
import Backends
import Checkpoints
import Diagnostics
import Dispatch
import Glibc
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
            Self.compare(piece, &results[piece.index])
            try StopFlag.check()
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

    private static func compare(_ piece: Piece, _ result: inout WeightDifference) {
        // Same bytes, same numbers.
        if piece.left.isSame(as: piece.right) { return }
        result.isSameBytes = false
        for (band, rows) in sums(piece, result.left.columns) { result.add(band, rows: rows) }
    }

    /// Sums of every band of a piece.
    private static func sums(_ piece: Piece, _ k: Int) -> [(WeightSums, Range<Int>)] {
        let n = piece.rows.count
        let bands = (n + bandRows - 1) / bandRows
        // Decoding starts where a block of either side does.
        let unit = max(piece.left.blockRows, piece.right.blockRows)
        let step = leastCommonMultiple(unit, bandRows) / bandRows
        var result = Array(repeating: WeightSums(), count: bands)
        result.withUnsafeMutableBufferPointer { result in
            let target = Unchecked(result)
            DispatchQueue.concurrentPerform(iterations: (bands + step - 1) / step) { unit in
                let first = unit * step * bandRows
                let rows = first..<min(n, first + step * bandRows)
                let a = piece.left.quicklyDecoded(rows)
                let b = piece.right.quicklyDecoded(rows)
                for start in stride(from: 0, to: rows.count, by: bandRows) {
                    let count = min(bandRows, rows.count - start) * k
                    target.value[(first + start) / bandRows] = a.withUnsafeBufferPointer { a in
                        b.withUnsafeBufferPointer { b in
                            guard let a = a.baseAddress, let b = b.baseAddress else { return WeightSums() }
                            return weightSums(a + start * k, b + start * k, count)
                        }
                    }
                }
            }
        }
        return result.enumerated().map { band, sums in
            let first = piece.rows.lowerBound + band * bandRows
            return (sums, first..<min(piece.rows.upperBound, first + bandRows))
        }
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
