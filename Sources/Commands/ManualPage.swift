// A manual page for each command, from what the argument parser knows of it: the same words as --help, for
// readers who type `man ingot-quantise`.

import ArgumentParser
import Diagnostics
import Documents
import Quantisation

/// The manual page of one command.
///
/// - Checked by: ManualTests.
struct ManualPage {
    /// The words that call the command: ingot, draft, train.
    let path: [String]
    let text: String

    /// The name of the page: ingot-draft-train.
    var name: String { path.joined(separator: "-") }

    /// The pages of all commands that the help shows, the root first.
    static var all: [ManualPage] {
        guard case .object(let dump)? = try? JSONValue(parsing: Array(Ingot._dumpHelp().utf8)),
            case .object(let root)? = dump["command"]
        else { preconditionFailure("the argument parser does not dump what it knows") }
        return pages(Ingot.self, root, [Ingot._commandName], siblings: [])
    }

    private static func pages(
        _ type: any ParsableCommand.Type, _ command: JSONObject, _ path: [String], siblings: [String]
    ) -> [ManualPage] {
        let shown = type.configuration.subcommands.filter { $0.configuration.shouldDisplay }
        let names = shown.map { (path + [$0._commandName]).joined(separator: "-") }
        var result = [
            ManualPage(
                path: path, text: text(type, command, path, below: Array(zip(names, shown)), siblings))
        ]
        let documents = objects(command["subcommands"])
        for subcommand in shown {
            guard
                let document = documents.first(where: {
                    $0["commandName"] == .string(subcommand._commandName)
                })
            else { continue }
            result += pages(
                subcommand, document, path + [subcommand._commandName],
                siblings: [path.joined(separator: "-")] + names)
        }
        return result
    }

    private static func text(
        _ type: any ParsableCommand.Type, _ command: JSONObject, _ path: [String],
        below: [(name: String, type: any ParsableCommand.Type)], _ siblings: [String]
    ) -> String {
        let configuration = type.configuration
        let name = path.joined(separator: "-")
        var page = Roff(name: name, source: "ingot \(ingotVersion)")
        page.section("Name")
        page.line("\(name)", is: configuration.abstract)
        page.section("Synopsis")
        let usage = Ingot.usageString(for: type)
        page.synopsis(usage.split(separator: "\n").map { $0.trimmingPrefix { $0 == " " } }.map(String.init))
        page.describe(configuration.discussion)
        if !below.isEmpty {
            page.section("Commands")
            for (name, type) in below {
                page.item(Roff.bold(name) + "(1)", type.configuration.abstract)
            }
        }
        page.options(objects(command["arguments"]))
        page.examples(configuration.discussion)
        let others = (path.count > 1 ? siblings : []).filter { $0 != name }
        if !others.isEmpty {
            page.section("See also")
            page.references(others)
        }
        return page.text
    }

    fileprivate static func objects(_ value: JSONValue?) -> [JSONObject] {
        guard case .array(let elements)? = value else { return [] }
        return elements.compactMap { if case .object(let object) = $0 { object } else { nil } }
    }
}

extension Roff {
    /// The line that indexes of manuals read.
    fileprivate mutating func line(_ name: String, is abstract: String) {
        // A name line ends without a full stop.
        paragraph("\(name) - \(abstract.hasSuffix(".") ? String(abstract.dropLast()) : abstract)")
    }

    private static let exampleWord = "Example:"
    private static let statusWord = "Exit status:"

    /// The paragraphs of a discussion, except examples; exit statuses get a section of their own.
    fileprivate mutating func describe(_ discussion: String) {
        let paragraphs = Self.paragraphs(discussion).filter { $0.first != Self.exampleWord[...] }
        let statuses = paragraphs.filter { $0.first?.hasPrefix(Self.statusWord) ?? false }
        let running = paragraphs.filter { !($0.first?.hasPrefix(Self.statusWord) ?? false) }
        if !running.isEmpty { section("Description") }
        for lines in running {
            for line in lines { paragraph(String(line)) }
        }
        guard !statuses.isEmpty else { return }
        section("Exit status")
        for lines in statuses {
            paragraph(String(lines.joined(separator: " ").dropFirst(Self.statusWord.count + 1)))
        }
    }

    fileprivate mutating func examples(_ discussion: String) {
        let found = Self.paragraphs(discussion).filter { $0.first == Self.exampleWord[...] }
        guard !found.isEmpty else { return }
        section("Examples")
        for lines in found { example(lines.dropFirst().map { String($0.dropFirst(2)) }) }
    }

    private static func paragraphs(_ text: String) -> [[Substring]] {
        text.split(separator: "\n", omittingEmptySubsequences: false)
            .split(separator: "").map(Array.init)
    }

    /// Arguments, the command's own options, then its groups, as the help has them.
    fileprivate mutating func options(_ arguments: [JSONObject]) {
        let shown = arguments.filter { $0["shouldDisplay"] == .bool(true) }
        var titles: [String] = []
        for argument in shown {
            guard case .string(let title)? = argument["sectionTitle"], !titles.contains(title) else {
                continue
            }
            titles.append(title)
        }
        let general = HelpPage.generalTitle
        let own = shown.filter { $0["sectionTitle"] == nil }
        let shared = own.filter(Self.isShared)
        items("Arguments", own.filter { $0["kind"] == "positional" }, isSection: true)
        items("Options", own.filter { $0["kind"] != "positional" && !Self.isShared($0) }, isSection: true)
        for title in titles where title != general {
            items(title, shown.filter { $0["sectionTitle"] == .string(title) }, isSection: false)
        }
        items(general, shown.filter { $0["sectionTitle"] == .string(general) } + shared, isSection: true)
    }

    /// Whether the parser gives the option to every command.
    private static func isShared(_ argument: JSONObject) -> Bool {
        let names = ManualPage.objects(argument["names"]).map { $0["name"] }
        return names.contains("help") || names.contains("version")
    }

    private mutating func items(_ title: String, _ arguments: [JSONObject], isSection: Bool) {
        guard !arguments.isEmpty else { return }
        if isSection { section(title) } else { subsection(title) }
        for argument in arguments { item(Self.term(argument), Self.meaning(argument)) }
    }

    /// How an argument is typed: -o, --output <folder>.
    private static func term(_ argument: JSONObject) -> String {
        let value = string(argument["valueName"])
        guard argument["kind"] != "positional" else { return italic(value) }
        let names = ManualPage.objects(argument["names"]).sorted { string($0["kind"]) > string($1["kind"]) }
        let words = names.map { bold(($0["kind"] == "long" ? "--" : "-") + string($0["name"])) }
        return words.joined(separator: ", ") + (argument["kind"] == "option" ? " " + italic(value) : "")
    }

    /// What it means, its values and its default.
    private static func meaning(_ argument: JSONObject) -> String {
        var notes: [String] = []
        if case .array(let values)? = argument["allValues"], !values.isEmpty {
            notes.append("values: " + values.map(string).joined(separator: ", "))
        }
        if case .string(let value)? = argument["defaultValue"], !value.isEmpty {
            notes.append("default: " + value)
        }
        let abstract = string(argument["abstract"])
        return notes.isEmpty ? abstract : abstract + " (\(notes.joined(separator: "; ")))"
    }

    private static func string(_ value: JSONValue?) -> String {
        if case .string(let text)? = value { text } else { "" }
    }
}
