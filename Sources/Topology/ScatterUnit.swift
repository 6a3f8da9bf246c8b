// One read, many outputs: the work of slicing. A unit writes some files at once, each from front to back; a
// source tensor is read once in row order and every file takes its rows and columns of it.

import Checkpoints
import Diagnostics
import Tensors

/// A source tensor to be read, and who takes what of it.
struct ScatterStroke: Sendable {
    /// A file of the unit and the part of the tensor it takes.
    struct Taker: Sendable {
        let writer: Int
        let region: SliceRegion
        /// Whether another taker of the same stroke takes the same part: its digest is that one's.
        let repeats: Bool
    }

    /// What happens to the bytes on the way.
    enum Change: Sendable {
        case none
        /// BF16 to F32: exact.
        case widened
    }

    /// A number among the source files.
    let file: Int
    let record: TensorRecord
    let change: Change
    let takers: [Taker]

    /// Rows of the tensor, and bytes of each.
    var rowCount: Int { record.shape.dimensions.first ?? 1 }
    var rowBytes: Int { rowCount == 0 ? 0 : record.dataRange.count / rowCount }
    /// Bytes of one column.
    var elementBytes: Int { record.dtype.bits / 8 }
}

/// A tensor of output files, made of one or more source tensors in order, or of given bytes.
struct ScatterTensor: Sendable {
    /// The tensor as a file has it.
    struct Output: Sendable {
        let writer: Int
        let description: TensorDescription
    }

    let outputs: [Output]
    let strokes: [ScatterStroke]
    /// Bytes for every output in place of strokes, such as a scale of one.
    var constant: [UInt8] = []
}

/// Files that are written together.
struct ScatterUnit: Sendable {
    let source: SourceFiles
    /// Paths in the output folder; a file that no tensor goes to is left out by the maker of the unit.
    let paths: [String]
    let tensors: [ScatterTensor]

    init(source: SourceFiles, paths: [String], tensors: [ScatterTensor]) {
        self.source = source
        self.paths = paths
        self.tensors = Self.ordered(tensors)
    }

    /// Tensors whose length is a multiple of 8 in every file first, the others by falling alignment: so each
    /// starts aligned in each file, and all files have one order.
    static func ordered(_ tensors: [ScatterTensor]) -> [ScatterTensor] {
        func isWhole(_ tensor: ScatterTensor) -> Bool {
            tensor.outputs.allSatisfy { ($0.description.byteCount ?? 0) % 8 == 0 }
        }
        func alignment(_ index: Int) -> Int { tensors[index].outputs.first?.description.dtype.alignment ?? 1 }
        let odd = tensors.indices.filter { !isWhole(tensors[$0]) }
            .sorted { (-alignment($0), $0) < (-alignment($1), $1) }
        return tensors.filter(isWhole) + odd.map { tensors[$0] }
    }

    private var fileNumbers: Set<Int> { Set(tensors.flatMap { $0.strokes.map(\.file) }) }

    /// The header of each file.
    func headers() throws(Failure) -> [(bytes: [UInt8], header: ShardHeader)] {
        var lists = [[TensorDescription]](repeating: [], count: paths.count)
        for tensor in tensors {
            for output in tensor.outputs { lists[output.writer].append(output.description) }
        }
        var headers: [(bytes: [UInt8], header: ShardHeader)] = []
        for (path, list) in zip(paths, lists) {
            do throws(HeaderError) { headers.append(try ShardHeader.written(list)) } catch {
                throw Failure(error.finding(file: path))
            }
        }
        return headers
    }

    /// The files and their lengths.
    func files() throws(Failure) -> [PlannedFile] {
        zip(paths, try headers()).map { PlannedFile(name: $0, bytes: $1.header.fileSize) }
    }

    func run(
        into place: UnitPlace, budget: MoveBudget, progress: any ProgressSink
    ) throws(Failure) -> UnitProduct<DigestList> {
        let headers = try headers()
        let block = budget.block(writers: paths.count)
        let readers = try source.open(fileNumbers)
        let longestRead = tensors.flatMap(\.strokes).map { $0.longestRead(block: block) }.max() ?? block
        let longestWrite = tensors.flatMap(\.strokes).map { $0.longestWrite(block: block) }.max() ?? block
        var writers: [WriteBehind] = []
        do throws(Failure) {
            for (path, header) in zip(paths, headers) {
                writers.append(
                    try place.writer(
                        path, length: header.header.fileSize,
                        longest: max(block, longestWrite), block: block, depth: MoveBudget.depth))
            }
            let digests = try ScatterWorker(
                unit: self, readers: readers, writers: writers, block: block, longestRead: longestRead,
                progress: progress
            ).run(headers.map(\.bytes))
            for reader in readers.values { try reader.checkUnchanged() }
            var files: [ArtefactFile] = []
            for (path, writer) in zip(paths, writers) {
                files.append(ArtefactFile(name: path, sealed: try writer.seal()))
            }
            return UnitProduct(files: files, detail: DigestList(digests))
        } catch {
            for writer in writers { writer.abandon() }
            throw error
        }
    }
}

extension ScatterStroke {
    /// Rows that any taker wants, ascending and joined.
    var wantedRows: [Range<Int>] {
        let all = takers.flatMap(\.region.rows).filter { !$0.isEmpty }
            .sorted { $0.lowerBound < $1.lowerBound }
        var joined: [Range<Int>] = []
        for range in all {
            if let last = joined.last, range.lowerBound <= last.upperBound {
                joined[joined.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                joined.append(range)
            }
        }
        return joined
    }

    /// Rows of one read.
    func rowsPerRead(block: Int) -> Int { max(1, block / max(1, rowBytes * growth)) }

    /// Bytes written for one that is read.
    private var growth: Int { if case .widened = change { 2 } else { 1 } }

    /// The most bytes one taker is given at once.
    func longestWrite(block: Int) -> Int { longestRead(block: block) * growth }

    /// The most bytes one read takes.
    func longestRead(block: Int) -> Int { rowsPerRead(block: block) * max(1, rowBytes) }

    /// The rows of each read, in order.
    func reads(block: Int) -> [Range<Int>] {
        wantedRows.flatMap { rowSteps($0, rowsPerRead(block: block)) }
    }
}
