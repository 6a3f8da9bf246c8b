// docs/reference/command-line.md is what the program says of itself. After a change of a command:
// INGOT_WRITE_DOCS=1 swift test … --filter DocsReferenceTests

import Foundation
import TestSupport
import Testing

struct DocsReferenceTests {
    private static let page = "docs/reference/command-line.md"

    @Test func theCommandLinePageIsTheProgramsHelp() throws {
        let text = try Self.made()
        if ProcessInfo.processInfo.environment["INGOT_WRITE_DOCS"] == "1" {
            try text.write(toFile: Repository.path(Self.page), atomically: true, encoding: .utf8)
        }
        let found = try Repository.text(Self.page).split(separator: "\n", omittingEmptySubsequences: false)
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            guard index < found.count, found[index] == line else {
                Issue.record("\(Self.page):\(index + 1) is not what the program says: \(line)")
                return
            }
        }
        #expect(found.joined(separator: "\n") == text)
    }

    private static func made() throws -> String {
        var text = """
            # The command line

            What `ingot … --help` prints, command by command. This page is made by a test and compared by it; see
            [how pages are tested](../README.md#how-these-pages-are-tested).

            Results go to standard output; progress, findings and what a run adapted go to standard error. With
            `--json` a command prints one document instead, with the keys `schema`, `command`, `exit`, `findings`
            and `result`.

            """
        try add([], to: &text)
        return text
    }

    /// Adds a command and those below it.
    private static func add(_ path: [String], to text: inout String) throws {
        let run = try ProgramRun(
            Repository.program("ingot"), path + ["--help"], environment: ["COLUMNS": "80"])
        #expect(run.exit == 0)
        let lines = run.output.split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.replacing(/\s+$/, with: "") }
        let help = lines.joined(separator: "\n").replacing(/\n+$/, with: "")
        text += "\n## \((["ingot"] + path).joined(separator: " "))\n\n```text\n\(help)\n```\n"
        // Lines of options begin with a hyphen, lines of subcommands do not; arguments are in angle brackets.
        let sections = lines.drop { $0.wholeMatch(of: /[A-Z][A-Z ,]*:/) == nil }
        for line in sections {
            if let name = line.prefixMatch(of: /\s\s([a-z]+)/) { try add(path + [String(name.1)], to: &text) }
        }
    }
}
