// What goes wrong on the way to a calibration, and what the program says; nothing is left behind.

import Foundation
import TestSupport
import Testing

struct CalibrateMistakeTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let arguments: [String]
        let exit: Int32
        let says: [String]
        let testDescription: String

        init(_ id: String, _ arguments: String, _ exit: Int32, _ says: String...) {
            testDescription = id
            self.arguments = ["calibrate"] + arguments.split(separator: " ").map(String.init)
            self.exit = exit
            self.says = says
        }
    }

    static let cases = [
        Case("no data", "micro --output out", 64, "--data"),
        Case("no output", "micro --data good.jsonl", 64, "--output"),
        Case("missing checkpoint", "mikro --data good.jsonl --output out", 66, "did you mean micro?"),
        Case("missing data", "micro --data goad.jsonl --output out", 66, "did you mean good.jsonl?"),
        Case("an empty file", "micro --data empty.jsonl --output out", 65, "TOK-012", "empty.jsonl"),
        Case("blank lines only", "micro --data blank.jsonl --output out", 65, "without rows"),
        Case(
            "a row without messages", "micro --data bare.jsonl --output out", 65, "TOK-012",
            "bare.jsonl, line 2", "a row without text"),
        Case("a broken line", "micro --data broken.jsonl --output out", 65, "TOK-012", "line 3"),
        Case(
            "no list of tokens", "micro --data none.jsonl --output out", 65, "TOK-012", "line 1",
            "one at least"),
        Case(
            "a token beyond the vocabulary", "micro --data beyond.jsonl --output out", 65, "CAL-003",
            "beyond.jsonl, line 3", "ids below 512", "513"),
        Case(
            "a text beyond the context", "micro --data long.jsonl --output out", 65, "CAL-002",
            "long.jsonl, line 2", "at most 1,024 tokens", "1,025 tokens"),
        Case(
            "all bad rows at once", "micro --data both.jsonl --output out", 65, "CAL-002",
            "both.jsonl, line 1", "CAL-003", "both.jsonl, line 2"),
        Case(
            "text without tokens", "ling --data void.jsonl --output out", 65, "CAL-003", "void.jsonl, line 2"),
        Case("text without a tokenizer", "micro --data text.jsonl --output out", 66, "tokenizer.json"),
        Case(
            "misspelt statistics", "micro --data good.jsonl --output out --observe range", 64, "CAL-009",
            "did you mean ranges?"),
        Case("no statistics", "micro --data good.jsonl --output out --observe ,", 64, "CAL-009"),
        Case("no memory", "micro --data good.jsonl --output out --memory 1MB", 64, "CAL-004", "--memory "),
        Case("misspelt backend", "micro --data good.jsonl --output out --backend blas", 64, "CLI-006"),
        Case("fewer than none", "micro --data good.jsonl --output out --least -1", 64, "--least"),
        Case("output over the checkpoint", "micro --data good.jsonl --output micro/out", 64, "OUT-"),
        Case("an output that stands", "micro --data good.jsonl --output full", 73, "OUT-001", "--replace"),
        Case(
            "replacing what is none of ours", "micro --data good.jsonl --output full --replace", 73,
            "does not hold a calibration", "calibration.json"),
    ]

    @Test(arguments: cases) func isExplained(_ item: Case) throws {
        let folder = try Self.folder()
        let before = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        let run = try ProgramRun(Repository.program("ingot"), item.arguments, in: folder.path)
        #expect(run.exit == item.exit, "\(run.errors)")
        for words in item.says { #expect(run.errors.contains(words), "\(words) in:\n\(run.errors)") }
        #expect(run.output.isEmpty, "\(run.output)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == before)
        for trap in ["Fatal error", "Swift.", "Optional(", "/Sources/"] {
            #expect(!run.errors.contains(trap), "\(run.errors)")
        }
    }

    private static func folder() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        _ = try folder.copy(of: Repository.checkpoint("micro"), named: "micro")
        _ = try folder.copy(of: Repository.checkpoint("ling-tiny-icd"), named: "ling")
        let long = "{\"tokens\": [" + Array(repeating: "1", count: 1025).joined(separator: ",") + "]}\n"
        let good = "{\"tokens\": [1, 2, 3]}\n"
        for (name, text) in [
            ("good.jsonl", good), ("empty.jsonl", ""), ("blank.jsonl", "\n  \n\r\n"),
            ("bare.jsonl", good + "{\"id\": 4}\n"), ("broken.jsonl", good + good + "{\"tokens\": [1"),
            ("none.jsonl", "{\"tokens\": []}\n"), ("beyond.jsonl", good + good + "{\"tokens\": [5, 513]}\n"),
            ("long.jsonl", good + long), ("both.jsonl", long + "{\"tokens\": [512]}\n"),
            ("void.jsonl", good + "{\"text\": \"\"}\n"), ("text.jsonl", "{\"text\": \"x\"}\n"),
        ] { try text.write(toFile: folder.path(name), atomically: true, encoding: .utf8) }
        try FileManager.default.createDirectory(
            atPath: folder.path("full"), withIntermediateDirectories: false)
        try "x".write(toFile: folder.path("full/x"), atomically: true, encoding: .utf8)
        return folder
    }
}
