// A state as a safetensors file: written so that it is absent or whole, and read back with every name, type and
// shape that the model asks for.

import Checkpoints
import Diagnostics
import Tensors

extension CalibrationState {
    /// Writes the arrays; the same state gives the same bytes.
    ///
    /// - Returns: size and SHA-256 of the file.
    package func write(to path: String) throws(Failure) -> WriteBehind.Sealed {
        try Self.write(columns, to: path)
    }

    static func write(_ columns: [NamedColumn], to path: String) throws(Failure) -> WriteBehind.Sealed {
        let order = ShardHeader.fileOrder(columns.map(\.description))
        let plan: (bytes: [UInt8], header: ShardHeader)
        do throws(HeaderError) {
            plan = try ShardHeader.written(
                order.map { columns[$0].description },
                metadata: [ShardHeader.Pair(key: "format", value: "ingot-calibration")])
        } catch { throw Failure(error.finding(file: path)) }
        // A megabyte at a time: an array can be a hundred.
        let pieces = sequence(state: (column: -1, offset: 0)) { place -> [UInt8]? in
            if place.column < 0 {
                place.column = 0
                return plan.bytes
            }
            guard place.column < order.count else { return nil }
            let (start, column) = (place.offset, columns[order[place.column]].column)
            return column.withBytes { bytes in
                let end = min(start + 1 << 20, bytes.count)
                place = end < bytes.count ? (place.column, end) : (place.column + 1, 0)
                return Array(bytes[start..<end])
            }
        }
        return try FileAccess.writeSealed(data: pieces, to: path)
    }

    /// Fills an empty state of the same model from a file.
    ///
    /// - Throws: CAL-001 for an array that is not as the model asks for it.
    package mutating func read(_ path: String) throws(Failure) {
        try read(CalibrationArrays(state: path))
    }

    mutating func read(_ arrays: CalibrationArrays) throws(Failure) {
        let wanted = columns.count
        let found = Dictionary(arrays.descriptions.map { ($0.name, $0) }) { first, _ in first }
        guard found.count == wanted else {
            throw Self.malformed(arrays.path, nil, "\(wanted) arrays", "\(found.count)")
        }
        try take { (own) throws(Failure) in
            let name = own.description.name
            guard found[name] == own.description else {
                throw Self.malformed(
                    arrays.path, name, "\(own.description.dtype.rawValue) \(own.description.shape)",
                    found[name].map { "\($0.dtype.rawValue) \($0.shape)" } ?? "no such array")
            }
            return try arrays.whole(name, own.column)
        }
    }

    static func malformed(_ path: String, _ tensor: String?, _ expected: String, _ found: String) -> Failure {
        Failure(
            Finding(
                .error, .calibrationMalformed, "this is no calibration of this model", file: path,
                tensor: tensor, expected: expected, found: found, remedy: "calibrate again"))
    }
}
