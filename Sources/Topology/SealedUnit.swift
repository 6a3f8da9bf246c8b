// A piece of work whose files are sealed together, and the line a journal keeps of it.

import Checkpoints
import Diagnostics
import Documents

/// A file of an artefact, by its path in the folder.
package struct ShardFile: Equatable, Sendable {
    package let name: String
    package let sealed: WriteBehind.Sealed
}

/// What became of a unit of work.
package struct SealedUnit: Equatable, Sendable {
    package let key: String
    package let files: [ShardFile]
    /// XXH3-128 of each slice that was written, in the order of the unit's plan.
    package let digests: [TensorDigest.Value]
    /// The source files as they were when they were read.
    package let source: String

    var document: JSONValue {
        [
            "unit": .string(key), "source": .string(source),
            "files": .array(
                files.map {
                    [
                        "name": .string($0.name), "bytes": .integer($0.sealed.bytes),
                        "sha256": .string($0.sealed.digest),
                    ]
                }),
            "digests": .string(digests.map(\.description).joined(separator: " ")),
        ]
    }

    init(key: String, files: [ShardFile], digests: [TensorDigest.Value], source: String) {
        self.key = key
        self.files = files
        self.digests = digests
        self.source = source
    }

    init(document: JSONValue) throws(DocumentError) {
        let reader = try StrictReader(document)
        key = try reader.string("unit")
        source = try reader.string("source")
        var files: [ShardFile] = []
        for file in try reader.objects("files") {
            files.append(
                ShardFile(
                    name: try file.string("name"),
                    sealed: WriteBehind.Sealed(
                        bytes: try file.integer("bytes"), digest: try file.string("sha256"))))
            try file.finish()
        }
        self.files = files
        var digests: [TensorDigest.Value] = []
        for word in try reader.string("digests").split(separator: " ") {
            guard let digest = TensorDigest.Value(String(word)) else {
                throw reader.mismatch("digests", "32 hexadecimal digits each")
            }
            digests.append(digest)
        }
        self.digests = digests
        try reader.finish()
    }
}

/// A piece of work: some files that are written together.
protocol WorkUnit: Sendable {
    /// Tells it from every other unit of the plan.
    var key: String { get }
    /// Bytes it reads, for progress.
    var sourceByteCount: Int { get }
    /// A line that changes when the files it reads do.
    func sourceIdentity() throws(Failure) -> String
    /// Does it into a folder.
    func run(into folder: String, budget: MoveBudget, progress: any ProgressSink) throws(Failure)
        -> SealedUnit
}

/// Memory of units in work.
struct MoveBudget: Sendable {
    /// Units at once.
    let jobs: Int

    /// What the buffers of all units may hold, bytes; the rest of 64 MiB is for headers and the program.
    static let limit = 24 << 20
    /// Buffers at each end of a pipeline.
    static let depth = 3

    /// Bytes of one read or write of a unit with so many open outputs.
    func block(writers: Int) -> Int {
        let share = Self.limit / (jobs * Self.depth * (writers + 1))
        return min(2 << 20, max(64 << 10, share / AlignedBuffer.alignment * AlignedBuffer.alignment))
    }
}
