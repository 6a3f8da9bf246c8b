// docs/reference/command-line.md is what the program says of itself, recipe.md and recipe.schema.json what it reads.
// After a change of a command or of a recipe's keys:
// INGOT_WRITE_DOCS=1 swift test … --filter DocsReferenceTests

import Foundation
import TestSupport
import Testing
import Workbench

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

    @Test(arguments: ["docs/reference/recipe.md", "docs/reference/recipe.schema.json"])
    func theRecipePagesAreWhatTheProgramReads(_ page: String) throws {
        let text = page.hasSuffix(".json") ? Recipe.schema.text() + "\n" : Self.recipePage
        if ProcessInfo.processInfo.environment["INGOT_WRITE_DOCS"] == "1" {
            try text.write(toFile: Repository.path(page), atomically: true, encoding: .utf8)
        }
        let isSame = try Repository.text(page) == text
        #expect(isSame, "\(page) is not what the program reads")
    }

    private static let recipePage = """
        # Recipes

        What a recipe of `ingot run` may say. This page and the JSON Schema beside it, [recipe.schema.json](recipe.schema.json), are made
        from the table that the program reads recipes by; [the chain](../10-run.md) says what comes of one.

        A recipe is one JSON object with `format` (1), `name`, and where wanted `summary`, `checkpoint`, `target`, `sources` (where values
        come from, by key) and the sections below. Paths are relative to the recipe. A key that is left out is the default of the stage's own
        command. A key that is not known ends the command, with the near one as a hint.

        ## Sections

        \(Recipe.reference)
        """.trimmingCharacters(in: .newlines) + "\n"

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
