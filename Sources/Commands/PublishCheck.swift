// ingot publish check: is this folder fit to be uploaded?

import ArgumentParser
import Checkpoints
import Diagnostics
import Documents
import Publishing

/// Judges a release folder.
struct PublishCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Judge a prepared or downloaded model folder before it is uploaded or used.",
        usage: "ingot publish check DIR [--base DIR] [--hub huggingface] [--fix]",
        discussion: """
            Everything that validate judges, held to a stricter measure, and what a hub, a licence and a card \
            need: inventory, limits, front matter, remote code, tokenizer, texts, digests, records. Reads every \
            byte unless --headers-only is given. The exit status is 1 when a finding is an error.

            Example:
              ingot publish check release --base Ling-flash-2.0
            """)

    @Argument(help: "The folder.", completion: .directory)
    var folder: String

    @Option(
        help: ArgumentHelp(
            "Whose rules; by default what the folder shows itself to be made for.", valueName: "hub"))
    var hub: HubChoice?

    @Option(
        help: ArgumentHelp("The base model, to compare code and tokenizer with.", valueName: "folder"),
        completion: .directory)
    var base: String?

    @Flag(help: "Read headers and texts only, not the weights.")
    var headersOnly = false

    @Flag(help: "Put right what can be without touching a weight, then judge again.")
    var fix = false

    @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

    func run() throws {
        try options.report("publish check") { () throws(Failure) in
            stopOnSignals()
            let check = ReleaseCheck(
                hubs: hub?.hubs, isDeep: !headersOnly, base: base, progress: options.sink)
            var report = try check.run(folder)
            if fix, !report.passes {
                let fixed = try ReleaseFix.run(folder, report, base: base)
                if !fixed.isEmpty {
                    report = try check.run(folder)
                    report.fixed = fixed
                }
            }
            return CommandResult(
                text: report.text, document: report.document, findings: report.findings, exit: report.exit)
        }
    }
}

/// The hubs a folder is for.
enum HubChoice: String, ExpressibleByArgument, CaseIterable {
    case huggingface, modelscope, both

    var hubs: [Hub] {
        switch self {
        case .huggingface: [.huggingFace]
        case .modelscope: [.modelScope]
        case .both: Hub.allCases
        }
    }
}
