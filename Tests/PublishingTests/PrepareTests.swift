// Making releases: bytes, resumption, memory, refusals, and the card.

import Checkpoints
import Documents
import Foundation
import Publishing
import TestSupport
import Testing

@Suite(.serialized) struct PrepareTests {
    /// A checkpoint of about 70 MB in twelve shards with a licence, and no tokenizer: its check says no.
    private static let large = Result { () throws -> String in
        let folder = try ReleaseFolders.place("large")
        try CheckpointMaker.micro([
            "hidden_size": 512, "intermediate_size": 4096, "moe_intermediate_size": 256,
            "moe_shared_expert_intermediate_size": 256, "num_experts": 16, "num_hidden_layers": 5,
            "num_attention_heads": 8, "num_key_value_heads": 2, "vocab_size": 4096, "eos_token_id": 5,
            "pad_token_id": 5, "bos_token_id": 4,
        ]).write(folder, shards: 12)
        try FileManager.default.copyItem(atPath: Repository.path("LICENSE"), toPath: folder + "/LICENSE")
        return folder
    }

    private func prepare(_ output: String, _ more: [String] = []) throws -> ProgramRun {
        try ProgramRun(
            Repository.program("ingot"),
            ReleaseFolders.prepare(try Self.large.get(), output) + ["--shard-size", "4MB"] + more)
    }

    /// Every tensor is in the release, with the bytes it had, each weight beside its scale.
    @Test func tensorsKeepTheirBytes() throws {
        let source = try TensorFile(try ReleaseFolders.base.get() + "/model.safetensors")
        let checkpoint = try Checkpoint.open(try ReleaseFolders.plain.get())
        #expect(checkpoint.shards.count == 4 && checkpoint.findings.isEmpty)
        var seen = 0
        for shard in checkpoint.shards {
            #expect(shard.header.dataBytes <= 5_000_000)
            let file = try TensorFile(checkpoint.folder + "/" + shard.name)
            for (name, tensor) in file.tensors {
                seen += 1
                let bytes = source[name]?.bytes
                #expect(bytes == tensor.bytes, "\(name)")
            }
        }
        #expect(seen == source.tensors.count)
        let fp8 = try Checkpoint.open(try ReleaseFolders.fp8.get())
        for shard in fp8.shards {
            for record in shard.header.tensors where record.name.hasSuffix("_scale_inv") {
                let weight = try #require(fp8.tensor(named: String(record.name.dropLast(10))))
                #expect(fp8.shards[weight.shard].name == shard.name)
            }
        }
    }

