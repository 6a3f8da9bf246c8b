// Batches, halves and interruptions change no bit; bad data is refused before anything is written.

import Architectures
import Backends
import Calibration
import Checkpoints
import Diagnostics
import Foundation
import ReferenceModel
import TestSupport
import Testing

struct CalibrationRunTests {
    private static let texts = Calibrating.texts([33, 1, 12, 50, 7, 20])

    @Test func batchesChangeNoBit() throws {
        let bench = try Calibrating()
        let data = try bench.data(Self.texts)
        var files: [Data] = []
        for (index, limit) in [1, 40, 64, 1000].enumerated() {
            let plan = try bench.plan(data, batchTokens: limit)
            #expect(plan.batches.count == [6, 4, 3, 1][index], "\(plan.batches)")
            _ = try bench.run(plan, to: "out-\(index)").run()
            files.append(try bench.arrays("out-\(index)"))
        }
        #expect(files.allSatisfy { $0 == files[0] })
        let documents = try (0..<4).map { try bench.bytes("out-\($0)", CalibrationRecord.documentName) }
        #expect(documents.allSatisfy { $0 == documents[0] })
    }

    @Test func twoRunsAreTheSameBytes() throws {
        let bench = try Calibrating()
        let data = try bench.data(Self.texts)
        for name in ["a", "b"] { _ = try bench.run(try bench.plan(data), to: name).run() }
        #expect(try bench.arrays("a") == bench.arrays("b"))
        let record = try CalibrationRecord.read(bench.folder.path("a"))
        #expect(record.head.tokens == 123 && record.head.texts == 6)
        #expect(
            try record.state(try fixtureConfiguration("micro"))
                == bench.state(Self.texts, to: "again"))
    }

    @Test func aStoppedRunGoesOnToTheSameBytes() throws {
        let bench = try Calibrating()
        let data = try bench.data(Self.texts)
        let plan = try bench.plan(data, batchTokens: 40)
        _ = try bench.run(plan, to: "whole").run()
        for stop in 1..<plan.batches.count {
            let name = "stopped-\(stop)"
            #expect(throws: Failure.self) { try bench.run(plan, to: name).run(batchLimit: stop) }
            let again = bench.run(plan, to: name)
            #expect(again.check().map(\.code) == [.outputUnfinished])
            // What follows the last whole line of the journal, and a state half written, mean nothing.
            let partial = bench.folder.path(name + ".partial/")
            try Data("torn".utf8).write(to: URL(fileURLWithPath: partial + "state-9.safetensors"))
            let result = try bench.run(plan, to: name, resume: true).run()
            #expect(result.resumed == stop)
            #expect(try bench.arrays(name) == bench.arrays("whole"))
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: bench.folder.path(name)).sorted()
                    == [
                        CalibrationRecord.packedName, CalibrationRecord.documentName,
                        CalibrationRecord.arraysName,
                    ])
        }
        #expect(throws: Failure.self) { try bench.run(plan, to: "damaged").run(batchLimit: 2) }
        let state = bench.folder.path("damaged.partial/state-2.safetensors")
        try Data("damage".utf8).write(to: URL(fileURLWithPath: state))
        #expect(try bench.run(plan, to: "damaged", resume: true).run().resumed == 0)
        #expect(try bench.arrays("damaged") == bench.arrays("whole"))
    }

    /// A kill leaves what was sealed on the way; states are sealed seldom, and the result is the same.
    @Test func aKilledRunGoesOnToTheSameBytes() throws {
        let bench = try Calibrating()
        let data = try bench.data(Calibrating.texts(Array(repeating: 6, count: 40)))
        let plan = try bench.plan(data, batchTokens: 6)
        let whole = try bench.run(plan, to: "whole").run()
        #expect(plan.batches.count == 40 && (1..<40).contains(whole.seals), "\(whole.seals) seals")
        for stop in [1, 2, 17, 39] {
            let name = "killed-\(stop)"
            #expect(throws: Failure.self) { try bench.run(plan, to: name).run(killedAfter: stop) }
            let result = try bench.run(plan, to: name, resume: true).run()
            #expect((1...stop).contains(result.resumed), "\(result.resumed) of \(stop)")
            #expect(try bench.arrays(name) == bench.arrays("whole"))
        }
    }

    @Test func anotherPlanIsNotGoneOnWith() throws {
        let bench = try Calibrating()
        let plan = try bench.plan(try bench.data(Self.texts), batchTokens: 40)
        #expect(throws: Failure.self) { try bench.run(plan, to: "out").run(batchLimit: 1) }
        let other = try bench.plan(
            try bench.data(Array(Self.texts.dropLast()), named: "x.jsonl"), batchTokens: 40)
        do {
            _ = try bench.run(other, to: "out", resume: true).run()
            Issue.record("went on")
        } catch {
            #expect(error.findings.map(\.code) == [.resumeMismatch])
        }
    }

    @Test func theBackendOfTheRecordIsNamed() throws {
        let bench = try Calibrating()
        _ = try bench.state(
            Self.texts, to: "out", backend: OpenBLASBackend(numerics: .f32, threads: 2))
        #expect(try CalibrationRecord.read(bench.folder.path("out")).head.backend == "openblas")
    }

    @Test(arguments: ["micro-yarn", "ling-tiny-icd"]) func everyFixtureIsCalibrated(_ name: String) throws {
        var bench = try Calibrating()
        bench.checkpoint = Repository.checkpoint(name)
        let state = try bench.state(Self.texts, to: "out")
        for (site, inputs) in state.inputs {
            let tokens = inputs.tokens.reduce(0, +)
            if case .expert = site.role {
                #expect(tokens == state.routes[site.layer]?.tokens.reduce(0, +))
            } else {
                #expect(tokens == 123)
            }
        }
    }

    @Test func thePredictionLayerIsCalibratedWhenAskedFor() throws {
        var bench = try Calibrating()
        bench.checkpoint = try CheckpointMaker.micro(["num_nextn_predict_layers": 1]).write(
            bench.folder.path("predicting"))
        let without = try bench.state(Self.texts, to: "without")
        #expect(without.inputs.keys.allSatisfy { $0.layer < 3 })
        bench.predicts = true
        let state = try bench.state(Self.texts, to: "with")
        for role in [TensorRole.attentionQKV, .attentionOutput, .sharedExpert(.down)] {
            #expect(state.inputs[InputSite(layer: 3, role: role)]?.tokens == [123])
        }
        #expect(state.routes[3]?.tokens.reduce(0, +) == 246)
        for (site, inputs) in without.inputs { #expect(state.inputs[site] == inputs) }
    }
}
