// One calibration of a fixture checkpoint, for the tests.

import Backends
import Calibration
import Checkpoints
import Diagnostics
import Foundation
import ReferenceModel
import TestSupport
import Tokenisation

/// A folder with data to calibrate on and places for outputs.
struct Calibrating {
    let folder: TemporaryFolder
    var checkpoint = Repository.checkpoint("micro")
    var observers = Set(Observer.allCases)
    var allExperts = false
    var predicts = false

    init() throws { folder = try TemporaryFolder() }

    /// Writes token rows as a data file and gives its path.
    func data(_ texts: [[Int]], named name: String = "data.jsonl") throws -> String {
        let lines = texts.map { "{\"tokens\": [\($0.map(String.init).joined(separator: ","))]}\n" }
        try lines.joined().write(toFile: folder.path(name), atomically: true, encoding: .utf8)
        return folder.path(name)
    }

    /// Texts of drawn tokens.
    static func texts(_ lengths: [Int], vocabulary: Int = 512, seed: UInt64 = 9) -> [[Int]] {
        var generator = SeededGenerator(seed: seed)
        return lengths.map { length in
            (0..<length).map { _ in Int(generator.next() % UInt64(vocabulary)) }
        }
    }

    func plan(
        _ data: String, batchTokens: Int? = nil, backend: any Backend = ReferenceBackend(numerics: .f32)
    ) throws -> CalibrationPlan {
        try CalibrationPlan(
            CalibrationRequest(
                checkpoint: checkpoint, data: data, observers: observers, allExperts: allExperts,
                predicts: predicts, memory: 1 << 30, tool: "ingot test"),
            backend: backend, batchTokens: batchTokens)
    }

    func run(
        _ plan: CalibrationPlan, to name: String, resume: Bool = false
    ) -> CalibrationRun {
        CalibrationRun(
            plan: plan,
            output: CalibrationRun.output(folder.path(name), policy: .init(resume: resume, replace: false)),
            progress: SilentProgress())
    }

    /// Calibrates on texts and gives what was seen.
    func state(
        _ texts: [[Int]], to name: String, batchTokens: Int? = nil,
        backend: any Backend = ReferenceBackend(numerics: .f32)
    ) throws -> CalibrationState {
        let data = try data(texts, named: name + ".jsonl")
        return try run(try plan(data, batchTokens: batchTokens, backend: backend), to: name).run().state
    }

    /// The bytes of a file of an output.
    func bytes(_ output: String, _ file: String = CalibrationRecord.arraysName) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: folder.path(output + "/" + file)))
    }

    /// The bytes of both files of arrays.
    func arrays(_ output: String) throws -> Data {
        try bytes(output) + bytes(output, CalibrationRecord.packedName)
    }
}
