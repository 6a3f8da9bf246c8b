// What goes wrong on the way to a comparison, and what the program says.

import Foundation
import TestSupport
import Testing

struct VerifyMistakeTests {
    typealias Case = MistakeTests.Case

    static let cases = [
        Case("no sides", "verify", 64, "<left>"),
        Case("one side", "verify micro", 64, "RIGHT, --endpoint URL, or --record FOLDER"),
        Case("two right sides", "verify micro micro --record new", 64, "exclude each other"),
        Case(
            "misspelt check", "verify micro micro --checks wieghts", 64, "PAR-024", "did you mean weights?"),
        Case(
            "texts without a token", "verify ling ling --data no-text.jsonl", 65,
            "there is no text to run over"),
        Case("a recording of nothing", "verify ling --record new --data no-text.jsonl", 65, "no text"),
        Case("one check misspelt", "verify micro micro --checks weights,bach", 64, "did you mean batch?"),
        Case("no check", "verify micro micro --checks ,", 64, "PAR-024", "weights, forward"),
        Case("weights of a recording", "verify micro run --checks weights", 64, "PAR-024", "two checkpoints"),
        Case("accuracy of nothing", "verify micro micro --checks accuracy", 64, "--multiple-choice FILE"),
        Case(
            "greedy without a recording", "verify micro micro --checks greedy", 64, "PAR-024", "recorded run"),
        Case("batch of recordings", "verify run run --checks batch", 64, "PAR-024", "a checkpoint on a side"),
        Case(
            "unknown tolerance", "verify micro micro --tolerance fp9", 64, "PAR-027",
            "did you mean --tolerance fp8?"),
        Case("tolerance file not there", "verify micro micro --tolerance no/x.json", 66, "no/x.json"),
        Case("report into nowhere", "verify micro micro --report nowhere/x.html", 73, "CLI-007", "mkdir -p"),
        Case(
            "report as a folder", "verify micro micro --report micro", 73, "CLI-007", "a folder of this name"),
        Case("hostile tolerance", "verify micro micro --tolerance bad.json", 78, "PAR-023", "schema"),
        Case("texts beside a recording", "verify micro run --data rows.jsonl", 64, "PAR-024", "--data"),
        Case("missing side", "verify mikro micro", 66, "FILE-001", "did you mean micro?"),
        Case("missing right side", "verify micro mikro", 66, "FILE-001", "did you mean micro?"),
        Case("missing texts", "verify micro micro --data rowz.jsonl", 66, "rowz.jsonl"),
        Case("missing items", "verify ling ling --multiple-choice x.jsonl", 66, "x.jsonl"),
        Case("ids outside the vocabulary", "verify micro micro --data ids.jsonl", 65, "PAR-022", "below 512"),
        Case("ids below zero", "verify micro micro --data below.jsonl", 65, "TOK-012", "below.jsonl"),
        Case("a broken line", "verify micro micro --data broken.jsonl", 65, "TOK-012", "line 2"),
        Case("a row without text", "verify micro micro --data other.jsonl", 65, "TOK-012", "txt"),
        Case("a broken item", "verify ling ling --multiple-choice items.jsonl", 65, "PAR-022", "line 2"),
        Case("no rows", "verify micro micro --data none.jsonl", 65, "none.jsonl"),
        Case("no items", "verify ling ling --multiple-choice none.jsonl", 65, "none.jsonl"),
        Case("text without a tokenizer", "verify micro micro --data text.jsonl", 66, "tokenizer.json"),
        Case("no tokens", "verify micro micro --tokens 0", 64, "--tokens takes"),
        Case("no items wanted", "verify micro micro --items 0", 64, "--items takes"),
        Case("nothing in common", "verify run one.safetensors", 64, "PAR-020", "no text in common"),
        Case("another vocabulary", "verify ling-run micro", 64, "PAR-020", "below 512"),
        Case("another model", "verify run ling", 64, "PAR-020", "different shapes"),
        Case("a recording of nothing", "verify empty.safetensors micro", 65, "PAR-021", "CASE.tokens"),
        Case("a recording without tensors", "verify bare micro", 65, "PAR-021", "golden.json"),
        Case("a cut recording", "verify cut.safetensors micro", 65, "cut.safetensors"),
        Case("a cut checkpoint", "verify micro truncated", 65, "CKPT-006", "truncated"),
        Case("a recording over another", "verify micro --record run", 73, "PAR-026", "run"),
        Case("a recording of a recording", "verify run --record new", 64, "PAR-024", "a checkpoint as LEFT"),
        Case(
            "misspelt left backend", "verify micro micro --left-backend openblass", 64, "CLI-006", "openblas"),
        Case("a page in no folder", "verify micro micro --report no/page.html", 73, "no/page.html"),
    ]

    @Test(arguments: cases) func isExplained(_ item: Case) throws {
        let folder = try Self.folder.get().path
        let before = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        let run = try ProgramRun(Repository.program("ingot"), item.arguments, in: folder)
        #expect(run.exit == item.exit, "\(run.errors)")
        for words in item.says { #expect(run.errors.contains(words), "\(words) in:\n\(run.errors)") }
        #expect(run.output.isEmpty, "\(run.output)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == before)
        for trap in ["Fatal error", "Swift.", "Optional(", "/Sources/"] {
            #expect(!run.errors.contains(trap), "\(run.errors)")
        }
    }

    private static let folder: Result<TemporaryFolder, any Error> = Result {
        let folder = try TemporaryFolder()
        leftover = folder.path
        atexit { try? FileManager.default.removeItem(atPath: leftover) }
        let (micro, ling) = (Repository.checkpoint("micro"), Repository.checkpoint("ling-tiny-icd"))
        _ = try folder.copy(of: micro, named: "micro")
        _ = try folder.copy(of: ling, named: "ling")
        _ = try folder.copy(of: micro + "/golden", named: "run")
        _ = try folder.copy(of: ling + "/golden", named: "ling-run")
        let item = #"{"messages": [{"role": "user", "content": "x"}], "choices": ["a", "b"], "answer": 1"#
        for (name, text) in [
            ("bad.json", "{}"), ("rows.jsonl", #"{"tokens": [1]}"#),
            ("ids.jsonl", "{\"tokens\": [511]}\n{\"tokens\": [5, 512]}\n"),
            ("below.jsonl", #"{"tokens": [-1]}"#), ("no-text.jsonl", #"{"text": ""}"#),
            ("broken.jsonl", "{\"tokens\": [1]}\n{\"tokens\": [1,\n"),
            ("items.jsonl", item + "}\n{\"messages\": 1\n"),
            ("other.jsonl", #"{"txt": "x"}"#), ("none.jsonl", "\n\n"), ("text.jsonl", #"{"text": "x"}"#),
        ] { try text.write(toFile: folder.path(name), atomically: true, encoding: .utf8) }
        var one = TensorFile()
        try one.write(folder.path("empty.safetensors"))
        one["x.tokens"] = .init([1, 2], [2])
        try one.write(folder.path("one.safetensors"))
        let files = FileManager.default
        try files.createDirectory(atPath: folder.path("bare"), withIntermediateDirectories: false)
        try "{}".write(toFile: folder.path("bare/golden.json"), atomically: true, encoding: .utf8)
        _ = try folder.copy(of: micro + "/golden/float32.safetensors", named: "cut.safetensors")
        _ = try folder.copy(of: micro, named: "truncated")
        for path in ["cut.safetensors", "truncated/model.safetensors"] {
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: folder.path(path)))
            try file.truncate(atOffset: 100_000)
            try file.close()
        }
        return folder
    }
}

private nonisolated(unsafe) var leftover = ""
