// Threads, interruptions and repetitions change no bit; bad data is refused before anything is written.

import Checkpoints
import Diagnostics
import DraftHeads
import Foundation
import TestSupport
import Testing

struct TrainingRunTests {
    private static let names: Set = [
        "config.json", "model.safetensors", "training.json", "training.jsonl", "training.state",
    ]

    @Test func threadsChangeNoBit() throws {
        let bench = try TrainingBench()
        let data = try bench.data()
        var outputs: [[String: Data]] = []
        for threads in [1, 2, 4] {
            let name = "threads-\(threads)"
            _ = try bench.run(try bench.plan(data, heldOut: data, threads: threads), to: name).run()
            outputs.append(try bench.files(name))
        }
        #expect(Set(outputs[0].keys) == Self.names)
        #expect(outputs[1] == outputs[0])
        #expect(outputs[2] == outputs[0])
    }

    @Test(arguments: [false, true]) func aStoppedRunGoesOnToTheSameBytes(_ crops: Bool) throws {
        let bench = try TrainingBench()
        let data = try bench.data()
        let mode: TextMode = crops ? .crops(length: 24) : .conversations
        let plan = try bench.plan(data, heldOut: data, mode: mode)
        _ = try bench.run(plan, to: "whole").run()
        for stop in [1, 3, 4] {
            let name = "stopped-\(stop)"
            #expect(throws: Failure.self) { try bench.run(plan, to: name).run(stepLimit: stop) }
            #expect(try bench.run(plan, to: name).check().map(\.code) == [.outputUnfinished])
            let result = try bench.run(plan, to: name, resume: true).run()
            #expect(result.resumed == stop)
            #expect(try bench.files(name) == bench.files("whole"))
        }
    }

    /// What was written after the last seal, as by a process that was killed, is made again.
    @Test func aKilledRunGoesOnFromTheLastSeal() throws {
        let bench = try TrainingBench()
        let data = try bench.data()
        let plan = try bench.plan(data)
        _ = try bench.run(plan, to: "whole").run()
        #expect(throws: Failure.self) { try bench.run(plan, to: "killed").run(stepLimit: 5) }
        let partial = bench.folder.path("killed.partial/")
        // The seal of step 5 is torn out of the journal; its state is damaged.
        let journal = URL(fileURLWithPath: partial + Journal.fileName)
        let lines = try String(contentsOf: journal, encoding: .utf8).split(separator: "\n")
        try Data((lines.dropLast().joined(separator: "\n") + "\n{\"step\":5,").utf8).write(to: journal)
        try FileManager.default.moveItem(
            atPath: partial + "state-5.safetensors", toPath: partial + "state-4.safetensors")
        let result = try bench.run(plan, to: "killed", resume: true).run()
        #expect(result.resumed == 0)
        #expect(try bench.files("killed") == bench.files("whole"))
    }

    @Test func anotherPlanIsNotGoneOnWith() throws {
        let bench = try TrainingBench()
        let data = try bench.data()
        #expect(throws: Failure.self) { try bench.run(try bench.plan(data), to: "out").run(stepLimit: 1) }
        let other = try bench.plan(data) { $0.learningRate = 2e-3 }
        do {
            _ = try bench.run(other, to: "out", resume: true).run()
            Issue.record("went on")
        } catch { #expect((error as? Failure)?.findings.map(\.code) == [.resumeMismatch]) }
    }

    @Test func aFinishedRunIsDone() throws {
        let bench = try TrainingBench()
        let plan = try bench.plan(try bench.data())
        let run = try bench.run(plan, to: "out", resume: true)
        #expect(try !TrainingRun.isDone(plan, run.output))
        _ = try run.run()
        #expect(try TrainingRun.isDone(plan, run.output))
        let other = try bench.plan(try bench.data()) { $0.seed = 4 }
        #expect(try !TrainingRun.isDone(other, run.output))
    }

    /// The output is a head that reads back: with the vocabulary and what the target says of tokens.
    @Test func theOutputIsAHead() throws {
        let bench = try TrainingBench()
        let plan = try bench.plan(try bench.data()) { $0.steps = 2 }
        _ = try bench.run(plan, to: "out").run()
        let head = try HeadFile.open(bench.folder.path("out"))
        // Files count layers in one way or another; the places are the same.
        var configuration = head.configuration
        #expect(
            configuration.auxiliaryPoints.map(\.afterLayer)
                == plan.configuration.auxiliaryPoints.map(\.afterLayer))
        configuration.auxiliaryPoints = plan.configuration.auxiliaryPoints
        #expect(configuration == plan.configuration)
        #expect(head.vocabulary == plan.vocabulary)
        let state = try TensorFile(bench.folder.path("out/training.state"))
        let masters = try #require(state["masters"]).floats
        let rounded = zip(try head.parameters(), masters).allSatisfy { abs($0 - $1) <= abs($1) * 0x1p-8 }
        #expect(rounded)
    }

    @Test func noProgressEndsATraining() throws {
        let bench = try TrainingBench()
        let data = try bench.data()
        let plan = try bench.plan(data, heldOut: data) {
            ($0.learningRate, $0.evaluateEvery, $0.patience, $0.steps) = (1e-12, 1, 2, 50)
        }
        let result = try bench.run(plan, to: "out").run()
        #expect(result.endedEarly)
        #expect(result.steps < 50)
        #expect(result.best?.step == result.steps - 2)
    }

    @Test func theClockEndsATraining() throws {
        let bench = try TrainingBench()
        let plan = try bench.plan(try bench.data(), minutes: 0.02)
        let result = try bench.run(plan, to: "out").run()
        #expect(result.steps > 0)
        #expect(result.seconds >= 1.2)
    }

    /// A head that is trained learns: its loss falls, and it is right more often than by chance.
    @Test func aTrainingLearns() throws {
        let bench = try TrainingBench()
        let data = try bench.data()
        let plan = try bench.plan(data, heldOut: data) { ($0.steps, $0.evaluateEvery) = (60, 60) }
        let result = try bench.run(plan, to: "out").run()
        let lines = try String(
            contentsOfFile: bench.folder.path("out/training.jsonl"), encoding: .utf8
        ).split(separator: "\n")
        #expect(lines.count == 61)
        #expect((result.best?.length ?? 0) > 1.5, "\(String(describing: result.best))")
    }

    @Test func accumulationIsTheSameStep() throws {
        let bench = try TrainingBench()
        let data = try bench.data()
        var losses: [Double] = []
        for parts in [1, 3] {
            let plan = try bench.plan(data) { ($0.accumulation, $0.shards, $0.steps) = (parts, 1, 3) }
            losses.append(try bench.run(plan, to: "parts-\(parts)").run().loss)
        }
        #expect(abs(losses[0] - losses[1]) < 2e-3 * losses[0], "\(losses)")
    }

    @Test func aTrainingThatDoesNotFitIsRefused() throws {
        let bench = try TrainingBench()
        let data = try bench.data()
        do {
            _ = try bench.plan(data, memory: 10 << 20)
            Issue.record("was planned")
        } catch { #expect((error as? Failure)?.findings.map(\.code) == [.trainingMemory]) }
    }
}
