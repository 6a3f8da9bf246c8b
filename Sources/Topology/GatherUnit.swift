// Many reads, one output: the work of gathering, and of laying whole tensors out anew. A file is written from
// front to back; each tensor is put together from ranges of source files in row order.

import Checkpoints
import Diagnostics
import Tensors

/// A piece of a tensor that is put together.
struct GatherSegment: Sendable {
    /// A stretch of a source file.
    struct Part: Sendable {
        /// A number among the source files.
        let file: Int
        let offset: Int
        /// Bytes of a row.
        let rowBytes: Int
        /// An index into the unit's expected digests; nil where none is known.
        let slice: Int?
    }

    enum Purpose: Sendable {
        /// The parts stand side by side in each row.
        case write
        /// F32 that was BF16 once: written as BF16, an error where bits are lost.
        case narrow
        /// Read for its digest, not written: a copy of what another rank holds.
        case verify
    }

    let purpose: Purpose
    /// Rows that all parts have.
    let rows: Int
    let parts: [Part]

    /// Bytes read.
    var byteCount: Int { rows * parts.reduce(0) { $0 + $1.rowBytes } }

    /// A contiguous stretch.
    static func stretch(file: Int, offset: Int, count: Int, slice: Int? = nil, purpose: Purpose = .write)
        -> GatherSegment
    {
        // A row of a stretch is a transfer unit of elements: 8 bytes where the length allows.
        let unit = [8, 4, 2].first { count % $0 == 0 } ?? 1
        return GatherSegment(
            purpose: purpose, rows: count / unit,
            parts: [Part(file: file, offset: offset, rowBytes: unit, slice: slice)])
    }

    /// Rows of one read of all parts.
    func rowsPerRead(block: Int) -> Int { max(1, block / max(1, parts.reduce(0) { $0 + $1.rowBytes })) }
}

/// A slice whose bytes must have a digest.
struct ExpectedSlice: Sendable {
    let digest: TensorDigest.Value
    /// For messages: the file and the tensor.
    let file: String
    let tensor: String
}

/// A tensor of the output with its pieces.
struct GatherTensor: Sendable {
    let description: TensorDescription
    let segments: [GatherSegment]
}

/// A file that is put together.
package struct GatherUnit: WorkUnit {
    /// The path in the output folder.
    let path: String
    let source: SourceFiles
    /// In the order of the file.
    let tensors: [GatherTensor]
    let expected: [ExpectedSlice]
    /// The first bytes of the file; nil makes them from the tensors.
    var head: [UInt8]?

    package var key: String { path }

    package var sourceByteCount: Int {
        tensors.reduce(0) { $0 + $1.segments.reduce(0) { $0 + $1.byteCount } }
    }

    private var fileNumbers: Set<Int> {
        Set(tensors.flatMap { $0.segments.flatMap { $0.parts.map(\.file) } })
    }

    package func sources() throws(Failure) -> [SourceFile] { source.some(fileNumbers) }

    package func files() throws(Failure) -> [PlannedFile] {
        [PlannedFile(name: path, bytes: try header().fileSize)]
    }

    /// The first bytes and the length of the file.
    func header() throws(Failure) -> (bytes: [UInt8], fileSize: Int) {
        if let head {
            return (head, head.count + tensors.reduce(0) { $0 + ($1.description.byteCount ?? 0) })
        }
        do throws(HeaderError) {
            let written = try ShardHeader.written(tensors.map(\.description))
            return (written.bytes, written.header.fileSize)
        } catch { throw Failure(error.finding(file: path)) }
    }

    package func run(
        into place: UnitPlace, budget: MoveBudget, progress: any ProgressSink
    ) throws(Failure) -> UnitProduct<DigestList> {
        let (head, size) = try header()
        let block = budget.block(writers: 1)
        let readers = try source.open(fileNumbers)
        let longest =
            tensors.flatMap { $0.segments }.map { segment in
                segment.rowsPerRead(block: block) * segment.parts.reduce(0) { $0 + $1.rowBytes }
            }.max() ?? block
        let writer = try place.writer(
            path, length: size, longest: max(block, longest), block: block,
            depth: MoveBudget.depth)
        do throws(Failure) {
            try GatherWorker(
                unit: self, readers: readers, writer: writer, block: block, longest: longest,
                progress: progress
            ).run(head)
            for reader in readers.values { try reader.checkUnchanged() }
            let sealed = try writer.seal()
            return UnitProduct(
                files: [ArtefactFile(name: path, sealed: sealed)], detail: DigestList([]))
        } catch {
            writer.abandon()
            throw error
        }
    }
}
