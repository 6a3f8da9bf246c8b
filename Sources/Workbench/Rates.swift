// What plans reckon with: rates measured once, on one machine. They say hours from minutes, not minutes from seconds.

import Checkpoints
import Diagnostics
import Documents

/// Measured rates, every one with its source.
struct Rates {
    /// Reading and digesting, bytes a second.
    let read: Double
    /// Converting with digests, bytes of the source a second.
    let convert: Double
    /// Copying with digests, bytes a second.
    let copy: Double
    /// Multiplying weights, operations a second; a multiply-add counts two.
    let operations: Double
    /// Bytes of JSON rows that make a token.
    let bytesPerToken: Double
    /// Memory of a conversion, bytes.
    let conversionMemory: Int
    let title: String

    private static let path = "rates/two-cores.json"

    static func embedded() throws(Failure) -> Rates {
        guard let bytes = ProfileLibrary.embedded.document(at: path) else {
            throw Failure(Finding(.error, .badEstimate, "the profile of rates is missing", file: path))
        }
        return try readDocument(bytes, code: .badEstimate, file: "Profiles/\(path)") {
            (document) throws(DocumentError) in
            try Rates(document)
        }
    }

    private init(_ document: JSONValue) throws(DocumentError) {
        let reader = try StrictReader(document)
        guard try reader.integer("schema") == 1 else { throw reader.mismatch("schema", "1") }
        title = try reader.string("title")
        func rate(_ key: String) throws(DocumentError) -> Double {
            let own = try reader.object(key)
            let value = try own.double("value")
            _ = try own.string("source")
            try own.finish()
            guard value > 0 else { throw reader.mismatch(key, "a value above 0") }
            return value
        }
        read = try rate("read_bytes_per_second")
        convert = try rate("convert_bytes_per_second")
        copy = try rate("copy_bytes_per_second")
        operations = try rate("operations_per_second")
        bytesPerToken = try rate("bytes_per_token")
        conversionMemory = Int(try rate("memory_of_conversion"))
        try reader.finish()
    }
}
