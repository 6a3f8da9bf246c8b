// The key that an engine may ask for. It goes into one header and nowhere else.

import Checkpoints
import Diagnostics
import Glibc

/// A key, never shown.
package struct APIKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    let secret: String

    /// Reads the first line of a file.
    package init(file: String) throws(Failure) {
        let bytes = try FileAccess.read(file, limit: 1 << 16)
        try self.init(String(decoding: bytes, as: UTF8.self), from: file)
    }

    /// The key in the environment variable INGOT_API_KEY; nil without one.
    package static func fromEnvironment() throws(Failure) -> APIKey? {
        guard let value = getenv(variable) else { return nil }
        return try APIKey(String(cString: value), from: variable)
    }

    private static let variable = "INGOT_API_KEY"

    init(_ text: String, from source: String) throws(Failure) {
        let line = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
        let key = String(
            line.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
        guard !key.isEmpty, key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw Failure(
                Finding(
                    .error, .endpointKeyUnusable, "this cannot be a key", file: source,
                    expected: "one line of printable ASCII without spaces",
                    found: key.isEmpty ? "nothing" : "\(key.count) characters, others among them",
                    remedy: "write the key alone into the file"))
        }
        secret = key
    }

    package var description: String { "…" }
    package var debugDescription: String { "…" }

    /// A text without the key in it.
    func removed(from text: String) -> String { text.replacing(secret, with: "…") }
}
