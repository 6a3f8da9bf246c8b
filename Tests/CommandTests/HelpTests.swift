// The help as someone new reads it: what a command takes and does first, each thing said once, an example
// that works.

import Foundation
import TestSupport
import Testing

struct HelpTests {
    private static let pages = Result { try PrintedHelp.all() }

    @Test func everyPageIsWhole() throws {
        let pages = try Self.pages.get()
        #expect(pages.count > 25)
        for page in pages {
            #expect(page.lines.first?.hasPrefix("OVERVIEW: ") ?? false, "\(page)")
            for line in page.lines { #expect(line.count <= 80, "\(page): \(line)") }
            let headers = page.sections.map(\.header)
            #expect(headers.last == "GENERAL OPTIONS:", "\(page): \(headers)")
            #expect(Set(headers).count == headers.count, "\(page): \(headers)")
            #expect(page.sections.allSatisfy { !$0.lines.isEmpty }, "\(page)")
            let own = headers.firstIndex(of: "OPTIONS:") ?? 0
            #expect(own == (headers.contains("ARGUMENTS:") && own > 0 ? 1 : 0), "\(page): \(headers)")
            for name in ["--help", "--version"] {
                #expect(page.options.filter { $0.contains(name + " ") }.count == 1, "\(page) \(name)")
            }
        }
    }

    /// Values stand once: in the words of an option, or after them in brackets.
    @Test func valuesAreListedOnce() throws {
        for page in try Self.pages.get() {
            for option in page.options {
                guard let match = option.firstMatch(of: /\(values: ([^;)]*)/) else { continue }
                let words = option[..<match.range.lowerBound]
                let values = match.1.split(separator: ", ")
                let said = values.filter { value in
                    words.contains(", \(value)") || words.contains("\(value),")
                }
                #expect(said.isEmpty, "\(page): \(option)")
            }
        }
    }

    @Test func everyCommandStandsOnceInTheRootsGroups() throws {
        let root = try #require(try Self.pages.get().first)
        #expect(Set(root.subcommands).count == root.subcommands.count)
        let first = try #require(root.sections.first)
        #expect(first.header == "EVERYDAY:")
        #expect(root.subcommands.contains("explain"))
        #expect(!root.subcommands.contains("manual"), "for packages, not for readers")
    }

    @Test func everyCommandHasAnExample() throws {
        for page in try Self.pages.get() where page.path != ["profiles", "list"] {
            #expect(!page.examples.isEmpty || page.path.first == "profiles", "\(page)")
            for example in page.examples {
                #expect(example.hasPrefix("ingot "), "\(page): \(example)")
            }
        }
    }

    /// All examples, on the tiny checkpoint under the large one's name, each as soon as its inputs are there.
    @Test func everyExampleWorks() throws {
        let folder = try TemporaryFolder()
        let tiny = try folder.copy(of: Repository.checkpoint("ling-tiny-icd"), named: "Ling-flash-2.0")
        // As the published repository has it: a release takes its licence from there.
        try "---\nlicense: apache-2.0\n---\n# Ling\n".write(
            toFile: tiny + "/README.md", atomically: true, encoding: .utf8)
        try Repository.text("LICENSE").write(
            toFile: tiny + "/LICENSE", atomically: true, encoding: .utf8)
        for (name, rows) in [("texts", "train"), ("prompts", "evaluation"), ("more", "evaluation")] {
            let text = try String(contentsOfFile: "\(tiny)/\(rows).jsonl", encoding: .utf8)
            let lines = text.split(separator: "\n").prefix(12).joined(separator: "\n") + "\n"
            try lines.write(toFile: folder.path(name + ".jsonl"), atomically: true, encoding: .utf8)
        }
        for (number, rows) in [(1, "texts"), (2, "more")] {
            let run = try ingot(
                "ingot calibrate Ling-flash-2.0 --data \(rows).jsonl --output calibration-\(number)", folder)
            #expect(run.exit == 0, "\(run.errors)")
        }
        var waiting = Array(Set(try Self.pages.get().flatMap(\.examples))).sorted()
        var failures: [String] = []
        repeat {
            let count = waiting.count
            failures = []
            waiting = try waiting.filter { example in
                let run = try ingot(example, folder)
                if run.exit != 0 { failures.append("\(example) ends with \(run.exit)\n\(run.errors)") }
                return run.exit != 0
            }
            if waiting.count == count { break }
        } while !waiting.isEmpty
        #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
    }

    private func ingot(_ command: String, _ folder: TemporaryFolder) throws -> ProgramRun {
        let bin = URL(fileURLWithPath: Repository.program("ingot")).deletingLastPathComponent().path
        var command = command
        // Work that is long by nature: the example shows the plain command.
        if command.hasPrefix("ingot draft train") { command += " --steps 4" }
        if command.hasPrefix("ingot draft measure") { command += " --tokens 8" }
        if command.hasPrefix("ingot sensitivity") { command += " --tokens 64" }
        return try ProgramRun(
            "/bin/sh", ["-c", command + " --quiet"], in: folder.path,
            environment: ["PATH": bin + ":/usr/bin:/bin"])
    }
}
