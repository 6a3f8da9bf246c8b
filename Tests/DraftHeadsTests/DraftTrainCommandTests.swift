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
        (["--steps", "1", "--epochs", "1"], 64), (["--steps", "0"], 64),
        (["--crop", "8", "--features", "x"], 64),
        (["--profile", "nothing"], 64), (["--length", "5000"], 65), (["--features", "/nowhere"], 66),
        (["--held-out", "/nowhere"], 66),
    ]) func mistakes(_ more: [String], _ status: Int) throws {
        let bench = try TrainingBench()
        let run = try ProgramRun(Repository.program("ingot"), try arguments(bench, "out", more))
        #expect(Int(run.exit) == status, "\(run.errors)")
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
