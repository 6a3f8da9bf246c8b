// The head of a conversion record: the plan and the files. The tensors, most of the text, are passed over.

import Checkpoints
import Diagnostics
import Documents

/// What a record says about the whole artefact.
package struct RecordHead: Sendable {
    /// SHA-256 of the plan; nil when the record does not say.
    package private(set) var plan: String?
    /// SHA-256 of each file, by name.
    package private(set) var files: [String: String] = [:]

    /// Reads the record of a folder; nil when there is none that can be read.
    package static func read(_ folder: String, name: String) -> RecordHead? {
        // A line a tensor, some 500 bytes: a million tensors at most.
        guard let bytes = try? FileAccess.read(joined(folder, name), limit: 1 << 29) else { return nil }
        return try? RecordHead(parsing: bytes)
    }

    init(parsing bytes: [UInt8]) throws(JSONError) {
        let result: Result<RecordHead, JSONError> = bytes.withUnsafeBytes { buffer in
            do throws(JSONError) { return .success(try RecordHead(buffer)) } catch { return .failure(error) }
        }
        self = try result.get()
    }

    private init(_ bytes: UnsafeRawBufferPointer) throws(JSONError) {
        guard isUTF8(bytes) else { throw JSONError(.notUTF8, at: 0) }
        var scanner = JSONScanner(bytes)
        try scanner.enter(UInt8(ascii: "{"))
        var first = true
        while try scanner.nextMember(closing: UInt8(ascii: "}"), first: &first) {
            let key = try scanner.takeString()
            try scanner.take(UInt8(ascii: ":"))
            if scanner.peek() == UInt8(ascii: "[") {
                try readList(&scanner, isFiles: key == "files")
            } else if case .string(let text) = try JSONValue.read(&scanner), key == "plan_sha256" {
                plan = text
            }
        }
        try scanner.finish()
    }

    /// One element at a time, so that a long list is never in memory as values.
    private mutating func readList(_ scanner: inout JSONScanner, isFiles: Bool) throws(JSONError) {
        try scanner.enter(UInt8(ascii: "["))
        var first = true
        while try scanner.nextMember(closing: UInt8(ascii: "]"), first: &first) {
            guard case .object(let element) = try JSONValue.read(&scanner), isFiles,
                case .string(let name)? = element["name"], case .string(let digest)? = element["sha256"]
            else { continue }
            files[name] = digest
        }
    }
}
