// Runs over parts of the texts add up to the run over all of them, bit for bit; what does not belong together is
// refused.

import Calibration
import Checkpoints
import Diagnostics
import Foundation
import TestSupport
import Testing

struct CalibrationMergeTests {
    private static let texts = Calibrating.texts([33, 1, 12, 50, 7, 20])

    private func merge(_ bench: Calibrating, _ runs: String..., to name: String) throws -> CalibrationHead {
        let merge = try CalibrationMerge(runs.map { bench.folder.path($0) }, tool: "ingot test")
        let output = CalibrationRun.output(
            bench.folder.path(name), policy: .init(resume: false, replace: false))
        _ = try merge.run(output: output, progress: SilentProgress())
        return merge.head
    }

    @Test(arguments: [false, true]) func halvesAreTheWhole(_ allExperts: Bool) throws {
        var bench = try Calibrating()
        bench.allExperts = allExperts
        _ = try bench.state(Self.texts, to: "whole", batchTokens: 50)
        _ = try bench.state(Array(Self.texts[..<2]), to: "first")
        _ = try bench.state(Array(Self.texts[2..<3]), to: "second")
        _ = try bench.state(Array(Self.texts[3...]), to: "third")
        let head = try merge(bench, "first", "second", "third", to: "merged")
        #expect(head.tokens == 123 && head.texts == 6 && head.data.count == 3)
        #expect(try bench.arrays("merged") == bench.arrays("whole"))
        #expect(try bench.arrays("merged") != bench.arrays("first"))
        // The order does not matter, and neither does merging in steps.
        _ = try merge(bench, "third", "first", to: "step")
        _ = try merge(bench, "step", "second", to: "again")
        for file in [
            CalibrationRecord.documentName, CalibrationRecord.arraysName, CalibrationRecord.packedName,
        ] {
            #expect(try bench.bytes("again", file) == bench.bytes("merged", file), "\(file)")
        }
        #expect(try CalibrationRecord.read(bench.folder.path("merged")).head == head)
    }

    @Test func whatDoesNotBelongTogetherIsRefused() throws {
        var bench = try Calibrating()
        _ = try bench.state(Self.texts, to: "run")
        _ = try bench.state(Array(Self.texts[..<2]), to: "part")
        bench.observers = [.ranges, .moments]
        _ = try bench.state(Array(Self.texts[..<3]), to: "less")
        bench.observers = Set(Observer.allCases)
        bench.checkpoint = Repository.checkpoint("micro-yarn")
        _ = try bench.state(Array(Self.texts[..<4]), to: "other")
        let cases: [([String], [String])] = [
            (["run", "run"], ["every file of texts once", "run.jsonl"]),
            (["run"], ["two calibrations at least"]),
            (["run", "less"], ["observers", "ranges, moments"]),
            (["run", "other"], ["source sha256"]),
        ]
        for (runs, words) in cases {
            do {
                _ = try CalibrationMerge(runs.map { bench.folder.path($0) }, tool: "ingot test")
                Issue.record("\(runs) were added")
            } catch {
                #expect(error.findings.map(\.code) == [.calibrationsDiffer], "\(runs)")
                for word in words {
                    #expect(error.findings[0].text.contains(word), "\(error.findings[0].text)")
                }
            }
        }
    }

    @Test func theCommandAddsRuns() throws {
        let bench = try Calibrating()
        _ = try bench.state(Array(Self.texts[..<2]), to: "first")
        _ = try bench.state(Array(Self.texts[2...]), to: "second")
        func ingot(_ words: String...) throws -> ProgramRun {
            try ProgramRun(
                Repository.program("ingot"), ["calibrate", "merge"] + words, in: bench.folder.path)
        }
        let run = try ingot("first", "second", "--output", "merged")
        #expect(run.exit == 0 && run.output.contains("merged 2 runs"), "\(run.output)\(run.errors)")
        #expect(run.output.contains("6 texts, 123 tokens"), "\(run.output)")
        for (words, exit, says) in [
            (["first", "--output", "x"], Int32(64), "CAL-008"),
            (["first", "second"], 64, "--output"),
            (["first", "first", "--output", "x"], 64, "CAL-008"),
            (["first", "sekond", "--output", "x"], 66, "FILE-001"),
            (["first", "second", "--output", "merged"], 73, "--replace"),
            (["first", "second", "--output", "first/x"], 64, "OUT-004"),
        ] {
            let refused = try ProgramRun(
                Repository.program("ingot"), ["calibrate", "merge"] + words, in: bench.folder.path)
            #expect(refused.exit == exit && refused.errors.contains(says), "\(words): \(refused.errors)")
        }
        #expect(try ingot("second", "first", "--output", "merged", "--replace").exit == 0)
        #expect(FileAccess.kind(bench.folder.path("x")) == .nothing)
    }
}
