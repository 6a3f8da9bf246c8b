// What lies in a folder that is to be uploaded, sub-folders included, without following a link.

import Checkpoints
import Diagnostics

/// The entries of a release folder.
package struct ReleaseListing: Sendable {
    /// One entry, by its path in the folder.
    package struct Entry: Sendable {
        package let path: String
        package let kind: FileAccess.Kind
        /// Bytes; 0 for anything but a file.
        package let size: Int

        /// The last component.
        package var name: String { lastComponent(path) }
        /// Whether it stands at the top of the folder.
        package var isAtTop: Bool { !path.utf8.contains(UInt8(ascii: "/")) }
    }

    package let folder: String
    /// Sorted by path; what is below `.git` and `.cache` is left out, since the clients leave it out.
    package private(set) var entries: [Entry] = []
    /// More entries than were listed.
    package private(set) var isCut = false

    /// No release has as many; a folder that has is given up, not walked for hours.
    private static let limit = 200_000
    private static let depth = 16
    /// Folders that hold what clients keep for themselves.
    ///
    /// - Source: huggingface_hub 2.4.0 and modelscope_hub 0.5.1 leave both out when they upload a folder.
    static let clientFolders = [".git", ".cache"]

    package init(_ folder: String) throws(Failure) {
        self.folder = folder
        try list("", depth: 0)
        entries.sort { $0.path < $1.path }
    }

    private mutating func list(_ prefix: String, depth: Int) throws(Failure) {
        let place = prefix.isEmpty ? folder : joined(folder, prefix)
        for name in try FileAccess.names(in: place) {
            let path = prefix.isEmpty ? name : prefix + "/" + name
            if prefix.isEmpty, Self.clientFolders.contains(name) { continue }
            guard entries.count < Self.limit else {
                isCut = true
                return
            }
            let kind = FileAccess.kind(joined(folder, path), followingLinks: false)
            let size = kind == .file ? try FileAccess.identity(joined(folder, path)).size : 0
            entries.append(Entry(path: path, kind: kind, size: size))
            if kind == .folder, depth < Self.depth { try list(path, depth: depth + 1) }
        }
    }

    /// The files, links apart.
    package var files: [Entry] { entries.filter { $0.kind == .file } }

    /// Whether a file, or a link to one, stands at the top under a name.
    package func has(_ name: String) -> Bool {
        entries.contains { $0.path == name && ($0.kind == .file || $0.kind == .symbolicLink) }
    }

    /// The path on disk.
    package func path(of entry: String) -> String { joined(folder, entry) }

    /// The text of a small file; nil when there is none, it is too large, or it is not UTF-8.
    package func text(_ name: String, limit: Int = 1 << 24) -> String? {
        guard has(name), let bytes = try? FileAccess.read(path(of: name), limit: limit) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}
