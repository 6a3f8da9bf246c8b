// What the journal of a run folder remembers of a stage.

import Checkpoints
import Diagnostics
import Documents

/// What a stage made, as digests.
package struct StageOutput: Sendable, Equatable {
    /// The path in the run folder.
    package let path: String
    /// SHA-256 of a file, or of the names and digests of all files of a folder.
    package let digest: String
    package let files: Int
    package let bytes: Int

    package var document: JSONValue {
        [
            "path": .string(path), "sha256": .string(digest), "files": .integer(files),
            "bytes": .integer(bytes),
        ]
    }
}

/// A stage that came to a good end.
struct StageNote: Equatable {
    let stage: StageName
    /// The digest of everything that decides what it makes.
    let key: String
    let seconds: Double
    let outputs: [StageOutput]

    var document: JSONValue {
        [
            "stage": .string(stage.rawValue), "event": "done", "key": .string(key), "seconds": .real(seconds),
            "outputs": .array(outputs.map(\.document)),
        ]
    }

    init(stage: StageName, key: String, seconds: Double, outputs: [StageOutput]) {
        self.stage = stage
        self.key = key
        self.seconds = seconds
        self.outputs = outputs
    }

    /// Reads a line; nil when it is another.
    init?(_ document: JSONValue) {
        guard let reader = try? StrictReader(document), (try? reader.string("event")) == "done",
            let stage = (try? reader.string("stage")).flatMap(StageName.init(rawValue:)),
            let key = try? reader.string("key"), let seconds = try? reader.double("seconds"),
            let outputs = try? reader.objects("outputs")
        else { return nil }
        var own: [StageOutput] = []
        for output in outputs {
            guard let path = try? output.string("path"), let digest = try? output.string("sha256"),
                let files = try? output.integer("files"), let bytes = try? output.integer("bytes")
            else { return nil }
            own.append(StageOutput(path: path, digest: digest, files: files, bytes: bytes))
        }
        self.init(stage: stage, key: key, seconds: seconds, outputs: own)
    }
}

/// Everything that the journal remembers.
struct RunNotes {
    /// The last good end of each stage.
    private(set) var done: [StageName: StageNote] = [:]
    /// The key that each stage was last begun with.
    private(set) var begun: [StageName: String] = [:]

    init(_ journal: Journal) throws(Failure) {
        for entry in try journal.entries() {
            if let note = StageNote(entry) {
                done[note.stage] = note
            } else if let reader = try? StrictReader(entry), (try? reader.string("event")) == "begun",
                let stage = (try? reader.string("stage")).flatMap(StageName.init(rawValue:)),
                let key = try? reader.string("key")
            {
                begun[stage] = key
                done[stage] = nil
            }
        }
    }

    static func begun(_ stage: StageName, key: String) -> JSONValue {
        ["stage": .string(stage.rawValue), "event": "begun", "key": .string(key)]
    }
}
