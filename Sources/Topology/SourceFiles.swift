// The files that units read, opened as units need them and compared with what the plan saw.

import Checkpoints
import Diagnostics

/// Files of a source folder by number.
struct SourceFiles: Sendable {
    /// Each as it was when the plan was made.
    let files: [SourceFile]

    init(_ files: [SourceFile]) { self.files = files }

    /// The shards of a checkpoint.
    init(_ checkpoint: Checkpoint) {
        files = checkpoint.shards.indices.map {
            SourceFile(path: checkpoint.path(ofShard: $0), identity: checkpoint.shards[$0].identity)
        }
    }

    /// Some of them, by number.
    func some(_ numbers: Set<Int>) -> [SourceFile] { numbers.sorted().map { files[$0] } }

    /// Opens some files; one that changed since the plan was made is an error.
    func open(_ numbers: Set<Int>) throws(Failure) -> [Int: BulkReader] {
        var readers: [Int: BulkReader] = [:]
        for number in numbers.sorted() {
            let reader = try BulkReader(path: files[number].path)
            guard reader.identity == files[number].identity else {
                try reader.checkUnchanged()
                throw Failure(
                    Finding(
                        .error, .changedWhileRead, "this file changed after the plan was made",
                        file: reader.path,
                        remedy: "let whatever writes it finish, then repeat with --resume"))
            }
            readers[number] = reader
        }
        return readers
    }
}
