// ingot profiles list | show: the data this program decides by.

import ArgumentParser
import Diagnostics
import Documents

/// Lists and shows profiles.
struct Profiles: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "List or show the profiles: schemes, engines, devices, architectures, numerics, tolerances.",
        subcommands: [List.self, Show.self], defaultSubcommand: List.self)

    static let folder = "Profiles/"

    /// Paths of all profiles without folder and ending: `schemes/fp8-block`.
    static var names: [String] {
        EmbeddedFiles.paths.compactMap {
            $0.hasPrefix(folder) ? String($0.dropFirst(folder.count).dropLast(5)) : nil
        }
    }

    /// Lists them.
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List all profiles.")
        @OptionGroup var options: ReportOptions

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
        static let configuration = CommandConfiguration(abstract: "Print a profile.")
        @Argument(help: "A name from the list, such as schemes/fp8-block or just fp8-block.")
        var name: String
        @OptionGroup var options: ReportOptions

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
                guard let match = matches.first,
                    let bytes = EmbeddedFiles.bytes(Profiles.folder + match + ".json"),
                    let document = try? JSONValue(parsing: bytes)
                else {
                    let short = Profiles.names.map { $0.split(separator: "/").last.map(String.init) ?? $0 }
                    let near = nearMiss(name, among: Profiles.names + short)
                    throw Failure(
                        Finding(
                            .error, .unknownProfile, "no such profile", option: name,
                            expected: "a name from ingot profiles list",
                            remedy: near.map { "ingot profiles show \($0)" } ?? "ingot profiles list"))
                }
                return CommandResult(text: document.text(), document: document)
            }
        }
    }
}
