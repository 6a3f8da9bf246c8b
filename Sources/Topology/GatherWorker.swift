// The thread that gathers: takes the parts of a tensor from filled buffers and sets them beside each other.

import Checkpoints
import Diagnostics
import Glibc

/// The state of the gathering thread.
struct GatherWorker {
    let unit: GatherUnit
    let readers: [Int: BulkReader]
    let writer: WriteBehind
    let block: Int
    let longest: Int
    let progress: any ProgressSink

    /// Writes the file up to its seal; every slice with a digest is compared with it.
    func run(_ head: [UInt8]) throws(Failure) {
        var start = 0
        while start < head.count {
            let end = min(start + block, head.count)
            try writer.append(end - start) { $0.copyBytes(from: head[start..<end]) }
            start = end
        }
        let requests = ReadRequests(
            pieces: unit.tensors.flatMap(\.segments).map { segment in
                ReadRequests.Piece(
                    parts: segment.parts.compactMap { part in
                        readers[part.file].map { ($0, part.offset, part.rowBytes) }
                    },
                    rows: 0..<segment.rows, step: segment.rowsPerRead(block: block))
            })
        let reader = ReadAhead(longest: longest, depth: MoveBudget.depth, requests: requests)
        defer { reader.stop() }
        for tensor in unit.tensors { try run(tensor, reader) }
    }

    private func run(_ tensor: GatherTensor, _ reader: ReadAhead) throws(Failure) {
        var states: [Int: TensorDigest] = [:]
        for segment in tensor.segments {
            for part in segment.parts {
                if let slice = part.slice, states[slice] == nil { states[slice] = TensorDigest() }
            }
            for rows in rowSteps(0..<segment.rows, segment.rowsPerRead(block: block)) {
                try StopFlag.check()
                switch segment.purpose {
                case .verify: try verify(segment, reader, states)
                case .narrow: try narrow(segment, rows.count, tensor, reader)
                case .write: try write(segment, rows.count, reader, states)
                }
                progress.advance(bytes: rows.count * segment.byteCount / max(1, segment.rows))
            }
        }
        for (slice, state) in states.sorted(by: { $0.key < $1.key }) { try compare(slice, state.finish()) }
    }

    private func write(
        _ segment: GatherSegment, _ rows: Int, _ reader: ReadAhead, _ states: [Int: TensorDigest]
    ) throws(Failure) {
        let pitch = segment.parts.reduce(0) { $0 + $1.rowBytes }
        try writer.append(rows * pitch) { room throws(Failure) in
            var column = 0
            for part in segment.parts {
                try reader.next { bytes in
                    if let slice = part.slice { states[slice]?.update(bytes) }
                    guard let from = bytes.baseAddress, let to = room.baseAddress else { return }
                    copyRows(
                        from, stride: part.rowBytes, to: to + column, stride: pitch, width: part.rowBytes,
                        rows: rows)
                }
                column += part.rowBytes
            }
        }
    }

    private func verify(
        _ segment: GatherSegment, _ reader: ReadAhead, _ states: [Int: TensorDigest]
    ) throws(Failure) {
        for part in segment.parts {
            try reader.next { bytes in
                if let slice = part.slice { states[slice]?.update(bytes) }
            }
        }
    }

    private func narrow(
        _ segment: GatherSegment, _ rows: Int, _ tensor: GatherTensor, _ reader: ReadAhead
    ) throws(Failure) {
        for _ in segment.parts {
            try reader.next { bytes throws(Failure) in
                let count = bytes.count / 4
                var lost = false
                try writer.append(2 * count) { room in
                    for index in 0..<count {
                        let word = bytes.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)
                        if word & 0xFFFF != 0 { lost = true }
                        room.storeBytes(
                            of: UInt16(truncatingIfNeeded: word >> 16), toByteOffset: 2 * index,
                            as: UInt16.self)
                    }
                }
                guard lost else { return }
                throw Failure(
                    Finding(
                        .error, .narrowingLosesBits, "a tensor was widened from more than BF16",
                        tensor: tensor.description.name, expected: "F32 values that BF16 holds exactly",
                        found: "bits below them", remedy: "gather from the checkpoint this was made of"))
            }
        }
    }

    private func compare(_ slice: Int, _ found: TensorDigest.Value) throws(Failure) {
        let expected = unit.expected[slice]
        guard found != expected.digest else { return }
        throw Failure(
            Finding(
                .error, .sliceAltered, "a slice is not what was written", file: expected.file,
                tensor: expected.tensor, expected: "XXH3-128 \(expected.digest)", found: "\(found)",
                remedy: "copy this rank's folder again from where it was made"))
    }
}
