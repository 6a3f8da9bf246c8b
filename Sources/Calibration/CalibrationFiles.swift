// The files of a calibration and what calibration.json says of them. Small arrays are in calibration.safetensors,
// large ones in calibration.arrays.zst: seekable frames of zstd, each array from the start of a frame.

import Checkpoints
import Diagnostics
import Documents
import Tensors

/// An array among the packed ones.
struct PackedArray: Equatable, Sendable {
    let description: TensorDescription
    /// Where its bytes start in the content of the frames.
    let offset: Int
    /// XXH3-128 of its bytes: the same whatever packed them.
    let digest: TensorDigest.Value

    /// Bytes of an array; the initialiser of `CalibrationFiles` has seen to it that there is a number.
    var range: Range<Int> { offset..<offset + (description.byteCount ?? 0) }
}

/// What is known of the two files before they are opened.
struct CalibrationFiles: Equatable, Sendable {
    /// An array of more bytes is packed.
    ///
    /// A small one would be a frame of its own, and the table of frames is longer than what is gained.
    static let largestPlain = 1 << 13
    /// Sums of 16 bytes decide how well the packed bytes are sorted; floats and counts divide it.
    static let planes = BytePlanes(width: 16) ?? .none

    let arrays: WriteBehind.Sealed
    let packed: WriteBehind.Sealed
    let packedArrays: [PackedArray]

    func add(to object: inout JSONObject) {
        func file(_ name: String, _ sealed: WriteBehind.Sealed) -> JSONObject {
            var object = JSONObject()
            object["name"] = .string(name)
            object["bytes"] = .integer(sealed.bytes)
            object["sha256"] = .string(sealed.digest)
            return object
        }
        object["arrays"] = .object(file(CalibrationRecord.arraysName, arrays))
        var large = file(CalibrationRecord.packedName, packed)
        large["arrays"] = .array(
            packedArrays.map {
                [
                    "name": .string($0.description.name), "dtype": .string($0.description.dtype.rawValue),
                    "shape": .array($0.description.shape.dimensions.map { .integer($0) }),
                    "offset": .integer($0.offset), "xxh3_128": .string($0.digest.description),
                ]
            })
        object["packed"] = .object(large)
    }

    init(arrays: WriteBehind.Sealed, packed: WriteBehind.Sealed, packedArrays: [PackedArray]) {
        self.arrays = arrays
        self.packed = packed
        self.packedArrays = packedArrays
    }

    /// Packed arrays must lie one after another from the first byte.
    init(_ reader: StrictReader) throws(DocumentError) {
        func file(_ reader: StrictReader, _ name: String) throws(DocumentError) -> WriteBehind.Sealed {
            guard try reader.string("name") == name else { throw reader.mismatch("name", name) }
            return WriteBehind.Sealed(
                bytes: try reader.integer("bytes"), digest: try reader.string("sha256"))
        }
        let plain = try reader.object("arrays")
        arrays = try file(plain, CalibrationRecord.arraysName)
        try plain.finish()
        let large = try reader.object("packed")
        packed = try file(large, CalibrationRecord.packedName)
        var (end, packedArrays): (Int, [PackedArray]) = (0, [])
        for item in try large.objects("arrays") {
            guard let dtype = DType(rawValue: try item.string("dtype")) else {
                throw item.mismatch("dtype", "F32 or I64")
            }
            let description = TensorDescription(
                name: try item.string("name"), dtype: dtype, shape: Shape(try item.integers("shape")))
            guard description.shape.dimensions.allSatisfy({ $0 > 0 }), let bytes = description.byteCount
            else {
                throw item.mismatch("shape", "sizes above 0, of a number of bytes that there is")
            }
            let (next, overflow) = end.addingReportingOverflow(bytes)
            guard try item.integer("offset") == end, !overflow else {
                throw item.mismatch("offset", "\(end)")
            }
            guard let digest = TensorDigest.Value(try item.string("xxh3_128")) else {
                throw item.mismatch("xxh3_128", "32 hexadecimal digits")
            }
            packedArrays.append(PackedArray(description: description, offset: end, digest: digest))
            end = next
            try item.finish()
        }
        self.packedArrays = packedArrays
        try large.finish()
    }

    // MARK: Writing

    /// Writes the three files of a calibration; the same arrays give the same bytes.
    ///
    /// - Parameter columns: asked for one at a time, in their order; each is freed before the next.
    /// - Returns: bytes of the files of arrays together.
    static func write(
        _ head: CalibrationHead, _ descriptions: [TensorDescription], to folder: String,
        column: (Int) throws(Failure) -> CalibrationColumn
    ) throws(Failure) -> Int {
        var small: [NamedColumn] = []
        var packedArrays: [PackedArray] = []
        let writer = try SeekableWriter(
            path: joined(folder, CalibrationRecord.packedName), planes: planes)
        for (index, description) in descriptions.enumerated() {
            let column = try column(index)
            guard (description.byteCount ?? 0) > largestPlain else {
                small.append(NamedColumn(description, column))
                continue
            }
            let digest = TensorDigest()
            let offset = writer.count
            let failure = column.withBytes { bytes -> Failure? in
                digest.update(bytes)
                do throws(Failure) { try writer.append(bytes) } catch { return error }
                return nil
            }
            if let failure { throw failure }
            try writer.endFrame()
            packedArrays.append(
                PackedArray(description: description, offset: offset, digest: digest.finish()))
        }
        let packed = try writer.seal()
        let arrays = try CalibrationState.write(
            small, to: joined(folder, CalibrationRecord.arraysName))
        var document = head.document
        CalibrationFiles(arrays: arrays, packed: packed, packedArrays: packedArrays).add(to: &document)
        _ = try FileAccess.writeSealed(
            JSONValue.object(document).text() + "\n", to: joined(folder, CalibrationRecord.documentName))
        return arrays.bytes + packed.bytes
    }
}

extension CalibrationState {
    /// Writes this state as a finished calibration.
    ///
    /// - Returns: bytes of the files of arrays together.
    package func write(_ head: CalibrationHead, to folder: String) throws(Failure) -> Int {
        let columns = columns
        return try CalibrationFiles.write(head, columns.map(\.description), to: folder) {
            (index) throws(Failure) in columns[index].column
        }
    }
}
