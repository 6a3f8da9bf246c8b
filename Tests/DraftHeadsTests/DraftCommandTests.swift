// The commands as people run them.

import Documents
import DraftHeads
import Foundation
import TestSupport
import Testing

struct DraftCommandTests {
    private let folder: TemporaryFolder
    private let micro = Repository.checkpoint("micro")
    private let head = HeadPassTests.vectors + "/plain"

    init() throws { folder = try TemporaryFolder() }

    private func prompts(_ rows: [(String, [Int])]) throws -> String {
        let path = folder.path("prompts.jsonl")
        let text = rows.map { "{\"domain\": \"\($0.0)\", \"tokens\": \($0.1)}\n" }.joined()
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    private func result(_ run: ProgramRun) throws -> JSONObject {
        guard case .object(let document) = try JSONValue(parsing: Array(run.output.utf8)),
            case .object(let result)? = document["result"]
        else { throw CocoaError(.coderInvalidValue) }
        return result
    }

    @Test(arguments: [["--steps", "3"], ["--steps", "3", "--tree-width", "2", "--tree-tokens", "6"]])
    func measureProvesTheAnswersEqual(shape: [String]) throws {
        let data = try prompts([("a", [1, 2, 3]), ("b", [5, 6, 7, 8, 9]), ("b", [10])])
        let page = folder.path("page.html")
        let run = try ProgramRun(
            Repository.program("ingot"),
            [
                "draft", "measure", micro, head, "--data", data, "--tokens", "12", "--json", "--layers",
                "after",
                "--report", page,
            ] + shape)
        #expect(run.exit == 0, "\(run.errors)")
        let result = try result(run)
        #expect(result["plain"] == ["compared": 3, "equal": 3])
        #expect(result["bonus_token_counted"] == true)
        guard case .array(let domains)? = result["domains"], case .array(let places)? = result["positions"]
        else {
            Issue.record("no domains or places")
            return
        }
        #expect(domains.count == 2 && places.count == 3)
        _ = try MarkupReader(String(contentsOfFile: page, encoding: .utf8))
    }

    @Test func measureSampled() throws {
        let data = try prompts([("a", [1, 2, 3])])
        let arguments = [
            "draft", "measure", micro, head, "--data", data, "--tokens", "8", "--temperature", "1", "--seed",
            "4",
            "--layers", "after",
        ]
        let run = try ProgramRun(Repository.program("ingot"), arguments)
        #expect(run.exit == 0, "\(run.errors)")
        #expect(run.output.contains("sampled at temperature 1.0, seed 4"))
        let again = try ProgramRun(Repository.program("ingot"), arguments)
        #expect(
            again.output.split(separator: "\n").dropLast() == run.output.split(separator: "\n").dropLast())
    }

