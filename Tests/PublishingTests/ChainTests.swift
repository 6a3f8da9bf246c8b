// The card reads what the other commands really print, and the folder it stands in passes its own check.

import Foundation
import TestSupport
import Testing

struct ChainTests {
    @Test func theCardReadsWhatTheCommandsPrint() throws {
        let folder = try TemporaryFolder()
        let artefact = try ReleaseFolders.fp8.get()
        let micro = Repository.checkpoint("micro")
        let vectors = Repository.path("Fixtures/vectors/eagle3")
        var files: [String] = []
        for (option, arguments) in [
            ("--topology", ["shard", "plan", artefact, "--target", "vllm-0.33.0/h20-96g"]),
            (
                "--draft",
                ["draft", "measure", micro, vectors + "/plain", "--data", vectors + "/prompts.jsonl"]
                    + ["--tokens", "8", "--layers", "entering"]
            ),
            ("--parity", ["verify", artefact, artefact]),
        ] {
            let run = try ProgramRun(Repository.program("ingot"), arguments + ["--json", "--quiet"])
            #expect(run.exit == 0, "\(option): \(run.errors)")
            let path = folder.path(option.dropFirst(2) + ".json")
            try run.output.write(toFile: path, atomically: true, encoding: .utf8)
            files += [option, path]
        }
        let output = folder.path("out")
        let made = try ProgramRun(
            Repository.program("ingot"),
            ReleaseFolders.prepare(artefact, output) + files + ["--language", "both", "--medical"])
        #expect(made.exit == 0, "\(made.errors)")
        let card = try String(contentsOfFile: output + "/README.md", encoding: .utf8)
        for text in ["`plain`", "prompts.jsonl", "vllm-0.33.0/h20-96g", "tp1", "memory-by-topology"] {
            let has = card.contains(text)
            #expect(has, "the card does not say \(text)")
        }
        #expect(!card.contains(vectors) && !card.contains(folder.path))
        let judged = try ProgramRun.ingot("publish", "check", output, "--quiet")
        #expect(judged.exit == 0, "\(judged.errors)")
    }
}
