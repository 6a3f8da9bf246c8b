// release.json: what this release was made from, in digests, so that whoever has it and the base can follow the
// chain from one to the other.

import Checkpoints
import Diagnostics
import Documents

/// The record of a release.
package struct ReleaseManifest: Sendable, Equatable {
    package static let fileName = "release.json"
    package static let schema = 1

    package var tool: String
    package var name: String
    package var hubs: [Hub]
    package var base: BaseFiles
    /// The folder that was prepared, by name, and its shards: SHA-256.
    package var source: String
    package var sourceShards: [String: String]
    /// SHA-256 of the conversion's plan; nil for weights that were not converted.
    package var plan: String?
    /// Bytes that a shard of this release may have.
    package var shardBytes: Int
    /// SHA-256 of the plan of this release.
    package var release: String

    package init(
        tool: String, name: String, hubs: [Hub], base: BaseFiles, source: String,
        sourceShards: [String: String], plan: String?, shardBytes: Int,
        release: String
    ) {
        self.tool = tool
        self.name = name
        self.hubs = hubs
        self.base = base
        self.source = source
        self.sourceShards = sourceShards
        self.plan = plan
        self.shardBytes = shardBytes
        self.release = release
    }

    /// Reads the manifest of a folder.
    package static func read(_ folder: String) throws(Failure) -> ReleaseManifest {
        try readDocument(
            try FileAccess.read(joined(folder, fileName), limit: 1 << 26), code: .recordMalformed,
            file: fileName
        ) { (value) throws(DocumentError) in try ReleaseManifest(value) }
    }

    init(_ value: JSONValue) throws(DocumentError) {
        let reader = try StrictReader(value)
        try reader.schema(Self.schema)
        tool = try reader.string("tool")
        name = try reader.string("name")
        var hubs: [Hub] = []
        for name in try reader.strings("hubs") {
            guard let hub = Hub(rawValue: name) else {
                throw reader.mismatch(
                    "hubs", "names among " + Hub.allCases.map(\.rawValue).joined(separator: ", "))
            }
            hubs.append(hub)
        }
        self.hubs = hubs
        let base = try reader.object("base")
        func text(_ reader: StrictReader, _ key: String) throws(DocumentError) -> String? {
            reader.has(key) ? try reader.string(key) : nil
        }
        self.base = BaseFiles(
            model: try text(base, "model"), revision: try text(base, "revision"),
            licence: try text(base, "license"), files: try Self.digests(base, "files"))
        try base.finish()
        let source = try reader.object("source")
        self.source = try source.string("name")
        sourceShards = try Self.digests(source, "shards")
        plan = try text(source, "plan_sha256")
        try source.finish()
        shardBytes = try reader.integer("shard_bytes")
        release = try reader.string("release_plan_sha256")
        try reader.finish()
    }

    private static func digests(_ reader: StrictReader, _ key: String) throws(DocumentError) -> [String:
        String]
    {
        var digests: [String: String] = [:]
        for file in try reader.objects(key) {
            let digest = try file.string("sha256")
            guard isDigest(digest) else { throw file.mismatch("sha256", "64 hexadecimal digits") }
            digests[try file.string("name")] = digest
            try file.finish()
        }
        return digests
    }

    package var document: JSONValue {
        func digests(_ files: [String: String]) -> JSONValue {
            .array(
                files.sorted { $0.key < $1.key }.map {
                    ["name": .string($0.key), "sha256": .string($0.value)]
                })
        }
        return [
            "schema": .integer(Self.schema), "tool": .string(tool), "name": .string(name),
            "hubs": .array(hubs.map { .string($0.rawValue) }),
            "base": [
                "model": .optional(base.model), "revision": .optional(base.revision),
                "license": .optional(base.licence), "files": digests(base.files),
            ],
            "source": [
                "name": .string(source), "plan_sha256": .optional(plan), "shards": digests(sourceShards),
            ],
            "shard_bytes": .integer(shardBytes), "release_plan_sha256": .string(release),
        ]
    }
}

/// Whether a text is 64 lower-case hexadecimal digits.
func isDigest(_ text: String) -> Bool {
    text.utf8.count == 64
        && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
}
