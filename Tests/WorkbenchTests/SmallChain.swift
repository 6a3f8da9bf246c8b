// A recipe of every stage that is done in seconds: few rows of each file of the fixture's checkpoint.

import Checkpoints
import Foundation
import TestSupport

/// A chain on the small checkpoint.
struct SmallChain {
    let folder: TemporaryFolder
    let recipe: String
    let run: String

    init(_ change: (inout [String: Any]) -> Void = { _ in }) throws {
        folder = try TemporaryFolder()
        recipe = folder.path("recipe.json")
        run = folder.path("run")
        let source = Repository.checkpoint("ling-tiny-icd")
        for (name, rows) in [("calibration", 4), ("train", 60), ("evaluation", 6)] {
            let text = try String(contentsOfFile: "\(source)/\(name).jsonl", encoding: .utf8)
            let lines = text.split(separator: "\n").prefix(rows).joined(separator: "\n") + "\n"
            try lines.write(toFile: folder.path("\(name).jsonl"), atomically: true, encoding: .utf8)
        }
        var document: [String: Any] = [
            "format": 1, "name": "small", "checkpoint": source, "target": "vllm-0.32.0/cpu",
            "calibrate": ["data": "calibration.jsonl"], "quantise": ["scheme": "fp8-block"],
            "draft": [
                "train": [
                    "data": "train.jsonl", "steps": 4, "batch": 4, "length": 96, "evaluate_every": 4,
                ] as [String: Any],
                "measure": ["data": "evaluation.jsonl", "rows": 2, "tokens": 12] as [String: Any],
                "attach": ["patched": true],
            ],
            "verify": ["data": "evaluation.jsonl", "tokens": 256, "checks": "weights,forward"]
                as [String: Any],
            "shard": ["topology": "dp2-ep2", "context": 1024] as [String: Any],
            "publish": [
                "base_model": "acme/ling-tiny-icd", "license": "apache-2.0",
                "license_file": Repository.path("LICENSE"), "language": "both", "medical": true,
                "bom": true,
            ] as [String: Any],
        ]
        change(&document)
        try JSONSerialization.data(withJSONObject: document).write(to: URL(fileURLWithPath: recipe))
    }

    var arguments: [String] { ["run", recipe, "--output", run, "--threads", "2", "--quiet"] }

    func perform(_ extra: String...) throws -> ProgramRun {
        try ProgramRun(Repository.program("ingot"), arguments + extra)
    }

    func start() throws -> StartedProgram { try StartedProgram(Repository.program("ingot"), arguments) }

    /// The stages of the report with their ends.
    func ends() throws -> [String: String] {
        let data = try Data(contentsOf: URL(fileURLWithPath: run + "/report.json"))
        let report = try JSONSerialization.jsonObject(with: data) as? [String: Any]
        var ends: [String: String] = [:]
        for stage in report?["stages"] as? [[String: Any]] ?? [] {
            ends[stage["stage"] as? String ?? ""] = stage["status"] as? String
        }
        return ends
    }

    /// Digests of everything that is served or published: what must not depend on how the run went.
    func digests() throws -> [String: String] {
        var all: [String: String] = [:]
        for part in ["artefact", "head", "draft", "sharded", "release"] {
            for name in try FileManager.default.subpathsOfDirectory(atPath: run + "/" + part) {
                let path = "\(run)/\(part)/\(name)"
                var isFolder: ObjCBool = false
                guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder),
                    !isFolder.boolValue
                else { continue }
                // The command that serves a head names the run folder itself.
                if part != "draft" || name != "serve.txt" {
                    all[part + "/" + name] = try digestFile(path).digest
                }
            }
        }
        return all
    }
}
