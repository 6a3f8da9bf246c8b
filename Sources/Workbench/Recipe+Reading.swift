// Where recipes come from: a file, or one of the program's own by name; and what a command line sets in one.

import Checkpoints
import Diagnostics
import Documents

/// A value set from outside: `publish.base_model=OWNER/NAME`.
package struct RecipeSetting: Sendable {
    /// The keys that lead to it.
    package let path: [String]
    package let value: JSONValue

    /// Reads `SECTION.KEY=VALUE`; the value is JSON, or a text when it is none.
    ///
    /// - Returns: nil without a key or an equals sign.
    package init?(_ text: String) {
        guard let equals = text.firstIndex(of: "=") else { return nil }
        path = text[..<equals].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard !path.isEmpty, !path.contains("") else { return nil }
        let word = String(text[text.index(after: equals)...])
        value = (try? JSONValue(parsing: Array(word.utf8))) ?? .string(word)
    }

    package init(path: [String], value: JSONValue) {
        self.path = path
        self.value = value
    }
}

extension Recipe {
    /// The recipes this program carries.
    package static var names: [String] { ProfileLibrary.embedded.names(in: "recipes") }

    /// A recipe by the path of a file or by name, with settings from outside.
    ///
    /// Paths in a file are relative to it; paths of settings and of the program's own recipes to the folder in which
    /// the program was started.
    package static func read(_ nameOrPath: String, settings: [RecipeSetting]) throws(Failure) -> Recipe {
        var bytes: [UInt8]
        var folder = workingFolder()
        var file = nameOrPath
        if let own = ProfileLibrary.embedded.document(at: "recipes/\(nameOrPath).json") {
            bytes = own
            file = "Profiles/recipes/\(nameOrPath).json"
        } else if nameOrPath.hasSuffix(".json") || nameOrPath.contains("/") {
            bytes = try FileAccess.read(nameOrPath, limit: 1 << 20)
            folder = absolute(parentFolder(nameOrPath), from: folder)
        } else {
            throw Failure(
                Finding(
                    .error, .unknownRecipe, "no recipe of this name", option: nameOrPath,
                    expected: names.joined(separator: ", ") + ", or the path of a recipe",
                    remedy: nearMiss(nameOrPath, among: names).map { "did you mean \($0)?" }
                        ?? "ingot run --init CHECKPOINT --target ENGINE/DEVICE writes one"))
        }
        let from = workingFolder()
        return try readDocument(bytes, code: .badRecipe, file: file) { (value) throws(DocumentError) in
            var document = value
            for setting in settings { document = try setting.applied(to: document, pathsFrom: from) }
            return try Recipe(document, folder: folder)
        }
    }
}

extension RecipeSetting {
    /// The document with the value in its place; sections on the way are made.
    func applied(
        to document: JSONValue, pathsFrom folder: String
    ) throws(DocumentError) -> JSONValue {
        try Self.set(document, path, Self.placed(value, at: path, from: folder))
    }

    /// The value with its paths made absolute, wherever in it they stand.
    private static func placed(_ value: JSONValue, at path: [String], from folder: String) -> JSONValue {
        switch value {
        case .object(var object):
            for member in object.members {
                object[member.key] = placed(member.value, at: path + [member.key], from: folder)
            }
            return .object(object)
        case .array(let elements): return .array(elements.map { placed($0, at: path, from: folder) })
        case .string(let text) where isPath(text, at: path): return .string(absolute(text, from: folder))
        default: return value
        }
    }

    /// Whether a value is the path of something that is read.
    private static func isPath(_ value: String, at path: [String]) -> Bool {
        if path == ["checkpoint"] { return true }
        let section = path.dropLast().joined(separator: ".")
        let key = RecipeSection.all.first { $0.path == section }?.keys.first { $0.name == path.last }
        return key?.kind.isPath(value) ?? false
    }

    private static func set(
        _ document: JSONValue, _ path: [String], _ value: JSONValue, at place: Int = 0
    ) throws(DocumentError) -> JSONValue {
        guard place < path.count else { return value }
        guard case .object(var object) = document else {
            throw DocumentError(
                path: path[..<place].joined(separator: "."), what: "a value is no section",
                expected: "a section, to set \(path.joined(separator: ".")) in it",
                found: document.text(.compact))
        }
        object[path[place]] = try set(object[path[place]] ?? [:], path, value, at: place + 1)
        return .object(object)
    }
}
