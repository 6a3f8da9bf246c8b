// ingot manual: the manual pages of all commands, for `make man` and packages; not shown in the help.

import ArgumentParser
import Checkpoints
import Diagnostics
import Documents

/// Writes manual pages.
struct Manual: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a manual page for each command.",
        usage: """
            ingot manual --output FOLDER
            ingot manual --page quantise
            """,
        discussion: """
            Pages are in the macros of man(7). Without --output one page goes to standard output.

            Example:
              ingot manual --output man1
            """, shouldDisplay: false)

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("The folder for all pages; it must exist.", valueName: "folder"),
        completion: .directory)
    var output: String?

    @Option(help: ArgumentHelp("The command to print the page of, such as draft-train.", valueName: "name"))
    var page: String?

    @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

    func validate() throws {
        if output != nil, page != nil { throw ValidationError("--output writes all pages; leave --page out") }
    }

    func run() throws {
        try options.report("manual") { () throws(Failure) in
            let pages = ManualPage.all
            if let output {
                for page in pages {
                    _ = try FileAccess.writeSealed(page.text, to: "\(output)/\(page.name).1")
                }
                return CommandResult(
                    text: "\(pages.count) pages in \(output)",
                    document: .array(pages.map { .string($0.name) }))
            }
            let wanted = page.map { "ingot-" + $0.replacing(" ", with: "-") } ?? "ingot"
            guard let found = pages.first(where: { $0.name == wanted || $0.name == page }) else {
                let names = pages.dropFirst().map { String($0.name.dropFirst("ingot-".count)) }
                throw Failure(
                    Finding(
                        .error, .unknownCommand, "no such command", option: "--page \(page ?? "")",
                        expected: names.joined(separator: ", "),
                        remedy: nearMiss(page ?? "", among: names).map { "did you mean --page \($0)?" }))
            }
            return CommandResult(text: found.text, document: .string(found.text))
        }
    }
}