    @Test func killedAndResumedGivesTheSameBytes() throws {
        let folder = try TemporaryFolder()
        let whole = folder.path("whole")
        let first = try prepare(whole, ["--json"])
        #expect(first.exit == 1 && first.errors.isEmpty, "\(first.errors)")
        let peak = first.output.firstMatch(of: #/"peak_bytes": (\d+)/#).flatMap { Int($0.1) }
        #expect(try #require(peak) <= 64 << 20)
        for line in try String(contentsOfFile: whole + "/SHA256SUMS", encoding: .utf8).split(separator: "\n")
        where line.hasSuffix(".safetensors") {
            #expect(first.output.contains("\"sha256\": \"\(line.prefix(64))\""), "\(line) is in the report")
        }
        let reference = try folderDigest(whole)
        let output = folder.path("out")
        var killed = 0
        for attempt in 0..<60 where killed < 8 {
            // One that ended before its first kill is made again.
            if killed == 0 { try? FileManager.default.removeItem(atPath: output) }
            let run = try StartedProgram(
                Repository.program("ingot"),
                ReleaseFolders.prepare(try Self.large.get(), output) + ["--shard-size", "4MB", "--resume"])
            usleep(UInt32(5000 + attempt * 4000))
            run.send(SIGKILL)
            if try run.wait().exit == 128 + SIGKILL { killed += 1 } else if killed > 0 { break }
        }
        #expect(killed > 0)
        #expect(try prepare(output, ["--resume"]).exit == 1)
        #expect(try folderDigest(output) == reference)
        #expect(try names(in: folder.path) == ["out", "whole"])
    }

    @Test func jobsDoNotChangeTheBytes() throws {
        let folder = try TemporaryFolder()
        #expect(try prepare(folder.path("a")).exit == 1)
        #expect(try prepare(folder.path("b"), ["--jobs", "3"]).exit == 1)
        #expect(try folderDigest(folder.path("a")) == folderDigest(folder.path("b")))
    }

    @Test func weightsThatAreNotSoundAreNotReleased() throws {
        let folder = try TemporaryFolder()
        let source = try folder.copy(of: try ReleaseFolders.base.get(), named: "source")
        var tensors = try TensorFile(source + "/model.safetensors")
        tensors["model.norm.weight"]?.floats[3] = .infinity
        try tensors.write(source + "/model.safetensors")
        let run = try ProgramRun(
            Repository.program("ingot"), ReleaseFolders.prepare(source, folder.path("out")))
        #expect(run.exit == 65 && run.errors.contains("DATA-001"), "\(run.errors)")
        #expect(try names(in: folder.path) == ["source"])
    }

    @Test(arguments: [
        (["--license-file", "none"], "FILE-", Int32(66)), (["--base-model", "x"], "PUB-103", 64),
        (["--repository", "x"], "PUB-103", 64), (["--title", ""], "PUB-103", 64),
        (["--title", "one\ntwo"], "PUB-103", 64), (["--shard-size", "1MB"], "1,000,000 bytes", 64),
        (["--shard-size", "600GB"], "PUB-104", 64), (["--include", "nothing.txt"], "PUB-103", 64),
        (["--target", "vllm-0.11.0/h21"], "TARGET-002", 64), (["--parity", "config.json"], "PUB-101", 65),
        (["--template", "broken.md"], "PUB-100", 65), (["--sign", "config.json"], "PUB-092", 65),
    ]) func refusals(_ options: [String], _ code: String, _ exit: Int32) throws {
        let folder = try TemporaryFolder()
        let base = try ReleaseFolders.base.get()
        try Data("{}\n".utf8).write(to: URL(fileURLWithPath: folder.path("config.json")))
        try Data("{{nothing}}\n".utf8).write(to: URL(fileURLWithPath: folder.path("broken.md")))
        var words = ReleaseFolders.prepare(base, folder.path("out"))
        if options[0] == "--base-model" { words.removeSubrange(3...4) }
        let run = try ProgramRun(Repository.program("ingot"), words + options, in: folder.path)
        #expect(run.exit == exit && run.errors.contains(code), "\(run.exit) \(run.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.path("out")))
    }

    /// A dry run says of the card what the check of the release will say of it.
    @Test(arguments: [
        ["--medical"], ["--tag", "medical"], ["--license", "mit"], ["--language", "both"],
        ["--license", "other"],
    ]) func aDryRunKnowsWhatTheCheckWillSay(_ options: [String]) throws {
        let folder = try TemporaryFolder()
        let source = try folder.copy(of: try ReleaseFolders.fp8.get(), named: "source")
        let words = ReleaseFolders.prepare(source, folder.path("out")) + options
        func codes(_ more: [String]) throws -> (Int32, [String]) {
            let run = try ProgramRun(Repository.program("ingot"), words + more)
            let found = run.errors.matches(of: #/PUB-0[345]\d/#).map { String($0.0) }
            return (run.exit, Array(Set(found)).sorted())
        }
        let (exit, forecast) = try codes(["--dry-run"])
        #expect(exit == 1 && forecast.contains("PUB-051"), "\(forecast)")
        #expect(!FileManager.default.fileExists(atPath: folder.path("out")))
        let (status, found) = try codes([])
        #expect(status == exit && found == forecast, "\(found), forecast \(forecast)")
    }

    @Test func aBaseThatDiffersIsRefused() throws {
        let folder = try TemporaryFolder()
        let base = try folder.copy(of: try ReleaseFolders.base.get(), named: "base")
        try Data("# other\n".utf8).write(to: URL(fileURLWithPath: base + "/modeling_bailing_moe_v2.py"))
        let run = try ProgramRun(
            Repository.program("ingot"),
            ReleaseFolders.prepare(try ReleaseFolders.base.get(), folder.path("out")) + ["--base", base])
        #expect(run.exit == 65 && run.errors.contains("PUB-102"), "\(run.errors)")
    }

    @Test func theCardSaysWhatWasMeasured() throws {
        let folder = try TemporaryFolder()
        let parity = folder.path("parity.json")
        try Data(
            """
            {"command":"verify","exit":0,"findings":[],"result":{"passed":true,"tolerance":{"name":"fp8"},"texts":3,
            "tokens":900,"gates":[{"quantity":"divergence-mean","found":0.00125,"half_width":0.0004,"limit":0.02,
            "is_floor":false,"passed":true},{"quantity":"choice-agreement","found":0.9949,"limit":0.96,"is_floor":true,
            "passed":true}],"activations":[{"activation":"residual","layer":0,"mean":0.01},{"activation":"residual",
            "layer":1,"mean":0.02}],"accuracy":{"items":40,"left":{"mean":1.0},"right":{"mean":0.975}}}}
            """.utf8
        ).write(to: URL(fileURLWithPath: parity))
        let draft = folder.path("draft.json")
        try Data(
            """
            {"head": "/heads/eagle3", "data": "/texts/evaluation.jsonl",
             "acceptance_length": {"mean": 2.41, "half_width": 0.06},
             "positions": [{"rate": {"mean": 0.71}}, {"rate": {"mean": 0.48}}]}
            """.utf8
        ).write(
            to: URL(fileURLWithPath: draft))
        let output = folder.path("out")
        let run = try ProgramRun(
            Repository.program("ingot"),
            ReleaseFolders.prepare(try ReleaseFolders.fp8.get(), output) + [
                "--parity", parity, "--draft", draft, "--language", "both", "--medical", "--benchmark",
                "acme/icd:default", "--repository", "acme/ling-tiny-icd-fp8",
            ])
        #expect(run.exit == 0, "\(run.errors)\(run.output)")
        let card = try String(contentsOfFile: output + "/README.md", encoding: .utf8)
        for text in [
            "0.00125 ± 0.00040", "99.49 %", "100.0 % / 97.5 %", "2.41 ± 0.06", "`eagle3`",
            "evaluation.jsonl",
            "does not replace a doctor's diagnosis",
            "不能替代医生的诊断", "assets/error-by-role.en.svg", "assets/difference-by-layer.zh.svg", "首选词元一致率",
            "python -m sglang.launch_server --model-path acme/ling-tiny-icd-fp8",
            "base_model_relation: quantized",
        ] {
            let has = card.contains(text)
            #expect(has, "the card does not say \(text)")
        }
        let results = try String(contentsOfFile: output + "/.eval_results/ingot.yaml", encoding: .utf8)
        #expect(results.contains("97.5") && EvaluationResults.fault(in: results) == nil)
        #expect(run.output.contains("hf upload acme/ling-tiny-icd-fp8 \(output) . --repo-type model"))
        #expect(run.output.contains("modelscope upload acme/ling-tiny-icd-fp8 \(output)"))
    }
}
