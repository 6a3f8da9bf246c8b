// Files of one JSON object a line.

import Checkpoints
import Diagnostics
import Documents

/// Reads JSONL files.
package enum JSONLines {
    /// The values of all lines that are not empty.
    ///
    /// - Parameters:
    ///   - limit: bytes of the largest file that is read.
    ///   - code: of the failure that a bad line gives; it names file and line.
    ///   - body: makes a value of a line's number, from 1, and its object.
    package static func read<Value>(
        _ path: String, limit: Int, code: DiagnosticCode,
        _ body: (Int, JSONObject) throws(DocumentError) -> Value
    ) throws(Failure) -> [Value] {
        let bytes = try FileAccess.read(path, limit: limit)
        var values: [Value] = []
        var number = 0
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            guard line.contains(where: { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\r") && $0 != 9 })
            else { continue }
            let value = try readDocument(Array(line), code: code, file: "\(path), line \(number)") {
                (document) throws(DocumentError) in
                guard case .object(let object) = document else {
                    throw DocumentError(
                        path: "", what: "a line that is not an object", expected: "an object",
                        found: document.kind)
                }
                return try body(number, object)
            }
            values.append(value)
        }
        guard !values.isEmpty else {
            throw Failure(
                Finding(
                    .error, code, "a data file without rows", file: path,
                    expected: "one JSON object a line", found: "no line that is not empty"))
        }
        return values
    }
}
