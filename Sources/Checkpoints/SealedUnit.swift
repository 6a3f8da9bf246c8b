// The line of a sealed unit: in the journal of a run, or beside the others where several processes share a plan.

import Diagnostics
import Documents

/// What became of a unit of work.
package struct SealedUnit<Detail: UnitDetail>: Equatable, Sendable {
    package let key: String
    package let files: [ArtefactFile]
    package let detail: Detail
    /// The source files as they were when they were read.
    package let source: String

    package var document: JSONValue {
        [
            "unit": .string(key), "source": .string(source),
            "files": .array(
                files.map(\.document)),
            "detail": detail.document,
        ]
    }

    package init(key: String, product: UnitProduct<Detail>, source: String) {
        self.key = key
        files = product.files
        detail = product.detail
        self.source = source
    }

    package init(document: JSONValue) throws(DocumentError) {
        let reader = try StrictReader(document)
        key = try reader.string("unit")
        source = try reader.string("source")
        var files: [ArtefactFile] = []
        for file in try reader.objects("files") {
            files.append(
                ArtefactFile(
                    name: try file.string("name"),
                    sealed: WriteBehind.Sealed(
                        bytes: try file.integer("bytes"), digest: try file.string("sha256"))))
            try file.finish()
        }
        self.files = files
        detail = try Detail(document: try reader.required("detail"), path: "detail")
        try reader.finish()
    }
}

/// Who compares the identities of source files.
package enum IdentityScope: Sendable {
    /// Runs on one machine: a file that was replaced by another of the same size and time is seen.
    case machine
    /// Processes on several machines: each numbers the devices and files of a shared disk in its own way.
    case cluster
}

extension [SourceFile] {
    /// A line that changes when one of the files does.
    package func identity(_ scope: IdentityScope) -> String {
        map { scope == .machine ? $0.identity.text : $0.identity.portableText }.joined(separator: "; ")
    }
}

extension SealedUnit {
    /// Whether the line says of a unit what the plan says: its key, its source as it is now, and its files.
    func belongs(to unit: some WorkUnit, _ scope: IdentityScope) throws(Failure) -> Bool {
        guard key == unit.key, source == (try unit.sources().identity(scope)) else { return false }
        return try files.map { PlannedFile(name: $0.name, bytes: $0.sealed.bytes) } == unit.files()
    }

    /// The files of the unit that are not what was sealed: their digests are taken anew.
    func damaged(in folder: String) -> [(file: ArtefactFile, found: WriteBehind.Sealed?)] {
        files.compactMap { file in
            let path = joined(folder, file.name)
            // A link could lead anywhere, and would be sealed as one.
            let isFile = FileAccess.kind(path, followingLinks: false) == .file
            let found = isFile ? try? digestFile(path) : nil
            return found == file.sealed ? nil : (file, found)
        }
    }
}
