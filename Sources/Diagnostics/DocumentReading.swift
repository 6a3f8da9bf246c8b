// From bytes to a value of ours, with every fault told as a finding of the caller's code.

import Documents

/// Parses a JSON document and reads it.
///
/// - Parameters:
///   - code: of the failure, whether the text is no JSON or says what it should not.
///   - file: the name that the failure tells.
package func readDocument<Value>(
    _ bytes: [UInt8], code: DiagnosticCode, file: String, _ read: (JSONValue) throws(DocumentError) -> Value
) throws(Failure) -> Value {
    let document: JSONValue
    do throws(JSONError) { document = try JSONValue(parsing: bytes) } catch {
        throw Failure(Finding(error, code: code, file: file))
    }
    do throws(DocumentError) { return try read(document) } catch {
        throw Failure(Finding(error, code: code, file: file))
    }
}
