// What goes wrong on the way to an answer, and what the program says.

import Foundation
import TestSupport
import Testing

struct GenerateMistakeTests {
    typealias Case = MistakeTests.Case

    static let cases = [
        Case("no prompt", "generate ling", 64, "--prompt TEXT or --messages FILE"),
        Case("two prompts", "generate ling --prompt x --messages m.json", 64, "one of them"),
        Case("raw with a system message", "generate ling --raw --prompt x --system y", 64, "--raw"),
        Case("system with messages", "generate ling --messages m.json --system y", 64, "--system"),
        Case("cold below zero", "generate ling --prompt x --temperature=-1", 64, "--temperature takes"),
        Case("temperature in words", "generate ling --prompt x --temperature warm", 64, "warm"),
        Case("temperature that is none", "generate ling --prompt x --temperature nan", 64, "--temperature"),
        Case("nucleus of nothing", "generate ling --prompt x --temperature 1 --top-p 0", 64, "--top-p takes"),
        Case(
            "nucleus in percent", "generate ling --prompt x --temperature 1 --top-p 90", 64, "--top-p takes"),
        Case("greedy and a nucleus", "generate ling --prompt x --top-p 0.9", 64, "--temperature above 0"),
        Case("no penalty", "generate ling --prompt x --repetition-penalty 0", 64, "--repetition-penalty"),
        Case("no tokens", "generate ling --prompt x --tokens 0", 64, "--tokens takes"),
        Case(
            "misspelt backend", "generate ling --prompt x --backend openblass", 64, "CLI-006",
            "did you mean --backend openblas?"),
        Case(
            "misspelt numerics", "generate ling --prompt x --numerics bf61", 64, "NUMERICS-001",
            "did you mean bf16?"),
        Case("no threads", "generate ling --prompt x --threads 0", 64, "--threads takes"),
        Case("memory in words", "generate ling --prompt x --memory lots", 64, "lots"),
        Case("memory below zero", "generate ling --prompt x --memory=-1", 64, "--memory"),
        Case("thinking half-way", "generate ling --prompt x --thinking maybe", 64, "maybe"),
        Case("no tokenizer", "generate micro --prompt x", 66, "GEN-002", "tokenizer.json"),
        Case("no template", "generate base --prompt x", 66, "GEN-003", "--raw"),
        Case("another template", "generate other --prompt x", 65, "TOK-010", "or give --raw"),
        Case("tokenizer too large", "generate large --raw --prompt x", 65, "TOK-008", "below 512"),
        Case("no such conversation", "generate ling --messages nowhere.json", 66, "nowhere.json"),
        Case("no conversation", "generate ling --messages m.json", 65, "TOK-001", "m.json"),
        Case("a role without text", "generate ling --messages n.json", 65, "TOK-011", "messages[0]"),
        Case("broken weights", "generate nan --raw --prompt x", 65, "GEN-001", "ingot validate"),
        Case("wrong path", "generate lings --prompt x", 66, "FILE-001", "did you mean ling?"),
        Case("misspelt command", "generat ling --prompt x", 64, "CLI-005", "did you mean ingot generate?"),
    ]

    @Test(arguments: cases) func isExplained(_ item: Case) throws {
        let folder = try Self.folder.get().path
        let run = try ProgramRun(Repository.program("ingot"), item.arguments, in: folder)
        #expect(run.exit == item.exit, "\(run.errors)")
        for words in item.says { #expect(run.errors.contains(words), "\(words) in:\n\(run.errors)") }
        #expect(run.output.trimmingCharacters(in: .whitespacesAndNewlines).isEmpty)
        for trap in ["Fatal error", "Swift.", "Optional(", "/Sources/"] {
            #expect(!run.errors.contains(trap), "\(run.errors)")
        }
    }

    @Test func anEmptyPromptIsNoPrompt() throws {
        let run = try ProgramRun.ingot(
            "generate", Repository.checkpoint("ling-tiny-icd"), "--raw", "--prompt", "")
        #expect(run.exit == 64 && run.errors.contains("GEN-006"), "\(run.errors)")
    }

    private static let folder: Result<TemporaryFolder, any Error> = Result {
        let folder = try TemporaryFolder()
        leftover = folder.path
        atexit { try? FileManager.default.removeItem(atPath: leftover) }
        let files = FileManager.default
        _ = try folder.copy(of: Repository.checkpoint("micro"), named: "micro")
        func copy(_ name: String) throws -> String {
            try folder.copy(of: Repository.checkpoint("ling-tiny-icd"), named: name)
        }
        _ = try copy("ling")
        try files.removeItem(atPath: copy("base") + "/tokenizer_config.json")
        try edit(copy("other") + "/tokenizer_config.json", "<role>HUMAN</role>", "<role>USER</role>")
        _ = try folder.copy(of: Repository.checkpoint("micro"), named: "large")
        try files.copyItem(
            atPath: folder.path("ling/tokenizer.json"), toPath: folder.path("large/tokenizer.json"))
        try #"{"role": "user"}"#.write(toFile: folder.path("m.json"), atomically: true, encoding: .utf8)
        try #"[{"role": "user"}]"#.write(toFile: folder.path("n.json"), atomically: true, encoding: .utf8)
        try poison(copy("nan") + "/model.safetensors")
        return folder
    }

    private static func edit(_ path: String, _ old: String, _ new: String) throws {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let edited = text.replacingOccurrences(of: old, with: new)
        try #require(edited != text, "\(path) has no \(old)")
        try edited.write(toFile: path, atomically: true, encoding: .utf8)
    }

    /// Makes the first weight of the final norm NaN.
    private static func poison(_ path: String) throws {
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        let head = try #require(try file.read(upToCount: 8))
        let length = head.reversed().reduce(0) { $0 << 8 | Int($1) }
        let text = String(decoding: try #require(try file.read(upToCount: length)), as: UTF8.self)
        let entry = try #require(
            text.firstMatch(of: /"model\.norm\.weight":\{[^}]*"data_offsets":\[([0-9]+),/))
        try file.seek(toOffset: UInt64(8 + length + (Int(entry.1) ?? 0)))
        try file.write(contentsOf: Data([0xC0, 0x7F]))
        try file.close()
    }
}

private nonisolated(unsafe) var leftover = ""
