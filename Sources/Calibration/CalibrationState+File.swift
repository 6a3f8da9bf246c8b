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
        let columns = columns
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
        let header = try ShardHeader.read(path: path, mode: .strict)
        let records = Dictionary(header.tensors.map { ($0.name, $0) }) { first, _ in first }
        let wanted = columns
        guard records.count == wanted.count else {
            throw Self.malformed(path, nil, "\(wanted.count) arrays", "\(records.count)")
        }
        var read: [String: CalibrationColumn] = [:]
        for column in wanted {
            let name = column.description.name
            guard let record = records[name], record.dtype == column.description.dtype,
                record.shape == column.description.shape
            else {
                throw Self.malformed(
                    path, name, "\(column.description.dtype.rawValue) \(column.description.shape)",
                    records[name].map { "\($0.dtype.rawValue) \($0.shape)" } ?? "no such array")
            }
            read[name] = column.column.reading(try FileAccess.read(path, range: record.dataRange))
        }
        take(read)
    }

    static func malformed(_ path: String, _ tensor: String?, _ expected: String, _ found: String) -> Failure {
        Failure(
            Finding(
                .error, .calibrationMalformed, "this is no calibration of this model", file: path,
                tensor: tensor, expected: expected, found: found, remedy: "calibrate again"))
    }
}
