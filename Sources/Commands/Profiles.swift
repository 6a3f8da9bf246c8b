// ingot profiles list | show: the data this program decides by.

import ArgumentParser
import Diagnostics
import Documents

/// Lists and shows profiles.
struct Profiles: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "List or show the profiles: schemes, engines, devices, architectures, numerics, tolerances.",
        usage: """
            ingot profiles list
            ingot profiles show NAME
            """,
        discussion: """
            A profile holds the numbers that Ingot decides by, each with its source. Their names are what \
            --scheme, --target, --tolerance and --numerics take.

            Example:
              ingot profiles show fp8-block
            """,
        subcommands: [List.self, Show.self], defaultSubcommand: List.self)

    static let folder = "Profiles/"

    /// Paths of all profiles without folder and ending, `schemes/fp8-block`; what is not JSON keeps its ending.
    static var names: [String] {
        EmbeddedFiles.paths.compactMap { path in
            guard path.hasPrefix(folder) else { return nil }
            let name = path.dropFirst(folder.count)
            return String(name.hasSuffix(".json") ? name.dropLast(5) : name)
        }
    }

    /// A profile as a document, or as the text it is.
    private static func shown(_ name: String) -> CommandResult {
        if let bytes = EmbeddedFiles.bytes(folder + name + ".json"),
            let document = try? JSONValue(parsing: bytes)
        {
            return CommandResult(text: document.text(), document: document)
        }
        var text = String(decoding: EmbeddedFiles.bytes(folder + name) ?? [], as: UTF8.self)
        while text.last == "\n" { text.removeLast() }
        return CommandResult(text: text, document: .string(text))
    }

    /// Lists them.
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List all profiles.", usage: "ingot profiles list")
        @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

        func run() throws {
            try options.report("profiles list") { () throws(Failure) in
                let names = Profiles.names
                return CommandResult(
                    text: names.joined(separator: "\n"), document: .array(names.map(JSONValue.string)))
            }
        }
    }

    /// Shows one.
    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a profile.", usage: "ingot profiles show NAME")
        @Argument(
            help: "A name from the list, such as schemes/fp8-block or just fp8-block.",
            completion: .profiles)
        var name: String
        @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

        func run() throws {
            try options.report("profiles show") { () throws(Failure) in
                let matches = Profiles.names.filter { $0 == name || $0.hasSuffix("/" + name) }
                if matches.count > 1 {
                    throw Failure(
                        Finding(
                            .error, .unknownProfile, "more than one profile has this name", option: name,
                            expected: "one of \(matches.joined(separator: ", "))", found: name,
                            remedy: "ingot profiles show \(matches[0])"))
                }
                guard let match = matches.first else {
                    let short = Profiles.names.map { $0.split(separator: "/").last.map(String.init) ?? $0 }
                    let near = nearMiss(name, among: Profiles.names + short)
                    throw Failure(
                        Finding(
                            .error, .unknownProfile, "no such profile", option: name,
                            expected: "a name from ingot profiles list",
                            remedy: near.map { "ingot profiles show \($0)" } ?? "ingot profiles list"))
                }
                return Profiles.shown(match)
            }
        }
    }
}
