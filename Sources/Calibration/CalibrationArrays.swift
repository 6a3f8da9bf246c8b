// Arrays of a calibration by name, wherever they are: in a safetensors file or packed in frames.

import Checkpoints
import Diagnostics
import Synchronization
import Tensors

/// The arrays of a finished calibration, or of the state of one that is at work.
///
/// - Checked by: RecordTests, CalibrationFilesTests.
package final class CalibrationArrays: @unchecked Sendable {
    private enum Place {
        case plain(TensorRecord)
        case packed(PackedArray)
    }

    /// The file that small arrays are in.
    let path: String
    private let places: [String: Place]
    /// Names in the order of their files, small ones first.
    let descriptions: [TensorDescription]
    /// Read by one thread at a time, under the lock.
    private let frames: SeekableReader?
    private let lock = Mutex(())

    /// The arrays of a state.
    init(state path: String) throws(Failure) {
        self.path = path
        let header = try ShardHeader.read(path: path, mode: .strict)
        descriptions = header.tensors.map {
            TensorDescription(name: $0.name, dtype: $0.dtype, shape: $0.shape)
        }
        places = Dictionary(header.tensors.map { ($0.name, .plain($0)) }) { first, _ in first }
        frames = nil
    }

    /// The arrays of a calibration, their files checked against what its document says.
    ///
    /// - Throws: CAL-001 for a file of another size or digest, or an array that does not fit its file.
    init(_ files: CalibrationFiles, in folder: String) throws(Failure) {
        path = joined(folder, CalibrationRecord.arraysName)
        let packedPath = joined(folder, CalibrationRecord.packedName)
        for (path, told) in [(path, files.arrays), (packedPath, files.packed)] {
            let size = try FileAccess.identity(path).size
            guard size == told.bytes else {
                throw CalibrationState.malformed(
                    path, nil, "\(grouped(told.bytes)) bytes", "\(grouped(size))")
            }
            let found = try digestFile(path).digest
            guard found == told.digest else {
                throw CalibrationState.malformed(path, nil, "sha256 \(told.digest)", found)
            }
        }
        let header = try ShardHeader.read(path: path, mode: .strict)
        let frames = try SeekableReader(path: packedPath)
        let end = files.packedArrays.last?.range.upperBound ?? 0
        guard frames.count == end else {
            throw CalibrationState.malformed(
                packedPath, nil, "\(grouped(end)) bytes in its arrays", grouped(frames.count))
        }
        self.frames = frames
        var places: [String: Place] = [:]
        for record in header.tensors { places[record.name] = .plain(record) }
        for array in files.packedArrays {
            let name = array.description.name
            guard places.updateValue(.packed(array), forKey: name) == nil else {
                throw CalibrationState.malformed(packedPath, name, "every array once", "it stands twice")
            }
        }
        self.places = places
        descriptions =
            header.tensors.map { TensorDescription(name: $0.name, dtype: $0.dtype, shape: $0.shape) }
            + files.packedArrays.map(\.description)
    }

    func holds(_ name: String) -> Bool { places[name] != nil }

    /// An array with all its slots; empty where there is none of that name.
    func whole(_ name: String, _ kind: CalibrationColumn) throws(Failure) -> CalibrationColumn {
        switch places[name] {
        case nil: return kind.reading([])
        case .plain(let record):
            return kind.reading(
                try FileAccess.read(path, range: try checked(record.dtype, name, kind, record.dataRange)))
        case .packed(let array):
            let bytes = try unpacked(try checked(array.description.dtype, name, kind, array.range))
            let digest = TensorDigest()
            bytes.withUnsafeBytes { digest.update($0) }
            let found = digest.finish()
            guard found == array.digest else {
                throw CalibrationState.malformed(
                    frames?.path ?? path, name, "XXH3-128 \(array.digest)", "\(found)")
            }
            return kind.reading(bytes)
        }
    }

    /// The part of an array that belongs to one slot.
    func row(_ name: String, _ slot: Int, _ kind: CalibrationColumn) throws(Failure) -> CalibrationColumn {
        switch places[name] {
        case nil: return kind.reading([])
        case .plain(let record):
            let range = try checked(record.dtype, name, kind, record.dataRange)
            return kind.reading(
                try FileAccess.read(path, range: try part(slot, of: record.shape, range, name)))
        case .packed(let array):
            let range = try checked(array.description.dtype, name, kind, array.range)
            return kind.reading(try unpacked(try part(slot, of: array.description.shape, range, name)))
        }
    }

    private func part(
        _ slot: Int, of shape: Shape, _ range: Range<Int>, _ name: String
    ) throws(Failure) -> Range<Int> {
        let slots = shape.dimensions.first ?? 1
        guard slot < slots else {
            throw CalibrationState.malformed(path, name, "more than \(slot) experts", "\(slots)")
        }
        let width = range.count / slots
        let start = range.lowerBound + slot * width
        return start..<start + width
    }

    private func checked(
        _ dtype: DType, _ name: String, _ kind: CalibrationColumn, _ range: Range<Int>
    ) throws(Failure) -> Range<Int> {
        guard dtype == kind.dtype else {
            throw CalibrationState.malformed(path, name, kind.dtype.rawValue, dtype.rawValue)
        }
        return range
    }

    private func unpacked(_ range: Range<Int>) throws(Failure) -> [UInt8] {
        try lock.withLock { (_) throws(Failure) in try frames?.read(range) ?? [] }
    }
}
