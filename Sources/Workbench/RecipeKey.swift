// What a recipe may say: sections and their keys. Each key is an option of the command that a stage gives, under the
// option's own name with underscores; from this table come the strict reader, the JSON schema and the reference page.

import Documents

/// A key of a section.
package struct RecipeKey: Sendable {
    /// What values it takes.
    package enum Kind: Sendable {
        /// True gives the option, false leaves it out.
        case flag
        case integer
        case number
        case text
        /// A file or a folder, relative to the recipe.
        case path
        /// Given once for each of its texts.
        case list
        /// The name of one of the program's own profiles, or a file of the same form, relative to the recipe.
        case profile
        /// Given once for each of them.
        case profiles
    }

    package let name: String
    package let kind: Kind
    package let summary: String
    /// The stages whose command gets it; nil for those of the section.
    package let stages: [StageName]?
    package let isRequired: Bool

    init(
        _ name: String, _ kind: Kind, _ summary: String, only stages: [StageName]? = nil,
        isRequired: Bool = false
    ) {
        self.name = name
        self.kind = kind
        self.summary = summary
        self.stages = stages
        self.isRequired = isRequired
    }

    /// The option of the command.
    package var option: String { "--" + name.replacing("_", with: "-") }

    /// Reads a value; nil for a flag that is off.
    ///
    /// - Returns: the values of the option, an empty list for a flag.
    func values(_ value: JSONValue, _ reader: StrictReader) throws(DocumentError) -> [String]? {
        switch (kind, value) {
        case (.flag, .bool(let isOn)): return isOn ? [] : nil
        case (.integer, .number(let number)) where number.integer != nil: return [number.literal]
        case (.number, .number(let number)) where number.double?.isFinite == true: return [number.literal]
        case (.text, .string(let text)), (.path, .string(let text)), (.profile, .string(let text)):
            return [text]
        case (.list, .array(let elements)), (.profiles, .array(let elements)):
            var texts: [String] = []
            for element in elements {
                guard case .string(let text) = element else { throw reader.mismatch(name, kind.expected) }
                texts.append(text)
            }
            return texts.isEmpty ? nil : texts
        default: throw reader.mismatch(name, kind.expected)
        }
    }
}

extension RecipeKey.Kind {
    /// The kind in words, for messages.
    package var expected: String {
        switch self {
        case .flag: "true or false"
        case .integer: "an integer"
        case .number: "a finite number"
        case .text: "a string"
        case .path: "a path, as a string"
        case .list: "an array of strings"
        case .profile: "a profile's name, or a path, as a string"
        case .profiles: "an array of profiles' names or paths"
        }
    }

    /// Whether a value is the path of something that is read.
    ///
    /// The program's own profiles are plain words, and its libraries take anything else for a file.
    func isPath(_ value: String) -> Bool {
        switch self {
        case .path: true
        case .profile, .profiles: value.hasSuffix(".json") || value.contains("/")
        case .flag, .integer, .number, .text, .list: false
        }
    }
}

/// A section of a recipe: the stages it asks for and what it may say of them.
package struct RecipeSection: Sendable {
    /// Where it stands: `quantise`, `draft.train`.
    package let path: String
    package let stages: [StageName]
    package let summary: String
    package let keys: [RecipeKey]

    /// The keys that a stage's command gets.
    func keys(of stage: StageName) -> [RecipeKey] {
        keys.filter { $0.stages?.contains(stage) ?? stages.contains(stage) }
    }
}
