// ingot generate on the trained fixture: the recorded continuations word for word, the same model in FP8,
// sampling, the ways to end.

import Documents
import Foundation
import TestSupport
import Testing

struct GenerateTests {
    static let model = Repository.checkpoint("ling-tiny-icd")

    /// One recorded continuation: by the authors' code in F32, 48 tokens at most.
    struct Recorded: Sendable, CustomTestStringConvertible {
        let name: String
        let prompt: String
        let text: String
        let tokens: [Int]
        var testDescription: String { name }
    }

    static let recorded: [Recorded] = {
        guard let golden = try? GoldenValues(checkpoint: "ling-tiny-icd"),
            let data = FileManager.default.contents(atPath: model + "/golden/golden.json"),
            let top = try? StrictReader(JSONValue(parsing: Array(data))),
            let cases = try? top.object("cases")
        else { return [] }
        return cases.unread.compactMap { name in
            guard let item = try? cases.object(name), let prompt = try? item.string("prompt"),
                let text = try? item.string("greedy_text"),
                let tokens = try? golden.integers("\(name).greedy")
            else { return nil }
            return Recorded(name: name, prompt: prompt, text: text, tokens: tokens)
        }
    }()

    /// The result of a run with `--json`.
    static func generate(_ model: String, _ arguments: [String], exit: Int32 = 0) throws -> StrictReader {
        let run = try ProgramRun(
            Repository.program("ingot"), ["generate", model, "--json"] + arguments)
        #expect(run.exit == exit, "\(run.errors)\(run.output)")
        return try StrictReader(JSONValue(parsing: Array(run.output.utf8))).object("result")
    }

    static func asRecorded(_ item: Recorded) -> [String] {
        ["--raw", "--prompt", item.prompt, "--tokens", "48", "--show-special"]
    }

