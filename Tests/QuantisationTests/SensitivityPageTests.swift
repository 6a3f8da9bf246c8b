// The page of ingot sensitivity: written beside the record, with a bar for each role and layer and the budget's curve.

import Foundation
import TestSupport
import Testing

struct SensitivityPageTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        let lines = ["[3, 1, 4, 1, 5, 9, 2, 6]", "[2, 7, 1, 8, 2, 8]"].map { "{\"tokens\": \($0)}\n" }
        try lines.joined().write(toFile: folder.path("data.jsonl"), atomically: true, encoding: .utf8)
    }

    private func sensitivity(_ words: String...) throws -> ProgramRun {
        try ProgramRun(
            Repository.program("ingot"),
            ["sensitivity", Repository.checkpoint("micro"), "--data", "data.jsonl", "--quiet"] + words,
            in: folder.path)
    }

    @Test func aPageShowsWhatWasFound() throws {
        let run = try sensitivity("--estimate-modules", "--output", "s.json", "--report", "page.html")
        #expect(run.exit == 0, "\(run.errors)")
        let page = try String(contentsOfFile: folder.path("page.html"), encoding: .utf8)
        for words in [
            "Only this role quantised", "Only this layer quantised", "Expected divergence by bytes kept",
            "expert-gate", "14 tokens of 2 texts", "Error of the role", "estimated from roles and layers",
        ] { #expect(page.contains(words), "\(words)") }
        #expect(!page.contains("<script") && !page.contains(folder.path), "no path, no script")
        let again = try sensitivity("--estimate-modules", "--report", "again.html")
        #expect(again.exit == 0)
        #expect(try String(contentsOfFile: folder.path("again.html"), encoding: .utf8) == page)
    }

    @Test func aPageInNoFolderIsRefusedBeforeTheWork() throws {
        let run = try sensitivity("--output", "s.json", "--report", "no/page.html")
        #expect(run.exit == 73 && run.errors.contains("no/page.html"), "\(run.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.path("s.json")))
    }
}
