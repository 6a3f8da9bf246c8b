// Every command of the README and the docs is run, page by page in a copy of the fixtures, and the output
// shown below it is compared with what it says. How to write such blocks: docs/README.md.

import Foundation
import TestSupport
import Testing

struct DocsCommandsTests {
    @Test(arguments: DocsPage.withCommands) func commandsDoWhatThePageShows(_ path: String) throws {
        let page = try DocsPage(path)
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(
            atPath: folder.path("Fixtures"), withIntermediateDirectories: true)
        _ = try folder.copy(of: Repository.path("Fixtures/checkpoints"), named: "Fixtures/checkpoints")
        try FileManager.default.createDirectory(
            atPath: folder.path("Fixtures/vectors"), withIntermediateDirectories: true)
        _ = try folder.copy(of: Repository.path("Fixtures/vectors/eagle3"), named: "Fixtures/vectors/eagle3")
        _ = try folder.copy(of: Repository.path("Fixtures/recipes"), named: "Fixtures/recipes")
        _ = try folder.copy(of: Repository.path("LICENSE"), named: "LICENSE")
        var said = ""
        for block in page.blocks {
            if block.language == "sh" {
                said = ""
                for command in DocsCommand.list(block.lines) {
                    said += try run(command, in: folder, "\(path):\(block.line)")
                }
            } else if block.language == "text", block.isAdjacent, !said.isEmpty {
                let difference = DocsOutput.difference(
                    shown: block.lines, said: said.split(separator: "\n", omittingEmptySubsequences: false))
                #expect(difference == nil, "\(path):\(block.line) \(difference ?? "")\nit says:\n\(said)")
                said = ""
            }
        }
    }

    /// Runs an ingot command, or one that prepares a file for it, and gives what it says; of other commands only
    /// what they name is checked.
    private func run(_ command: DocsCommand, in folder: TemporaryFolder, _ place: String) throws -> String {
        switch command.program {
        case "ingot", "cp", "sed", "truncate":
            let bin = URL(fileURLWithPath: Repository.program("ingot")).deletingLastPathComponent().path
            let run = try ProgramRun(
                "/bin/sh", ["-c", command.text], in: folder.path,
                environment: ["PATH": bin + ":/usr/bin:/bin", "COLUMNS": "80"])
            #expect(
                run.exit == command.exit,
                "\(place) `\(command.text)` ends with \(run.exit)\n\(run.errors)\(run.output)")
            return run.errors + run.output
        case "make":
            let targets = try Repository.text("Makefile").matches(of: /(?m)^([a-z]+):/).map { String($0.1) }
            for target in command.words.dropFirst() where !target.contains("=") {
                #expect(targets.contains(target), "\(place) the Makefile has no target \(target)")
            }
        case "swift":
            guard let at = command.words.firstIndex(of: "ingot-bench") else {
                #expect(["test", "format"].contains(command.words.dropFirst().first ?? ""), "\(place)")
                break
            }
            let help = try ProgramRun(Repository.program("ingot-bench"), ["--help"]).output
            for word in command.words[(at + 1)...] {
                #expect(help.contains(word), "\(place) ingot-bench has no \(word)")
            }
        default:
            #expect(
                FileManager.default.isExecutableFile(atPath: Repository.path(command.program)),
                "\(place) no test runs `\(command.text)`")
        }
        return ""
    }

    /// A command in the running text has words in capitals for what the reader gives, so it is not run; its
    /// verb and its options exist.
    @Test func commandsInTheTextExist() throws {
        var help: [String: String] = [:]
        for path in DocsPage.paths {
            for command in try DocsPage(path).inlineCommands {
                let words = command.split(separator: " ").map(String.init)
                let verbs = words.dropFirst().prefix { $0.allSatisfy { $0.isLetter && $0.isLowercase } }
                let isGroup = ["calibrate", "draft", "profiles", "publish", "shard", "unit"].contains(
                    verbs.first)
                var key = verbs.prefix(isGroup ? 2 : 1).joined(separator: " ")
                // The verb that may be left out.
                let silent = words.count > 2 ? ["calibrate": "run", "shard": "write"][key] : nil
                if let silent { key += " " + silent }
                if help[key] == nil {
                    let run = try ProgramRun(
                        Repository.program("ingot"), key.split(separator: " ").map(String.init) + ["--help"])
                    help[key] = run.output
                }
                let text = help[key] ?? ""
                let isVerb = text.contains("USAGE: ingot \(verbs.first ?? "")")
                #expect(isVerb, "\(path) `\(command)`: no such verb")
                for word in words where word.hasPrefix("--") {
                    let isOption = text.contains("\(word) ") || text.contains("\(word), ")
                    #expect(isOption, "\(path) `\(command)`: no option \(word)")
                }
            }
        }
    }

    @Test func outputsAreComparedLineByLine() {
        func differs(_ shown: [String], _ said: [Substring]) -> Bool {
            DocsOutput.difference(shown: shown, said: said) != nil
        }
        #expect(!differs(["a", "in 0.04 s (435.39 MB/s)"], ["a", "in 1.20 s (9 kB/s)", ""]))
        #expect(differs(["a", "c"], ["a", "b", "c"]))
        #expect(!differs(["a", "…", "c"], ["a", "b", "c"]))
        #expect(!differs(["…", "c"], ["a", "b", "c"]))
        #expect(!differs(["a", "…"], ["a", "b", "c"]))
        #expect(differs(["…", "b"], ["a", "b", "c"]))
        #expect(differs(["b", "…"], ["a", "b", "c"]))
        #expect(differs(["a", "…", "b", "a"], ["a", "b", "c"]))
        #expect(!differs(["a long …"], ["a long line"]))
        #expect(differs(["a short …"], ["a long line"]))
    }
}

