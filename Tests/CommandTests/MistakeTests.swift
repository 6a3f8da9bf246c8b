// What a new user gets wrong, and what the program says: the exact exit code and the words that help.

import Foundation
import TestSupport
import Testing

struct MistakeTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let id: String
        let arguments: [String]
        let exit: Int32
        let says: [String]
        var testDescription: String { id }

        init(_ id: String, _ arguments: String, _ exit: Int32, _ says: String...) {
            self.id = id
            self.arguments = arguments.split(separator: " ").map(String.init)
            self.exit = exit
            self.says = says
        }
    }

    /// Every case runs in a folder with the things these names speak of.
    static let cases = [
        Case("wrong path", "quantise mikro --output out", 66, "FILE-001", "did you mean micro?"),
        Case("path far off", "quantise nowhere/at/all --output out", 66, "FILE-001", "nowhere/at/all"),
        Case("a file", "quantise micro/config.json --output out", 66, "expected", "folder"),
        Case("empty folder", "quantise empty --output out", 66, "CKPT-061", "empty"),
        Case("existing output", "quantise micro --output full", 73, "OUT-001", "--replace"),
        Case(
            "unknown scheme", "quantise micro --scheme fp8-blok --output out", 64, "SCHEME-001",
            "did you mean --scheme fp8-block?"),
        Case("missing scheme file", "quantise micro --scheme ./mine.json --output out", 66, "mine.json"),
        Case("bad scheme file", "quantise micro --scheme bad.json --output out", 78, "SCHEME-002"),
        Case("corrupt index", "quantise corrupt-index --output out", 65, "model.safetensors.index.json"),
        Case("truncated shard", "quantise truncated --output out", 65, "model.safetensors", "bytes"),
        Case("no config", "quantise no-config --output out", 66, "config.json"),
        Case("another architecture", "quantise llama --output out", 65, "LlamaForCausalLM"),
        Case(
            "quantised already", "quantise fp8 --output out", 65, "SCHEME-003", "ingot dequantise fp8"),
        Case("not quantised", "dequantise micro --output out", 65, "SCHEME-007", "quantization_config"),
        Case(
            "half of what vLLM fuses",
            "quantise micro --target vllm-0.32.0/h100-80g --keep expert-up --output out",
            65, "SCHEME-012", "keep all of experts"),
        Case("no jobs", "quantise micro --output out --jobs 0", 64, "--jobs takes a number from 1 to 64"),
        Case("jobs in words", "quantise micro --output out --jobs two", 64, "two"),
        Case("no output", "quantise micro", 64, "--output"),
        Case("no checkpoint", "quantise --output out", 64, "<checkpoint>"),
        Case(
            "misspelt role", "quantise micro --keep atention-qkv --output out", 64, "CLI-003",
            "did you mean --keep attention-qkv?"),
        Case("role that is kept", "quantise micro --keep embedding --output out", 64, "CLI-003"),
        Case(
            "unknown subcommand", "quantis micro --output out", 64, "CLI-005", "did you mean ingot quantise?"),
        Case("unknown option", "quantise micro --output out --shceme fp8-block", 64, "--shceme", "--scheme"),
        Case("unknown code", "explain CKPT-999", 64, "CLI-001"),
        Case("unknown profile", "profiles show fp8-blok", 64, "CLI-002", "ingot profiles show fp8-block"),
        Case("unknown tensor", "inspect micro --tensor lm_hed.weight", 64, "CLI-004", "lm_head.weight"),
        Case("unknown layer", "inspect micro --layer 99", 64, "CLI-004", "--layer 99"),
        Case(
            "a tensor of no role", "quantise stray --output out", 65, "ARCH-009", "model.extra.weight",
            "only tensors of the inventory"),
        Case(
            "a type that a scheme does not take", "quantise half --scheme fp8-block-ct --output out", 65,
            "SCHEME-004", "expected  BF16", "found     F16"),
        Case(
            "no sensitivity", "quantise micro --keep-budget 1MB --sensitivity bad.json --output out", 65,
            "SENS-001", "bad.json"),
        Case(
            "sensitivity of another scheme",
            "quantise micro --scheme fp8-channel --keep-budget 1MB --sensitivity part.json --output out", 65,
            "SENS-002", "fp8-channel"),
        Case(
            "sensitivity of another model",
            "quantise half --keep-budget 1MB --sensitivity part.json --output out", 65, "SENS-002", "model"),
        Case("inside the input", "quantise micro --output micro/fp8", 64, "OUT-004"),
    ]

    @Test(arguments: cases) func isExplained(_ item: Case) throws {
        let folder = try Self.folder.get().path
        let before = try names(in: folder)
        let run = try ProgramRun(Repository.program("ingot"), item.arguments, in: folder)
        #expect(run.exit == item.exit, "\(run.errors)")
        for words in item.says { #expect(run.errors.contains(words), "\(words) in:\n\(run.errors)") }
        #expect(run.output.isEmpty)
        #expect(try names(in: folder) == before)
        for trap in ["Fatal error", "Swift.", "Optional(", "/Sources/"] {
            #expect(!run.errors.contains(trap), "\(run.errors)")
        }
    }

    @Test func whatATargetChangesIsSaid() throws {
        let folder = try Self.folder.get()
        let run = try ProgramRun.ingot(
            "quantise", "micro", "--target", "vllm-0.11.0/a100-80g", "--dry-run", "--verbose", "--output",
            "out", in: folder.path)
        #expect(run.exit == 0 && run.errors.contains("SCHEME-008"), "\(run.errors)")
        #expect(run.errors.contains("attention-qkv stays as it is"), "\(run.errors)")
    }

    private static let folder: Result<TemporaryFolder, any Error> = Result {
        let folder = try TemporaryFolder()
        leftover = folder.path
        atexit { try? FileManager.default.removeItem(atPath: leftover) }
        let files = FileManager.default
        func copy(_ name: String) throws -> String {
            try folder.copy(of: Repository.checkpoint("micro"), named: name)
        }
        _ = try copy("micro")
        for name in ["empty", "full"] {
            try files.createDirectory(atPath: folder.path(name), withIntermediateDirectories: false)
        }
        try "x".write(toFile: folder.path("full/x"), atomically: false, encoding: .utf8)
        try "{}".write(toFile: folder.path("bad.json"), atomically: false, encoding: .utf8)
        try CheckpointMaker.micro().write(folder.path("corrupt-index"), shards: 2)
        let index = folder.path("corrupt-index/model.safetensors.index.json")
        try "{\"metadata\": {".write(toFile: index, atomically: false, encoding: .utf8)
        let shard = try FileHandle(
            forUpdating: URL(fileURLWithPath: copy("truncated") + "/model.safetensors"))
        try shard.truncate(atOffset: 100_000)
        try shard.close()
        try files.removeItem(atPath: copy("no-config") + "/config.json")
        let config = try copy("llama") + "/config.json"
        let text = try String(contentsOfFile: config, encoding: .utf8)
        try text.replacingOccurrences(of: "BailingMoeV2ForCausalLM", with: "LlamaForCausalLM")
            .write(toFile: config, atomically: false, encoding: .utf8)
        var half = try CheckpointMaker.micro(["torch_dtype": "float16", "intermediate_size": 640])
        half.dtype = .f16
        try half.write(folder.path("half"))
        var stray = try CheckpointDamage(folder.path("micro"))
        stray.file["model.extra.weight"] = stray.file["lm_head.weight"]
        try stray.write(folder.path("stray"))
        try "{\"tokens\": [1, 2, 3]}\n".write(
            toFile: folder.path("three.jsonl"), atomically: false, encoding: .utf8)
        for words in [
            ["quantise", "micro", "--output", "fp8"],
            ["sensitivity", "micro", "--data", "three.jsonl", "--output", "part.json"],
        ] {
            let run = try ProgramRun(Repository.program("ingot"), words, in: folder.path)
            #expect(run.exit == 0, "\(run.errors)")
        }
        return folder
    }
}

private nonisolated(unsafe) var leftover = ""