    @Test func theRecordingsAreThere() { #expect(Self.recorded.count == 6) }

    @Test(arguments: recorded, ["reference", "openblas", "fused"])
    func continuesAsTheAuthorsCode(_ item: Recorded, _ backend: String) throws {
        let result = try Self.generate(Self.model, Self.asRecorded(item) + ["--backend", backend])
        #expect(try result.integers("tokens") == item.tokens)
        #expect(try result.string("text") == item.text)
        #expect(try result.string("backend") == backend)
        let reason = try result.object("stop").string("reason")
        #expect(reason == (item.tokens.last == 2039 ? "end-token" : "token-limit"))
    }

    /// The chat template gives the prompts that were recorded.
    @Test func rendersTheTemplate() throws {
        let medical = "你是一名医疗助手,只提供参考信息,不能替代医生诊断。"
        for (name, words) in [
            ("q-i10", ["--prompt", "What does ICD-10-CM code I10 mean?"]),
            ("q-zh", ["--prompt", "E11.9是什么诊断?", "--system", medical]),
        ] {
            let item = try #require(Self.recorded.first { $0.name == name })
            let result = try Self.generate(Self.model, words)
            #expect(try result.string("prompt") == item.prompt)
            #expect(try result.integers("tokens") == item.tokens)
            #expect(try result.string("text") + "<|role_end|>" == item.text)
        }
        let on = try Self.generate(Self.model, ["--prompt", "x", "--thinking", "on", "--tokens", "1"])
        #expect(try on.string("prompt").contains("detailed thinking on"))
    }

    @Test func readsAConversation() throws {
        let folder = try TemporaryFolder()
        let text = """
            [{"role": "user", "content": "What does ICD-10-CM code I10 mean?"},
             {"role": "assistant", "content": "I10 is hypertension."}, {"role": "user", "content": "And I11?"}]
            """
        try text.write(toFile: folder.path("m.json"), atomically: true, encoding: .utf8)
        let result = try Self.generate(Self.model, ["--messages", folder.path("m.json"), "--tokens", "4"])
        let prompt = try result.string("prompt")
        #expect(prompt.contains("<role>ASSISTANT</role>I10 is hypertension.<|role_end|>"))
        #expect(prompt.hasSuffix("<role>HUMAN</role>And I11?<|role_end|><role>ASSISTANT</role>"))
    }

    /// Measured: 258 of 276 tokens in place, five of six answers word for word; the sixth leaves its recording
    /// after thirty tokens and stays within the templates.
    @Test func speaksAfterQuantising() throws {
        let folder = try TemporaryFolder()
        let made = try ProgramRun.ingot(
            "quantise", Self.model, "--scheme", "fp8-block", "--output", folder.path("fp8"))
        #expect(made.exit == 0, "\(made.errors)")
        var (same, total, whole) = (0, 0, 0)
        for item in Self.recorded {
            let result = try Self.generate(folder.path("fp8"), Self.asRecorded(item))
            let tokens = try result.integers("tokens")
            same += zip(tokens, item.tokens).count { $0 == $1 }
            total += max(tokens.count, item.tokens.count)
            whole += tokens == item.tokens ? 1 : 0
            #expect(tokens.prefix(24) == item.tokens.prefix(24), "\(item.name): \(tokens)")
        }
        #expect(Double(same) >= 0.9 * Double(total) && whole >= 5, "\(same) of \(total), \(whole) whole")
    }

    @Test func streamsTheAnswerAlone() throws {
        let item = try #require(Self.recorded.first { $0.name == "q-zh" })
        let run = try ProgramRun.ingot(
            "generate", Self.model, "--raw", "--prompt", item.prompt, "--show-special")
        #expect(run.exit == 0)
        #expect(run.output == item.text + "\n")
        #expect(run.errors.contains("tokens/s"))
        #expect(run.errors.contains("ended by <|role_end|>"))
        let quiet = try ProgramRun.ingot("generate", Self.model, "--raw", "--prompt", item.prompt, "--quiet")
        #expect(quiet.output + "" == item.text.replacingOccurrences(of: "<|role_end|>", with: "") + "\n")
        #expect(quiet.errors.isEmpty)
    }

    @Test func aSeedRepeats() throws {
        func tokens(_ more: String...) throws -> [Int] {
            try Self.generate(
                Self.model, ["--prompt", "Explain the diagnosis code G44.3.", "--temperature", "1.2"] + more
            ).integers("tokens")
        }
        let first = try tokens("--seed", "5", "--top-p", "0.95", "--top-k", "50")
        #expect(try tokens("--seed", "5", "--top-p", "0.95", "--top-k", "50") == first)
        #expect(try tokens("--seed", "6", "--top-p", "0.95", "--top-k", "50") != first)
        let drawn = try Self.generate(
            Self.model, ["--prompt", "x", "--temperature", "1", "--tokens", "3"])
        #expect(try drawn.integer("seed") >= 0)
    }

    /// Either end token ends the answer; config.json alone names one of the two.
    @Test func endsAtBothEndTokens() throws {
        let folder = try TemporaryFolder()
        let copy = try folder.copy(of: Self.model, named: "m")
        let item = try #require(Self.recorded.first { $0.name == "q-i10" })
        func stop() throws -> StrictReader {
            try Self.generate(copy, ["--raw", "--prompt", item.prompt]).object("stop")
        }
        try #"{"bos_token_id": 2035, "eos_token_id": 2036}"#.write(
            toFile: copy + "/generation_config.json", atomically: true, encoding: .utf8)
        #expect(try stop().integer("token") == 2039, "config.json names it")
        try FileManager.default.removeItem(atPath: copy + "/generation_config.json")
        #expect(try stop().integer("token") == 2039)
        // A comma ends it when the file says so.
        try #"{"eos_token_id": [13, 2039]}"#.write(
            toFile: copy + "/generation_config.json", atomically: true, encoding: .utf8)
        #expect(try stop().integer("token") == 13)
    }

    @Test func theContextEndsTheAnswer() throws {
        let folder = try TemporaryFolder()
        let copy = try folder.copy(of: Self.model, named: "m")
        let config = try String(contentsOfFile: copy + "/config.json", encoding: .utf8)
        try config.replacingOccurrences(
            of: "\"max_position_embeddings\": 1024", with: "\"max_position_embeddings\": 50"
        ).write(toFile: copy + "/config.json", atomically: true, encoding: .utf8)
        let item = try #require(Self.recorded.first { $0.name == "q-i10" })
        let result = try Self.generate(copy, ["--raw", "--prompt", item.prompt, "--tokens", "30"])
        #expect(try result.integers("tokens") == Array(item.tokens.prefix(10)), "40 of 50 are the prompt")
        #expect(try result.object("stop").string("reason") == "context-full")
        let told = try ProgramRun.ingot(
            "generate", copy, "--raw", "--prompt", item.prompt, "--tokens", "30")
        #expect(told.errors.contains("GEN-005") && told.errors.contains("--tokens 10"), "\(told.errors)")
        let long = String(repeating: "pain ", count: 60)
        let refused = try ProgramRun.ingot("generate", copy, "--raw", "--prompt", long)
        #expect(refused.exit == 64 && refused.errors.contains("GEN-004"), "\(refused.errors)")
    }

    @Test func anAnswerThatCannotBeWrittenIsAnError() throws {
        let program = Repository.program("ingot")
        let run = try ProgramRun(
            "/bin/sh", ["-c", "'\(program)' generate '\(Self.model)' --prompt x > /dev/full"])
        #expect(run.exit == 74, "\(run.errors)")
        #expect(run.errors.contains("FILE-007") && run.errors.contains("standard output"), "\(run.errors)")
    }

    /// Ctrl-C: what there is stands on standard output, and the status is the shell's.
    @Test(arguments: [SIGINT, SIGTERM]) func endsCleanlyAtASignal(_ signal: Int32) throws {
        let run = try StartedProgram(
            Repository.program("ingot"),
            [
                "generate", Self.model, "--backend", "reference", "--raw", "--prompt", "I10 is", "--tokens",
                "1000", "--memory", "0", "--temperature", "20", "--seed", "1",
            ])
        for _ in 0..<3000 where run.isRunning && run.outputSoFar.isEmpty { usleep(10_000) }
        run.send(signal)
        let said = try run.wait()
        #expect(said.exit == 128 + signal, "\(said.errors)")
        #expect(said.output.hasSuffix("\n"))
        #expect(said.errors.contains("ended by a signal"), "\(said.errors)")
    }
}
