// How a tensor is put together from the slices of ranks: which stretch of which file stands where, and which
// stretches are copies that are only compared.

import Checkpoints
import Diagnostics
import Tensors

/// The assembly of the tensors of one shard.
struct RankAssembly {
    let record: RankRecord
    /// By rank, the number of its file and what stands in it.
    let held: [Int: (file: Int, tensors: [String: TensorRecord])]
    /// Paths by number.
    let files: [String]
    private(set) var expected: [ExpectedSlice] = []

    init(record: RankRecord, held: [Int: (file: Int, tensors: [String: TensorRecord])], files: [String]) {
        self.record = record
        self.held = held
        self.files = files
    }

    /// The pieces of a tensor, written ones in row order.
    mutating func tensor(_ wanted: TensorRecord) throws(Failure) -> GatherTensor {
        guard let known = record[wanted.name], known.dtype == wanted.dtype, known.shape == wanted.shape else {
            throw malformed(wanted.name, "slices of \(wanted.shape) \(wanted.dtype.rawValue)")
        }
        var segments: [GatherSegment]
        switch known.axis {
        case nil: segments = try whole(wanted, known)
        case 0?: segments = try rows(wanted, known)
        default: segments = try columns(wanted, known)
        }
        for slice in known.slices {
            for rank in record.ranks(slice).dropFirst() {
                let place = try place(wanted, known, slice, rank)
                guard place.count > 0 else { continue }
                segments.append(
                    .stretch(
                        file: place.file, offset: place.offset, count: place.count,
                        slice: expect(slice, place.file, wanted.name), purpose: .verify))
            }
        }
        return GatherTensor(
            description: TensorDescription(name: wanted.name, dtype: wanted.dtype, shape: wanted.shape),
            segments: segments)
    }

    // MARK: Three ways to be cut

    private mutating func whole(
        _ wanted: TensorRecord, _ known: RankRecord.Tensor
    ) throws(Failure) -> [GatherSegment] {
        guard let slice = known.slices.first, known.slices.count == 1, let rank = record.ranks(slice).first
        else { throw malformed(wanted.name, "one slice with its holders") }
        let place = try place(wanted, known, slice, rank)
        guard place.count > 0 else { return [] }
        return [
            .stretch(
                file: place.file, offset: place.offset, count: place.count,
                slice: expect(slice, place.file, wanted.name))
        ]
    }

    /// Rows in ascending order; those that an earlier slice gave are compared and not written.
    private mutating func rows(
        _ wanted: TensorRecord, _ known: RankRecord.Tensor
    ) throws(Failure) -> [GatherSegment] {
        struct Piece {
            let rows: Range<Int>
            let file: Int
            let offset: Int
            let slice: Int
        }
        let rowCount = wanted.shape.dimensions[0]
        let rowBytes = rowCount == 0 ? 0 : wanted.dataRange.count / rowCount
        var pieces: [Piece] = []
        for slice in known.slices {
            guard let rank = record.ranks(slice).first else { continue }
            let place = try place(wanted, known, slice, rank)
            let number = expect(slice, place.file, wanted.name)
            var offset = place.offset
            for range in record.ranges(slice) {
                pieces.append(Piece(rows: range, file: place.file, offset: offset, slice: number))
                offset += range.count * rowBytes
            }
        }
        // Pieces of one slice stay in their order: its digest is of its bytes from front to back.
        pieces.sort { ($0.rows.lowerBound, $0.slice) < ($1.rows.lowerBound, $1.slice) }
        var segments: [GatherSegment] = []
        var done = 0
        for piece in pieces where !piece.rows.isEmpty {
            guard piece.rows.lowerBound <= done else {
                throw malformed(wanted.name, "row \(done), which no slice holds")
            }
            let repeated = min(done, piece.rows.upperBound) - piece.rows.lowerBound
            if repeated > 0 {
                segments.append(
                    .stretch(
                        file: piece.file, offset: piece.offset, count: repeated * rowBytes,
                        slice: piece.slice, purpose: .verify))
            }
            let fresh = piece.rows.count - repeated
            if fresh > 0 {
                segments.append(
                    .stretch(
                        file: piece.file, offset: piece.offset + repeated * rowBytes,
                        count: fresh * rowBytes, slice: piece.slice))
                done = piece.rows.upperBound
            }
        }
        guard done == rowCount else { throw malformed(wanted.name, "row \(done), which no slice holds") }
        return segments
    }

    private mutating func columns(
        _ wanted: TensorRecord, _ known: RankRecord.Tensor
    ) throws(Failure) -> [GatherSegment] {
        let (rows, width) = (wanted.shape.dimensions[0], wanted.shape.dimensions[1])
        let elementBytes = wanted.dtype.bits / 8
        let ordered = known.slices.sorted {
            (record.ranges($0).first?.lowerBound ?? 0) < (record.ranges($1).first?.lowerBound ?? 0)
        }
        var parts: [GatherSegment.Part] = []
        var done = 0
        for slice in ordered {
            guard let range = record.ranges(slice).first, record.ranges(slice).count == 1,
                range.lowerBound == done, let rank = record.ranks(slice).first
            else { throw malformed(wanted.name, "column \(done), which no slice holds") }
            done = range.upperBound
            let place = try place(wanted, known, slice, rank)
            parts.append(
                GatherSegment.Part(
                    file: place.file, offset: place.offset, rowBytes: range.count * elementBytes,
                    slice: expect(slice, place.file, wanted.name)))
        }
        guard done == width else { throw malformed(wanted.name, "column \(done), which no slice holds") }
        return [GatherSegment(purpose: .write, rows: rows, parts: parts)]
    }

    // MARK: Places

    private mutating func expect(_ slice: Int, _ file: Int, _ tensor: String) -> Int {
        expected.append(
            ExpectedSlice(digest: record.digests[slice], file: files[file], tensor: tensor))
        return expected.count - 1
    }

    /// Where a rank's slice stands, after a look at its header.
    private func place(
        _ wanted: TensorRecord, _ known: RankRecord.Tensor, _ slice: Int, _ rank: Int
    ) throws(Failure) -> (file: Int, offset: Int, count: Int) {
        guard let (file, tensors) = held[rank], let found = tensors[wanted.name] else {
            throw Failure(
                Finding(
                    .error, .rankMissing, "a rank does not hold what its record says",
                    file: joined(record.folder, RankSlicePlan.folder(rank: rank)), tensor: wanted.name,
                    expected: "a slice of it", found: "no such tensor",
                    remedy: "copy this rank's folder again"))
        }
        var dimensions = wanted.shape.dimensions
        if let axis = known.axis { dimensions[axis] = record.ranges(slice).reduce(0) { $0 + $1.count } }
        guard found.dtype == wanted.dtype, found.shape == Shape(dimensions) else {
            throw Failure(
                Finding(
                    .error, .sliceAltered, "a slice has another shape than its record says",
                    file: files[file], tensor: wanted.name,
                    expected: "\(Shape(dimensions)) \(wanted.dtype.rawValue)",
                    found: "\(found.shape) \(found.dtype.rawValue)",
                    remedy: "copy this rank's folder again"))
        }
        return (file, found.dataRange.lowerBound, found.dataRange.count)
    }

    private func malformed(_ tensor: String, _ expected: String) -> Failure {
        Failure(
            Finding(
                .error, .rankRecordMalformed, "the record and the headers do not make this tensor",
                file: joined(record.folder, SliceRecord.fileName), tensor: tensor, expected: expected,
                remedy: "copy topology.json and the folder source again"))
    }
}
