// The thread that slices: takes source rows from filled buffers and gives each output its part of them.

import Checkpoints
import Diagnostics
import Glibc

/// The state of the slicing thread.
struct ScatterWorker {
    let unit: ScatterUnit
    let readers: [Int: BulkReader]
    let writers: [WriteBehind]
    let block: Int
    let longestRead: Int
    let progress: any ProgressSink

    /// Writes every file up to its seal and gives the digests: for each tensor, stroke and taker that does
    /// not repeat another, in order.
    func run(_ headers: [[UInt8]]) throws(Failure) -> [TensorDigest.Value] {
        for (writer, bytes) in zip(writers, headers) { try append(bytes, to: writer) }
        let requests = ReadRequests(
            pieces: unit.tensors.flatMap(\.strokes).flatMap { stroke in
                stroke.wantedRows.compactMap { rows in
                    readers[stroke.file].map { file in
                        ReadRequests.Piece(
                            parts: [(file, stroke.record.dataRange.lowerBound, stroke.rowBytes)],
                            rows: rows, step: stroke.rowsPerRead(block: block))
                    }
                }
            })
        let reader = ReadAhead(longest: longestRead, depth: MoveBudget.depth, requests: requests)
        defer { reader.stop() }
        var digests: [TensorDigest.Value] = []
        for tensor in unit.tensors {
            for stroke in tensor.strokes { digests += try run(stroke, reader) }
            guard !tensor.constant.isEmpty else { continue }
            for output in tensor.outputs { try append(tensor.constant, to: writers[output.writer]) }
        }
        return digests
    }

    private func append(_ bytes: [UInt8], to writer: WriteBehind) throws(Failure) {
        var start = 0
        while start < bytes.count {
            let end = min(start + block, bytes.count)
            try writer.append(end - start) { $0.copyBytes(from: bytes[start..<end]) }
            start = end
        }
    }

    private func run(_ stroke: ScatterStroke, _ reader: ReadAhead) throws(Failure) -> [TensorDigest.Value] {
        let states = stroke.takers.map { $0.repeats ? nil : TensorDigest() }
        for rows in stroke.reads(block: block) where stroke.rowBytes > 0 {
            try StopFlag.check()
            try reader.next { bytes throws(Failure) in
                for (taker, state) in zip(stroke.takers, states) {
                    for range in taker.region.rows {
                        let part = range.clamped(to: rows)
                        guard !part.isEmpty else { continue }
                        let from = (part.lowerBound - rows.lowerBound) * stroke.rowBytes
                        try give(
                            bytes.baseAddress.map { $0 + from }, part.count, taker.region.columns, stroke,
                            to: writers[taker.writer], state)
                    }
                }
            }
            progress.advance(bytes: rows.count * stroke.rowBytes)
        }
        for taker in stroke.takers where taker.region.padding > 0 { try pad(taker, stroke) }
        return states.compactMap { $0?.finish() }
    }

    /// Some rows, of each some columns.
    private func give(
        _ source: UnsafeRawPointer?, _ rows: Int, _ columns: Range<Int>?, _ stroke: ScatterStroke,
        to writer: WriteBehind, _ state: TensorDigest?
    ) throws(Failure) {
        guard let source else { return }
        let start = (columns?.lowerBound ?? 0) * stroke.elementBytes
        let width = columns.map { $0.count * stroke.elementBytes } ?? stroke.rowBytes
        let count = rows * width
        let isWide = stroke.change == .widened
        try writer.append(isWide ? 2 * count : count) { room in
            if isWide {
                widen(source + start, room, elements: count / 2)
            } else if let target = room.baseAddress {
                copyRows(
                    source + start, stride: stroke.rowBytes, to: target, stride: width, width: width,
                    rows: rows)
            }
            state?.update(UnsafeRawBufferPointer(room))
        }
    }

    private func pad(_ taker: ScatterStroke.Taker, _ stroke: ScatterStroke) throws(Failure) {
        var left = taker.region.padding * stroke.rowBytes
        while left > 0 {
            let count = min(left, block)
            try writers[taker.writer].append(count) { room in
                _ = room.initializeMemory(as: UInt8.self, repeating: 0)
            }
            left -= count
        }
    }

    /// BF16 to F32, element by element; whole rows only, since a widened tensor is never cut by columns.
    private func widen(
        _ source: UnsafeRawPointer, _ room: UnsafeMutableRawBufferPointer, elements: Int
    ) {
        for index in 0..<elements {
            let half = source.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)
            room.storeBytes(of: UInt32(half) << 16, toByteOffset: 4 * index, as: UInt32.self)
        }
    }
}

/// Copies rows of a width from one pitch to another; rows that touch are one copy.
func copyRows(
    _ source: UnsafeRawPointer, stride: Int, to target: UnsafeMutableRawPointer, stride targetStride: Int,
    width: Int, rows: Int
) {
    if stride == width, targetStride == width {
        memcpy(target, source, width * rows)
        return
    }
    for row in 0..<rows { memcpy(target + row * targetStride, source + row * stride, width) }
}
