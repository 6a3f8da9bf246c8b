// A piece of work whose files are sealed together, and a plan of such pieces. Every stage that writes weights is a
// plan of units; one runner does them, resumes them, and lets several processes share them.

import Diagnostics
import Documents

/// A file of an artefact, by its path in the folder.
package struct ArtefactFile: Equatable, Sendable {
    package let name: String
    package let sealed: WriteBehind.Sealed

    package init(name: String, sealed: WriteBehind.Sealed) {
        self.name = name
        self.sealed = sealed
    }

    /// Name, bytes and digest, as records and reports write them.
    package var document: JSONValue {
        ["name": .string(name), "bytes": .integer(sealed.bytes), "sha256": .string(sealed.digest)]
    }
}

/// What a unit finds out beside its files: what records and later units of the plan need of it.
package protocol UnitDetail: Equatable, Sendable {
    var document: JSONValue { get }
    init(document: JSONValue, path: String) throws(DocumentError)
}

/// What doing a unit gave.
package struct UnitProduct<Detail: UnitDetail>: Sendable {
    /// In the order of the unit's `files`.
    package let files: [ArtefactFile]
    package let detail: Detail

    package init(files: [ArtefactFile], detail: Detail) {
        self.files = files
        self.detail = detail
    }
}

/// A file that a unit reads, as it was when the plan was made.
package struct SourceFile: Sendable {
    package let path: String
    package let identity: FileIdentity

    package init(path: String, identity: FileIdentity) {
        self.path = path
        self.identity = identity
    }
}

/// A file that a unit will write: its length is known before.
package struct PlannedFile: Equatable, Sendable {
    /// The path in the output folder.
    package let name: String
    package let bytes: Int

    package init(name: String, bytes: Int) {
        self.name = name
        self.bytes = bytes
    }
}

/// Memory of the units in work, shared out before they start.
package protocol UnitBudget: Sendable {
    /// Units in work at a time.
    var atOnce: Int { get }
}

/// A piece of work: some files that are written together.
///
/// Doing it again gives the same bytes, in any process and on any machine, whatever else is being done.
package protocol WorkUnit: Sendable {
    associatedtype Detail: UnitDetail
    associatedtype Budget: UnitBudget

    /// Tells it from every other unit of the plan.
    var key: String { get }
    /// Bytes it reads, for progress and for fair shares.
    var sourceByteCount: Int { get }
    /// The files it reads, in an order of the plan.
    func sources() throws(Failure) -> [SourceFile]
    /// The files it writes.
    func files() throws(Failure) -> [PlannedFile]
    /// Does it.
    func run(into place: UnitPlace, budget: Budget, progress: any ProgressSink) throws(Failure)
        -> UnitProduct<Detail>
}

/// A plan of units with what stands around them.
package protocol UnitPlan: Sendable {
    associatedtype Unit: WorkUnit
    /// What is made after the units, for reports.
    associatedtype Front: Sendable

    /// What is being done, for progress: `quantise`, `shard`, `copying`.
    var stage: String { get }
    /// The folder that is read.
    var sourceFolder: String { get }
    /// In the order of the artefact.
    var units: [Unit] { get }
    /// Folders to be made in the output before work starts.
    var folders: [String] { get }
    /// Bytes of the output.
    var byteCount: Int { get }
    /// SHA-256 of everything that decides the output's bytes but the data of the source.
    var digest: String { get }
    /// What must be as it was for unfinished work to be gone on with, for messages.
    var sameness: String { get }
    /// Shares memory out among units.
    ///
    /// - Parameter jobs: units at once that were asked for.
    func budget(for units: [Unit], jobs: Int) -> Unit.Budget
    /// Whether an artefact says itself that it was made by this plan.
    func isRecorded(in folder: String) -> Bool
    /// Sidecars, records and index, the file that makes the folder loadable last.
    ///
    /// - Parameter units: all of them, in the order of the plan.
    func writeFront(_ units: [SealedUnit<Unit.Detail>], into output: OutputFolder) throws(Failure) -> Front
}

extension UnitPlan {
    /// Most plans make no folders.
    package var folders: [String] { [] }

    /// An artefact without a record of its plan still has the journal, until it is tidied up.
    package func isRecorded(in folder: String) -> Bool { Journal.plan(in: folder) == digest }
}

/// XXH3-128 of each tensor or slice that a unit wrote, in the order of its plan.
package struct DigestList: UnitDetail {
    package let values: [TensorDigest.Value]

    package init(_ values: [TensorDigest.Value]) { self.values = values }

    /// One text: there are thousands of them.
    package var document: JSONValue { .string(values.map(\.description).joined(separator: " ")) }

    package init(document: JSONValue, path: String) throws(DocumentError) {
        guard case .string(let text) = document else {
            throw DocumentError(
                path: path, what: "a value of the wrong kind", expected: "a string", found: document.kind)
        }
        var values: [TensorDigest.Value] = []
        for word in text.split(separator: " ") {
            guard let value = TensorDigest.Value(String(word)) else {
                throw DocumentError(
                    path: path, what: "a value of the wrong kind", expected: "32 hexadecimal digits each",
                    found: "\"\(word)\"")
            }
            values.append(value)
        }
        self.values = values
    }
}
