// Options that every command shares, and the one place that prints and ends the process.

import ArgumentParser
import Checkpoints
import Diagnostics
import Documents
import Glibc

/// How a command reports.
struct ReportOptions: ParsableArguments {
    @Flag(help: "Print one JSON document on standard output instead of text.")
    var json = false

    @Flag(name: .shortAndLong, help: "No progress and no notes; errors and results only.")
    var quiet = false

    @Flag(name: .shortAndLong, help: "Say more: a line for each tensor.")
    var verbose = false

    @Option(help: ArgumentHelp("How to show progress.", valueName: "style"))
    var progress: TerminalProgress.Style = .auto

    /// Where long work reports how far it is.
    var sink: any ProgressSink { quiet ? SilentProgress() : TerminalProgress(progress) }
}

extension TerminalProgress.Style: ExpressibleByArgument {}

/// What a command has to say at its end, in both forms.
struct CommandResult {
    var text: String
    var document: JSONValue
    var findings: [Finding] = []
    var exit: ExitStatus = .done
}

extension ReportOptions {
    /// The version of the documents that `--json` prints.
    static let schema = 1

    /// Runs the body, prints what it gives or why it failed, and ends with its status.
    func report(_ command: String, _ body: () throws(Failure) -> CommandResult) throws {
        returnLargeMemory()
        let result: CommandResult
        do throws(Failure) { result = try body() } catch {
            result = CommandResult(text: "", document: .null, findings: error.findings, exit: error.exit)
        }
        if json {
            var document = JSONObject()
            document["schema"] = .integer(Self.schema)
            document["command"] = .string(command)
            document["exit"] = .integer(Int(result.exit.rawValue))
            document["peak_bytes"] = peakResidentBytes().map { .integer($0) }
            document["findings"] = .array(result.findings.map(\.document))
            document["result"] = result.document
            print(JSONValue.object(document).text())
        } else {
            for finding in result.findings where shows(finding) {
                writeError(finding.text + "\n")
            }
            if result.findings.contains(where: { $0.level == .error }), result.exit != .done {
                let code = result.findings.first { $0.level == .error }?.code.name ?? ""
                writeError("ingot explain \(code) says more\n")
            }
            if !result.text.isEmpty { print(result.text) }
        }
        fflush(nil)
        if result.exit != .done { throw ExitCode(result.exit.rawValue) }
    }

    private func shows(_ finding: Finding) -> Bool {
        switch finding.level {
        case .error: true
        case .warning: !quiet
        case .note: !quiet
        }
    }
}

/// Writes to standard error.
func writeError(_ text: String) {
    var text = text
    _ = text.withUTF8 { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

/// Hours of passes must not end in a page that cannot be written.
func checkPage(_ path: String?) throws(Failure) {
    guard let path else { return }
    let folder = parentFolder(path)
    guard FileAccess.kind(folder) != .folder else { return }
    throw Failure(
        Finding(
            .error, .cannotCreate, "the page has no folder to go to", file: path,
            expected: "a folder \(folder)", found: "none", remedy: "make the folder first"))
}
