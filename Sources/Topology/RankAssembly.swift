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
        var holders: [SliceHolder] = []
        for slice in known.slices {
            guard let rank = record.ranks(slice).first else { continue }
            let place = try place(wanted, known, slice, rank)
            holders.append(
                SliceHolder(
                    region: region(slice, wanted.shape, known.axis), file: place.file, offset: place.offset,
                    slice: expect(slice, place.file, wanted.name)))
        }
        let rows = wanted.shape.dimensions.first ?? 1
        var segments: [GatherSegment]
        do throws(AssemblyGap) {
            segments = try SliceAssembly.segments(
                wanted.shape, rowBytes: rows == 0 ? 0 : wanted.dataRange.count / rows, holders)
        } catch { throw malformed(wanted.name, error.text) }
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

    /// The part that a recorded slice is.
    private func region(_ slice: Int, _ shape: Shape, _ axis: Int?) -> SliceRegion {
        let ranges = record.ranges(slice)
        return axis == 1
            ? SliceRegion(rows: [0..<shape.dimensions[0]], columns: ranges.first)
            : SliceRegion(rows: ranges)
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
