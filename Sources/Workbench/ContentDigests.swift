// What files and folders hold, as digests: what decides whether a stage must be done again. A file is read once; while
// the file system says that it is the same file, unchanged, its digest is remembered.

import Checkpoints
import Diagnostics
import Documents

/// The digests of what a run has read and made.
final class ContentDigests {
    private struct Known {
        let identity: String
        let digest: String
        let bytes: Int
    }

    /// What stands at a path.
    struct Content: Equatable {
        /// SHA-256 of a file, or of the names and digests of all files of a folder.
        let digest: String
        let files: Int
        let bytes: Int
    }

    private static let fileName = "digests.json"
    private static let format = 1

    private let path: String
    private var known: [String: Known] = [:]
    private var isChanged = false

    /// Takes what an earlier run remembered; a file that cannot be read is as none.
    init(_ folder: RunFolder) {
        path = folder.file(Self.fileName)
        guard let bytes = try? FileAccess.read(path, limit: 1 << 28),
            let document = try? JSONValue(parsing: bytes), let reader = try? StrictReader(document),
            (try? reader.integer("format")) == Self.format, let files = try? reader.objects("files")
        else { return }
        for file in files {
            guard let name = try? file.string("path"), let identity = try? file.string("identity"),
                let digest = try? file.string("sha256"), let bytes = try? file.integer("bytes")
            else { continue }
            known[name] = Known(identity: identity, digest: digest, bytes: bytes)
        }
    }

    /// Bytes that asking for a path would read.
    func unknownBytes(_ path: String) throws(Failure) -> Int {
        var bytes = 0
        for file in try Self.files(path) {
            let identity = try FileAccess.identity(file)
            if known[file]?.identity != identity.text { bytes += identity.size }
        }
        return bytes
    }

    /// The digest of a file or of a folder.
    func content(_ path: String, _ progress: any ProgressSink) throws(Failure) -> Content {
        guard FileAccess.kind(path) == .folder else {
            let file = try digest(path, progress)
            return Content(digest: file.digest, files: 1, bytes: file.bytes)
        }
        var whole = FileDigest()
        var bytes = 0
        let files = try Self.files(path)
        for file in files {
            let own = try digest(file, progress)
            bytes += own.bytes
            var line = "\(own.digest)  \(file.dropFirst(path.count + 1))\n"
            line.withUTF8 { whole.update(UnsafeRawBufferPointer($0)) }
        }
        return Content(digest: whole.finish(), files: files.count, bytes: bytes)
    }

    /// Takes the digest of a file that was just written from the stage that wrote it.
    func remember(_ path: String, digest: String, bytes: Int) {
        guard digest.utf8.count == 64, let identity = try? FileAccess.identity(path), identity.size == bytes
        else { return }
        known[path] = Known(identity: identity.text, digest: digest, bytes: bytes)
        isChanged = true
    }

    private func digest(_ file: String, _ progress: any ProgressSink) throws(Failure) -> Known {
        let identity = try FileAccess.identity(file).text
        if let known = known[file], known.identity == identity { return known }
        try StopFlag.check()
        let sealed = try digestFile(file)
        progress.advance(bytes: sealed.bytes)
        let value = Known(identity: identity, digest: sealed.digest, bytes: sealed.bytes)
        known[file] = value
        isChanged = true
        return value
    }

    /// Writes what is known, for the next run.
    func save() throws(Failure) {
        guard isChanged else { return }
        let files = known.sorted { $0.key < $1.key }.map { path, known -> JSONValue in
            [
                "path": .string(path), "identity": .string(known.identity), "sha256": .string(known.digest),
                "bytes": .integer(known.bytes),
            ]
        }
        let document: JSONValue = ["format": .integer(Self.format), "files": .array(files)]
        _ = try FileAccess.writeSealed(document.text() + "\n", to: path)
        isChanged = false
    }

    /// The files at a path, those of inner folders included, sorted; the program's own hidden notes left out.
    private static func files(_ path: String) throws(Failure) -> [String] {
        switch FileAccess.kind(path) {
        case .folder:
            var files: [String] = []
            for name in try FileAccess.names(in: path).sorted() where !name.hasPrefix(".ingot-") {
                files += try Self.files(joined(path, name))
            }
            return files
        case .nothing: throw FileAccess.missingOrUnreadable(path)
        default: return [path]
        }
    }
}
