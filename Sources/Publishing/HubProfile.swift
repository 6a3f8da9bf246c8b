// What a hub takes: limits, enumerations, what it must be able to read from git. The numbers and lists are data
// with their source and the day they were looked up (Profiles/releases).

import Diagnostics
import Documents

/// A hub that models are published on.
package enum Hub: String, CaseIterable, Sendable {
    case huggingFace = "huggingface"
    case modelScope = "modelscope"

    var profileName: String { self == .huggingFace ? "hugging-face" : "modelscope" }
}

/// One hub's limits and enumerations.
///
/// - Checked by: HubProfileTests.
package struct HubProfile: Sendable, Equatable {
    package let title: String
    /// The day the enumerations were looked up, ISO 8601.
    package let checked: String
    /// The command that uploads, with REPOSITORY and FOLDER in it.
    package let upload: String
    /// Bytes that one file may have, and those that every client takes.
    package let fileBytes: Int
    package let advisedFileBytes: Int
    package let fileCount: Int
    package let folderEntries: Int
    package let shardCount: Int
    /// Bytes up to which a file can be an ordinary one of git.
    package let inlineBytes: Int
    /// Names that must never be stored as large files.
    package let neverLarge: [String]
    /// The patterns of `.gitattributes` that store weights as large files.
    package let largePatterns: [String]
    package let licences: [String]
    /// Display names that the hub takes for an identifier.
    package let licenceNames: [String: String]
    /// `pipeline_tag`, or `tasks`.
    package let tasks: [String]
    package let relations: [String]
    package let libraries: [String]
    package let frameworks: [String]
    package let languages: [String]
    package let keys: [String]
    package let requiredKeys: [String]
    /// The source of each value above, by key.
    package let sources: [String: String]

    /// The profile of a hub.
    package static func read(_ hub: Hub, _ library: ProfileLibrary = .embedded) throws(Failure) -> HubProfile
    {
        try readReleaseProfile(hub.profileName, library) { (value) throws(DocumentError) in
            try HubProfile(value)
        }
    }

    init(_ value: JSONValue) throws(DocumentError) {
        let reader = try StrictReader(value)
        try reader.schema(1)
        title = try reader.string("title")
        checked = try reader.string("checked")
        var sources: [String: String] = [:]
        func sourced<Value>(
            _ key: String, _ read: (StrictReader) throws(DocumentError) -> Value
        ) throws(DocumentError) -> Value {
            let inner = try reader.object(key)
            let value = try read(inner)
            sources[key] = try inner.finishWithSource()
            return value
        }
        func number(_ key: String) throws(DocumentError) -> Int {
            try sourced(key) { (inner) throws(DocumentError) in try inner.integer("value") }
        }
        func list(_ key: String) throws(DocumentError) -> [String] {
            try sourced(key) { (inner) throws(DocumentError) in try inner.strings("value") }
        }
        upload = try sourced("upload") { (inner) throws(DocumentError) in try inner.string("value") }
        fileBytes = try number("file_bytes")
        advisedFileBytes = try number("advised_file_bytes")
        fileCount = try number("file_count")
        folderEntries = try number("folder_entries")
        shardCount = try number("shard_count")
        inlineBytes = try number("inline_bytes")
        neverLarge = try list("never_large")
        largePatterns = try list("large_patterns")
        licences = try list("licences")
        licenceNames = try sourced("licence_names") { (inner) throws(DocumentError) in
            guard case .object(let object) = try inner.required("value") else {
                throw inner.mismatch("value", "an object of names")
            }
            var names: [String: String] = [:]
            for member in object.members {
                guard case .string(let id) = member.value else {
                    throw inner.mismatch("value", "identifiers")
                }
                names[member.key] = id
            }
            return names
        }
        tasks = try list("tasks")
        relations = try list("relations")
        libraries = try list("libraries")
        frameworks = try list("frameworks")
        languages = try list("languages")
        keys = try list("keys")
        requiredKeys = try list("required_keys")
        self.sources = sources
        try reader.finish()
    }
}

/// Reads a document of Profiles/releases.
func readReleaseProfile<Value>(
    _ name: String, _ library: ProfileLibrary, _ read: (JSONValue) throws(DocumentError) -> Value
) throws(Failure) -> Value {
    let path = "releases/\(name).json"
    return try readDocument(
        library.document(at: path) ?? [], code: .releaseProfileMalformed, file: path, read)
}
