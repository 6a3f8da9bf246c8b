// Finding a scheme: by its name among the profiles, or as a user's own file.

import Checkpoints
import Diagnostics
import Documents

/// The schemes this program carries.
package enum SchemeLibrary {
    /// Names of the embedded schemes, sorted.
    package static var names: [String] {
        EmbeddedFiles.paths.compactMap { path in
            guard path.hasPrefix(folder), path.hasSuffix(".json") else { return nil }
            return String(path.dropFirst(folder.count).dropLast(5))
        }.sorted()
    }

    private static let folder = "Profiles/schemes/"

    /// A scheme by name, or by the path of a JSON file.
    package static func scheme(_ nameOrPath: String) throws(Failure) -> Scheme {
        if let bytes = EmbeddedFiles.bytes(folder + nameOrPath + ".json") {
            return try read(bytes, file: folder + nameOrPath + ".json")
        }
        guard nameOrPath.hasSuffix(".json") || nameOrPath.contains("/") else {
            let near = nearMiss(nameOrPath, among: names)
            throw Failure(
                Finding(
                    .error, .unknownScheme, "no scheme of this name", option: "--scheme \(nameOrPath)",
                    expected: names.joined(separator: ", ") + ", or the path of a scheme file",
                    remedy: near.map { "did you mean --scheme \($0)?" } ?? "ingot profiles list"))
        }
        return try read(try FileAccess.read(nameOrPath, limit: 1 << 20), file: nameOrPath)
    }

    private static func read(_ bytes: [UInt8], file: String) throws(Failure) -> Scheme {
        try readDocument(bytes, code: .badScheme, file: file) {
            (document) throws(DocumentError) in try Scheme(document: document)
        }
    }
}
