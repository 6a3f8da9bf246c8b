// SHA256SUMS, the form of coreutils: `sha256sum -c SHA256SUMS` reads it, and every digest is also the identity of
// a large file on the hubs.

import Checkpoints
import Diagnostics

/// The digests of a folder's files.
package struct ReleaseSums: Sendable, Equatable {
    package static let fileName = "SHA256SUMS"

    /// By path in the folder.
    package var digests: [String: String]

    package init(_ digests: [String: String]) { self.digests = digests }

    /// Files that are not listed: the list itself, and the signature, which is made over it.
    static let unlisted = [fileName, ModelSignature.fileName]

    /// Reads the lines of a file.
    package init(parsing text: String) throws(Failure) {
        digests = [:]
        // sha256sum takes a carriage return for a part of the name, and so does this.
        let lines = text.unicodeScalars.split(separator: "\n").map { String($0) }
        for (index, line) in lines.enumerated() {
            let digest = String(line.prefix(64))
            let rest = line.dropFirst(64)
            // Two spaces, or a space and a star for binary mode.
            let name = String(rest.dropFirst(2))
            let components = name.split(separator: "/", omittingEmptySubsequences: false)
            guard isDigest(digest), rest.hasPrefix("  ") || rest.hasPrefix(" *"),
                components.allSatisfy({ isPlainFileName(String($0)) }), digests[name] == nil,
                !Self.unlisted.contains(name)
            else {
                throw Failure(
                    Finding(
                        .error, .sumsMalformed, "a line that is no digest with a name of the folder",
                        file: Self.fileName, field: "line \(index + 1)",
                        expected: "64 hexadecimal digits, two spaces, a path, once",
                        found: abridgedText(String(line)),
                        remedy: "ingot publish check DIR --fix writes it anew"))
            }
            digests[name] = digest
        }
    }

    package var text: String {
        digests.sorted { $0.key < $1.key }.map { "\($0.value)  \($0.key)\n" }.joined()
    }

    /// What the list says of the files that are there.
    ///
    /// - Parameter known: digests that were taken already.
    func findings(_ listing: ReleaseListing, known: [String: String]) -> [Finding] {
        var collector = FindingCollector()
        let files = Set(listing.files.map(\.path))
        for name in files.sorted() where !Self.unlisted.contains(name) {
            guard let expected = digests[name] else {
                collector.add(
                    Finding(
                        .error, .sumsIncomplete, "a file that the list of digests does not name", file: name,
                        expected: "a line in \(Self.fileName)", found: "none",
                        remedy: "ingot publish check DIR --fix writes the list anew"))
                continue
            }
            let found = known[name] ?? (try? digestFile(listing.path(of: name)).digest) ?? "unreadable"
            if found != expected {
                collector.add(
                    Finding(
                        .error, .sumsDiffer, "a file is not what the list of digests says", file: name,
                        expected: "sha256 \(expected)", found: "sha256 \(found)",
                        remedy: "copy the file again, or make the release anew"))
            }
        }
        for name in digests.keys.sorted() where !files.contains(name) {
            collector.add(
                Finding(
                    .error, .sumsIncomplete, "the list of digests names a file that is not there", file: name,
                    expected: "the file", found: "no such file", remedy: "copy the file again"))
        }
        return collector.findings
    }
}