    @Test func convertThereAndBack() throws {
        let there = folder.path("there")
        let back = folder.path("back")
        let canonical = folder.path("canonical")
        for (from, to, output) in [
            (head, "specforge", canonical), (canonical, "vllm", there), (there, "specforge", back),
        ] {
            let run = try ProgramRun.ingot(
                "draft", "convert", from, "--to", to, "--model", micro, "--layers",
                from == there ? "entering" : "after", "--output", output)
            #expect(run.exit == 0, "\(run.errors)")
        }
        for name in ["config.json", "model.safetensors"] {
            #expect(
                try Data(contentsOf: URL(fileURLWithPath: canonical + "/" + name))
                    == Data(contentsOf: URL(fileURLWithPath: back + "/" + name)))
        }
        let again = try ProgramRun.ingot(
            "draft", "convert", head, "--to", "vllm", "--layers", "after", "--output", there)
        #expect(again.exit == 73)
        let refused = try ProgramRun.ingot(
            "draft", "convert", HeadPassTests.vectors + "/flagged", "--to", "specforge", "--output",
            folder.path("no"))
        #expect(refused.exit == 64 && refused.errors.contains("DRAFT-043"))
        #expect(!FileManager.default.fileExists(atPath: folder.path("no")))
    }

    @Test func attachWritesTheCommand() throws {
        let output = folder.path("attached")
        let run = try ProgramRun.ingot(
            "draft", "attach", micro, head, "--target", "sglang-0.5.6/h200-141g", "--layers", "after",
            "--output", output)
        #expect(run.exit == 0, "\(run.errors)")
        let command = try String(contentsOfFile: output + "/serve.txt", encoding: .utf8)
        #expect(command.contains("--speculative-draft-model-path \(output)"))
        let refused = try ProgramRun.ingot(
            "draft", "attach", micro, head, "--target", "vllm-0.32.0/cpu", "--layers", "after", "--output",
            folder.path("no"))
        #expect(refused.exit == 1 && refused.errors.contains("DRAFT-044"))
    }

    @Test func auditTellsWhatItSaw() throws {
        let data = try prompts([("a", Array(1...60)), ("b", Array(100...180))])
        let page = folder.path("audit.html")
        let run = try ProgramRun.ingot(
            "draft", "audit", head, micro, "--layers", "after", "--data", data, "--json", "--report", page)
        #expect(run.exit == 0, "\(run.errors)")
        let result = try result(run)
        #expect(result["errors"] == 0)
        guard case .array(let layers)? = result["layers"] else {
            Issue.record("no layers")
            return
        }
        // Counted one later there is no such state.
        #expect(layers.count == 2)
        _ = try MarkupReader(String(contentsOfFile: page, encoding: .utf8))
        let other = try ProgramRun.ingot(
            "draft", "audit", head, Repository.checkpoint("ling-tiny-icd"), "--layers", "after")
        #expect(other.exit == 65 && other.errors.contains("DRAFT-042"))
    }

    /// A random head over a text that it can hardly draft, and texts that say nothing of it.
    @Test func auditSaysWhatItCannotJudge() throws {
        let data = try prompts([("a", Array(300...400))])
        let arguments = ["draft", "audit", head, micro, "--layers", "after", "--data"]
        let random = try ProgramRun(Repository.program("ingot"), arguments + [data])
        #expect(random.exit == 0, "\(random.errors)")
        for words in ["DRAFT-049", "DRAFT-050", "was it trained for this target?"] {
            #expect(random.errors.contains(words), "\(words) in \(random.errors)")
        }
        let short = try ProgramRun(Repository.program("ingot"), arguments + [try prompts([("a", [1, 2])])])
        #expect(short.exit == 65 && short.errors.contains("DRAFT-052"), "\(short.errors)")
        let long = try prompts([("a", Array(repeating: 7, count: 1100)), ("b", [1, 2, 3])])
        let measured = try ProgramRun.ingot(
            "draft", "measure", micro, head, "--data", long, "--tokens", "2", "--layers", "after")
        #expect(measured.exit == 0 && measured.errors.contains("DRAFT-052"), "\(measured.errors)")
        #expect(measured.errors.contains("1 rows without"), "\(measured.errors)")
    }

    @Test func generateWithADraft() throws {
        let target = Repository.checkpoint("ling-tiny-icd")
        var configuration = Heads.micro
        configuration.hiddenSize = 256
        configuration.targetHiddenSize = 256
        configuration.vocabularySize = 2048
        configuration.auxiliaryPoints = HeadConfiguration.standardPoints(layerCount: 7)
        let path = try Heads.write(configuration, in: folder)
        let arguments = ["generate", target, "--prompt", "What is E11.9?", "--tokens", "20", "--json"]
        let plain = try ProgramRun(Repository.program("ingot"), arguments)
        let drafted = try ProgramRun(Repository.program("ingot"), arguments + ["--draft", path])
        #expect(drafted.exit == 0, "\(drafted.errors)")
        #expect(try result(plain)["tokens"] == result(drafted)["tokens"])
        #expect(try result(drafted)["draft"] != nil)
    }
}
