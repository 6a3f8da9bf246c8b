// plan.json: the command that gives a plan, and what the plan is, for processes that share its units. Nothing is
// done by what this file says of units: every process plans anew from the source's headers and compares.

import Diagnostics
import Documents

/// The document that processes share.
package struct UnitPlanFile: Equatable, Sendable {
    /// A unit of the plan.
    package struct Unit: Equatable, Sendable {
        package let key: String
        /// Bytes.
        package let read: Int
        package let written: Int

        package init(key: String, read: Int, written: Int) {
            self.key = key
            self.read = read
            self.written = written
        }
    }

    /// A file of the source as it was when the plan was made.
    package struct Source: Equatable, Sendable {
        package let path: String
        package let bytes: Int
        /// `FileIdentity.modifiedText`.
        package let modified: String
    }

    static let format = 1

    /// Of the program that made it.
    package let version: String
    /// The command line after the program's name.
    package let arguments: [String]
    /// The working directory that paths of the command are in.
    package let folder: String
    package let stage: String
    package let digest: String
    /// The path of the output, as the command gives it.
    package let output: String
    /// When the artefact that stands at the output was last written; nil where none stands.
    package let stood: String?
    package let sources: [Source]
    package let units: [Unit]

    /// The document of a plan.
    package init(
        _ run: UnitRun<some UnitPlan>, version: String, arguments: [String], folder: String
    ) throws(Failure) {
        self.version = version
        self.arguments = arguments
        self.folder = folder
        stage = run.plan.stage
        digest = run.plan.digest
        output = run.output.path
        stood = (try? FileAccess.identity(run.output.path))?.modifiedText
        var sources: [String: Source] = [:]
        var units: [Unit] = []
        for unit in run.plan.units {
            units.append(
                Unit(
                    key: unit.key, read: unit.sourceByteCount,
                    written: try unit.files().reduce(0) { $0 + $1.bytes }))
            for file in try unit.sources() {
                sources[file.path] = Source(
                    path: file.path, bytes: file.identity.size, modified: file.identity.modifiedText)
            }
        }
        self.units = units
        self.sources = sources.values.sorted { $0.path < $1.path }
    }

    /// Bytes of each unit, read and written: what shares are dealt by.
    package var loads: [Int] { units.map { $0.read + $0.written } }

    // MARK: Document

    package var document: JSONValue {
        var object = JSONObject()
        object["format"] = .integer(Self.format)
        object["version"] = .string(version)
        object["arguments"] = .array(arguments.map(JSONValue.string))
        object["folder"] = .string(folder)
        object["stage"] = .string(stage)
        object["plan_sha256"] = .string(digest)
        object["output"] = .string(output)
        if let stood { object["stood"] = .string(stood) }
        object["sources"] = .array(
            sources.map {
                ["path": .string($0.path), "bytes": .integer($0.bytes), "modified": .string($0.modified)]
            })
        object["units"] = .array(
            units.map {
                ["key": .string($0.key), "read": .integer($0.read), "written": .integer($0.written)]
            })
        return .object(object)
    }

    init(document: JSONValue) throws(DocumentError) {
        let reader = try StrictReader(document)
        guard try reader.integer("format") == Self.format else {
            throw reader.mismatch("format", "\(Self.format)")
        }
        version = try reader.string("version")
        arguments = try reader.strings("arguments")
        folder = try reader.string("folder")
        stage = try reader.string("stage")
        digest = try reader.string("plan_sha256")
        output = try reader.string("output")
        stood = reader.has("stood") ? try reader.string("stood") : nil
        var sources: [Source] = []
        for source in try reader.objects("sources") {
            sources.append(
                Source(
                    path: try source.string("path"), bytes: try Self.count(source, "bytes"),
                    modified: try source.string("modified")))
            try source.finish()
        }
        self.sources = sources
        var units: [Unit] = []
        for unit in try reader.objects("units") {
            units.append(
                Unit(
                    key: try unit.string("key"), read: try Self.count(unit, "read"),
                    written: try Self.count(unit, "written")))
            try unit.finish()
        }
        self.units = units
        try reader.finish()
    }

    private static func count(_ reader: StrictReader, _ key: String) throws(DocumentError) -> Int {
        let value = try reader.integer(key)
        // Sums of them must not overflow.
        guard (0...(1 << 50)).contains(value) else { throw reader.mismatch(key, "a number of bytes") }
        return value
    }

    /// Reads a plan.
    ///
    /// - Throws: UNIT-001 for a file that is none.
    package static func read(_ path: String) throws(Failure) -> UnitPlanFile {
        let bytes = try FileAccess.read(path, limit: 1 << 28)
        return try readDocument(bytes, code: .unitPlanMalformed, file: path) {
            (document) throws(DocumentError) in
            try UnitPlanFile(document: document)
        }
    }

    /// Writes the plan: the file is absent or whole.
    package func write(_ path: String) throws(Failure) {
        _ = try FileAccess.writeSealed(document.text() + "\n", to: path)
    }

    // MARK: Agreement

    /// The files of the source that are not what they were when the plan was made, by size and time.
    package func changedSources(_ planPath: String) -> [Finding] {
        var collector = FindingCollector()
        for source in sources {
            let found = try? FileAccess.identity(source.path)
            guard found?.size != source.bytes || found?.modifiedText != source.modified else { continue }
            collector.add(
                Finding(
                    .error, .unitSourceChanged, "a file of the source changed after the plan was made",
                    file: source.path,
                    expected:
                        "\(grouped(source.bytes)) bytes of time \(source.modified), as \(planPath) says",
                    found: found.map { "\(grouped($0.size)) bytes of time \($0.modifiedText)" }
                        ?? "no file that can be read",
                    remedy: "plan again with --units and --replace, or put the file back with its time"))
        }
        return collector.findings
    }

    /// What a plan that was made anew has in common with this one must be all of it.
    package func check(_ again: UnitPlanFile, _ planPath: String) throws(Failure) {
        let pairs = [
            ("stage", stage, again.stage), ("plan_sha256", digest, again.digest),
            ("output", output, again.output),
        ]
        for (field, expected, found) in pairs where expected != found {
            throw differs(planPath, field, expected, found)
        }
        guard sources == again.sources else {
            let place = zip(sources, again.sources).first { $0 != $1 }
            throw differs(
                planPath, "sources", place?.0.path ?? "\(grouped(sources.count)) files",
                place?.1.path ?? "\(grouped(again.sources.count)) files")
        }
        guard units == again.units else {
            let place = zip(units, again.units).first { $0 != $1 }
            throw differs(
                planPath, "units", place.map { "\($0.0)" } ?? "\(grouped(units.count)) units",
                place.map { "\($0.1)" } ?? "\(grouped(again.units.count)) units")
        }
    }

    private func differs(_ path: String, _ field: String, _ expected: String, _ found: String) -> Failure {
        Failure(
            Finding(
                .error, .unitPlanDiffers, "the command gives another plan than it gave", file: path,
                field: field, expected: expected, found: found,
                remedy: "see what changed in the checkpoint or the files it names; or plan again with --units"
            ))
    }
}

extension UnitPlanFile.Unit: CustomStringConvertible {
    package var description: String {
        "\(key): \(grouped(read)) bytes read, \(grouped(written)) written"
    }
}
