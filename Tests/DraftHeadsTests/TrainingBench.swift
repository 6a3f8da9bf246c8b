// A folder with data for trainings of the fixture's tiny model, a few steps long.

import Backends
import Checkpoints
import Diagnostics
import DraftHeads
import Foundation
import ReferenceModel
import TestSupport

/// Trainings in a folder of their own.
struct TrainingBench {
    let folder: TemporaryFolder
    let target = Repository.checkpoint("ling-tiny-icd")

    init() throws { folder = try TemporaryFolder() }

    static func row(_ index: Int) -> String {
        let answer = String(repeating: "It is a code for case \(index). ", count: 1 + index % 4)
        return
            #"{"id": "\#(index)", "conversations": [{"role": "user", "content": "What is code A\#(index)?"}, "#
            + #"{"role": "assistant", "content": "\#(answer)"}]}"#
    }

    /// Writes rows, numbered ones without others.
    func data(_ rows: [String] = (0..<20).map(Self.row), named name: String = "data.jsonl") throws -> String {
        let path = folder.path(name)
        try Data((rows.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    func plan(
        _ data: String, heldOut: String? = nil, mode: TextMode = .conversations, features: String? = nil,
        threads: Int = 2, memory: Int = 1 << 30, minutes: Double? = nil,
        _ change: @escaping @Sendable (inout TrainingRecipe) -> Void = { _ in }
    ) throws -> TrainingPlan {
        try TrainingPlan(
            TrainingRequest(
                target: target, data: data, heldOut: heldOut, mode: mode, features: features,
                change: {
                    ($0.batch, $0.shards, $0.length, $0.steps) = (5, 4, 64, 6)
                    ($0.evaluateEvery, $0.sealEvery, $0.logEvery, $0.evaluationTexts) = (3, 2, 1, 6)
                    change(&$0)
                }, minutes: minutes, threads: threads, memory: memory, tool: "test"))
    }

    func run(
        _ plan: TrainingPlan, to name: String, resume: Bool = false, replace: Bool = false
    ) throws -> TrainingRun {
        let pass = ForwardPass(
            plan.weights.configuration, weights: plan.weights,
            backend: OpenBLASBackend(numerics: .f32, threads: plan.request.threads))
        let online = TargetFeatures(
            pass, points: plan.configuration.auxiliaryPoints, vocabulary: plan.vocabulary,
            threads: plan.request.threads)
        let cached = try plan.request.features.map {
            try CachedFeatures($0, plan: plan, pass: pass, threads: plan.request.threads)
        }
        return TrainingRun(
            plan: plan,
            output: TrainingRun.output(folder.path(name), policy: .init(resume: resume, replace: replace)),
            features: cached ?? online, heldOutFeatures: online, progress: SilentProgress())
    }

    /// Every file of an output.
    func files(_ name: String) throws -> [String: Data] {
        var files: [String: Data] = [:]
        for file in try FileManager.default.contentsOfDirectory(atPath: folder.path(name)) {
            files[file] = try Data(contentsOf: URL(fileURLWithPath: folder.path(name + "/" + file)))
        }
        return files
    }
}
