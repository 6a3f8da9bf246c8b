// ingot draft train and features as commands: a plan, mistakes, and a run that is killed and gone on with.

import Documents
import Foundation
import TestSupport
import Testing

struct DraftTrainCommandTests {
    private func arguments(_ bench: TrainingBench, _ output: String, _ more: [String]) throws -> [String] {
        ["draft", "train", bench.target, "--data", try bench.data(), "--output", bench.folder.path(output)]
            + ["--threads", "2", "--batch", "4", "--length", "48"] + more
    }

    @Test func aDryRunWritesNothing() throws {
        let bench = try TrainingBench()
        let run = try ProgramRun(
            Repository.program("ingot"), try arguments(bench, "out", ["--steps", "5", "--dry-run"]))
        #expect(run.exit == 0, "\(run.errors)")
        #expect(run.output.contains("1,180,672 parameters"))
        #expect(!FileManager.default.fileExists(atPath: bench.folder.path("out.partial")))
    }

    @Test(arguments: [
        (["--steps", "1", "--epochs", "1"], 64, "--epochs"), (["--steps", "0"], 64, "--steps"),
        (["--crop", "8", "--features", "x"], 64, "--features"),
        (["--profile", "nothing"], 64, "DRAFT-004"), (["--length", "5000"], 65, "DRAFT-005"),
        (["--features", "/nowhere"], 66, "/nowhere"), (["--held-out", "/nowhere"], 66, "/nowhere"),
    ]) func mistakes(_ more: [String], _ status: Int, _ says: String) throws {
        let bench = try TrainingBench()
        let run = try ProgramRun(Repository.program("ingot"), try arguments(bench, "out", more))
        #expect(Int(run.exit) == status && run.errors.contains(says), "\(run.errors)")
    }

    /// A head that has hardly learnt: other layers seem as good by chance, and only proof is an error.
    @Test func noiseIsNoVerdictOnLayers() throws {
        let folder = try TemporaryFolder()
        let target = Repository.checkpoint("ling-tiny-icd")
        let rows = try String(contentsOfFile: target + "/train.jsonl", encoding: .utf8)
        try rows.split(separator: "\n").prefix(40).joined(separator: "\n").write(
            toFile: folder.path("train.jsonl"), atomically: true, encoding: .utf8)
        let train = try ProgramRun(
            Repository.program("ingot"),
            ["draft", "train", target, "--data", folder.path("train.jsonl"), "--output", folder.path("head")]
                + ["--steps", "60", "--batch", "4", "--length", "64", "--seed", "3"])
        #expect(train.exit == 0, "\(train.errors)")
        func audit(_ more: String...) throws -> ProgramRun {
            try ProgramRun(
                Repository.program("ingot"),
                ["draft", "audit", folder.path("head"), target, "--data", target + "/evaluation.jsonl"] + more
            )
        }
        for tokens in ["200", "800", "1000"] {
            let run = try audit("--tokens", tokens)
            #expect(
                run.exit == 0 && !run.errors.contains("error: the head guesses"), "\(tokens): \(run.errors)")
        }
        // Read as the states that enter the layers, it is worse beyond chance.
        let misread = try audit("--tokens", "4000", "--layers", "entering")
        #expect(misread.exit == 65 && misread.errors.contains("--layers after"), "\(misread.errors)")
    }

    /// What a plan says of its texts.
    @Test func textsAreLookedAt() throws {
        let bench = try TrainingBench()
        let more = ["--held-out", try bench.data(named: "held.jsonl"), "--dry-run", "--verbose"]
        let run = try ProgramRun(Repository.program("ingot"), try arguments(bench, "out", more))
        #expect(run.exit == 0, "\(run.errors)")
        for words in ["DRAFT-010", "texts are cut to the recipe's length", "DRAFT-011", "20 of 20"] {
            #expect(run.errors.contains(words), "\(words) in \(run.errors)")
        }
        // No profile is made for the smallest fixture.
        let micro = try ProgramRun(
            Repository.program("ingot"),
            ["draft", "train", Repository.checkpoint("micro"), "--data", try bench.data()]
                + ["--output", bench.folder.path("out")])
        #expect(micro.exit == 64 && micro.errors.contains("DRAFT-004"), "\(micro.errors)")
    }

    /// Killed without a word at some step, gone on with: the bytes of a run that was left alone.
    @Test func aKilledTrainingIsTheSame() throws {
        let bench = try TrainingBench()
        let steps = ["--steps", "40", "--seal-every", "3", "--log-every", "1"]
        #expect(try ProgramRun(Repository.program("ingot"), try arguments(bench, "whole", steps)).exit == 0)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Repository.program("ingot"))
        process.arguments = try arguments(bench, "killed", steps) + ["--quiet"]
        try process.run()
        let journal = bench.folder.path("killed.partial/.ingot-journal.jsonl")
        while process.isRunning {
            let text = (try? String(contentsOfFile: journal, encoding: .utf8)) ?? ""
            if text.split(separator: "\n").count > 3 { break }
            usleep(5000)
        }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        let run = try ProgramRun(
            Repository.program("ingot"), try arguments(bench, "killed", steps + ["--resume", "--json"]))
        #expect(run.exit == 0, "\(run.errors)")
        #expect(try bench.files("killed") == bench.files("whole"))
    }
}
