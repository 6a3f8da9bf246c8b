// A recipe: what a chain is to do, as JSON. Read strictly; what it leaves out is the commands' own default.

import Checkpoints
import Diagnostics
import Documents

/// What a chain is to do.
///
/// - Checked by: RecipeTests.
package struct Recipe: Sendable {
    /// Options of one section, as words of a command line.
    package struct Choice: Sendable, Equatable {
        package let key: String
        /// Empty for a flag.
        package let values: [String]
    }

    /// The version of the document that this program reads.
    package static let format = 1

    /// What it is called in reports.
    package let name: String
    /// What it is for.
    package let summary: String?
    /// The folder of the source.
    package let checkpoint: String?
    /// ENGINE/DEVICE.
    package let target: String?
    /// Sections that stand in it, by path, each with what it says.
    package let sections: [String: [Choice]]
    /// As it was read, with what was set from outside.
    package let document: JSONValue

    /// Reads a recipe.
    ///
    /// - Parameter folder: what relative paths are relative to.
    package init(_ document: JSONValue, folder: String) throws(DocumentError) {
        self.document = document
        let reader = try StrictReader(document)
        guard try reader.integer("format") == Self.format else {
            throw reader.mismatch("format", "\(Self.format), the format this program reads")
        }
        name = try reader.string("name")
        guard isPlainFileName(name) else { throw reader.mismatch("name", "a plain word, such as h20-fp8") }
        summary = reader.has("summary") ? try reader.string("summary") : nil
        checkpoint =
            reader.has("checkpoint") ? absolute(try reader.string("checkpoint"), from: folder) : nil
        target = reader.has("target") ? try reader.string("target") : nil
        // Where an editor finds the schema.
        if reader.has("$schema") { _ = try reader.string("$schema") }
        if reader.has("sources") { try Self.checkSources(try reader.object("sources")) }
        var sections: [String: [Choice]] = [:]
        var readers: [String: StrictReader] = ["": reader]
        for section in RecipeSection.all {
            let words = section.path.split(separator: ".").map(String.init)
            guard let parent = readers[words.dropLast().joined(separator: ".")],
                parent.has(words[words.count - 1])
            else { continue }
            let own = try parent.object(words[words.count - 1])
            readers[section.path] = own
            sections[section.path] = try Self.choices(section, own, folder)
        }
        for section in RecipeSection.all.reversed() { try readers[section.path]?.finish() }
        try reader.finish()
        self.sections = sections
        if sections["draft"] != nil, let draft = readers["draft"] { try Self.check(draft: draft, sections) }
    }

    private static func choices(
        _ section: RecipeSection, _ reader: StrictReader, _ folder: String
    ) throws(DocumentError) -> [Choice] {
        var choices: [Choice] = []
        for key in section.keys {
            guard let value = key.isRequired ? try reader.required(key.name) : reader.value(key.name),
                var values = try key.values(value, reader)
            else { continue }
            values = values.map { key.kind.isPath($0) ? absolute($0, from: folder) : $0 }
            choices.append(Choice(key: key.name, values: values))
        }
        return choices
    }

    private static func check(
        draft reader: StrictReader, _ sections: [String: [Choice]]
    ) throws(DocumentError) {
        let hasHead = sections["draft"]?.contains { $0.key == "head" } ?? false
        let trains = sections["draft.train"] != nil
        guard hasHead != trains else {
            throw DocumentError(
                path: "draft", what: hasHead ? "a head is given and trained" : "there is no head",
                expected: "one of \"head\" and \"train\"", found: hasHead ? "both" : "neither",
                remedy: hasHead
                    ? "remove one of them" : "\"head\": \"PATH\", or \"train\": {\"data\": \"FILE\"}")
        }
    }

    /// Where values come from, by key: for people, so only their kind is looked at.
    private static func checkSources(_ reader: StrictReader) throws(DocumentError) {
        for key in reader.unread { _ = try reader.string(key) }
        try reader.finish()
    }

    /// What a section says under a key.
    package func value(_ section: String, _ key: String) -> String? {
        sections[section]?.first { $0.key == key }?.values.first
    }

    /// Whether a section switches a flag on.
    package func isOn(_ section: String, _ key: String) -> Bool {
        sections[section]?.contains { $0.key == key } ?? false
    }

    package func has(_ section: String) -> Bool { sections[section] != nil }
}

/// A path made absolute against a folder, with links resolved where something stands there.
package func absolute(_ path: String, from folder: String) -> String {
    let path = path.hasPrefix("/") ? path : joined(folder, path)
    return resolved(path) ?? path
}