/// One command of a block.
struct DocsCommand {
    let text: String
    /// The status it must end with: `# exit 65` at the end of the line, 0 without.
    let exit: Int32

    var words: [String] { text.split(separator: " ").map(String.init) }
    var program: String { words.first ?? "" }

    /// The commands of a block: lines, those that end with `\` joined; comments are left out.
    static func list(_ lines: [String]) -> [DocsCommand] {
        let text = lines.joined(separator: "\n").replacing(/\\\n\s*/, with: "")
        return text.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: " # ", maxSplits: 1)
            guard let text = parts.first, !text.hasPrefix("#") else { return nil }
            let exit = parts.dropFirst().first?.firstMatch(of: /exit ([0-9]+)/).flatMap { Int32($0.1) }
            return DocsCommand(text: text.trimmingCharacters(in: .whitespaces), exit: exit ?? 0)
        }
    }
}

/// Outputs as pages show them.
///
/// A line `…` stands for any lines, `…` at the end of a line for any rest. Seconds, rates, peak memory
/// and free space differ from run to run and are not compared.
enum DocsOutput {
    static func normalised(_ line: some StringProtocol) -> String {
        var text = String(line).replacing(/in [0-9.]+ s\b/, with: "in # s")
        text.replace(/[0-9.]+ [kMG]?B\/s/, with: "# B/s")
        text.replace(/[0-9.,]+ tokens\/s/, with: "# tokens/s")
        text.replace(/peak memory [0-9]+ MiB/, with: "peak memory # MiB")
        text.replace(/"peak_bytes": [0-9]+/, with: "\"peak_bytes\": #")
        text.replace(/free on that disk .*/, with: "free on that disk #")
        while text.last?.isWhitespace ?? false { text.removeLast() }
        return text
    }

    /// The first line that is not as shown; nil when all are.
    static func difference(shown: [String], said: [Substring]) -> String? {
        var rest = said.map(normalised)[...]
        while rest.last?.isEmpty ?? false { rest.removeLast() }
        let runs = shown.map(normalised).split(separator: "…", omittingEmptySubsequences: false)
        for (number, run) in runs.enumerated() {
            let isFirst = number == 0
            let isLast = number == runs.count - 1
            var start = rest.startIndex
            if isLast, !isFirst { start = rest.endIndex - min(run.count, rest.count) }
            while !matches(run, rest[start...]) {
                guard !isFirst, !isLast, start < rest.endIndex else {
                    let wrong = zip(run, rest[start...]).first { !matches($0, $1) }
                    return "shows `\(wrong?.0 ?? run.last ?? "")` and not `\(wrong?.1 ?? "the end")`"
                }
                start += 1
            }
            rest = rest[(start + run.count)...]
        }
        return runs.count == 1 && !rest.isEmpty ? "leaves out `\(rest.first ?? "")` without a line …" : nil
    }

    private static func matches(_ run: ArraySlice<String>, _ said: ArraySlice<String>) -> Bool {
        run.count <= said.count && zip(run, said).allSatisfy(matches)
    }

    private static func matches(_ shown: String, _ said: String) -> Bool {
        shown.hasSuffix(" …") ? said.hasPrefix(shown.dropLast()) : shown == said
    }
}
