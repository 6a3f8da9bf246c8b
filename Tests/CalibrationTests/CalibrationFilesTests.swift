// The files of a calibration: large arrays packed, each weight's part read alone, and damage found.

import Calibration
import Checkpoints
import Diagnostics
import Foundation
import ReferenceModel
import TestSupport
import Testing

struct CalibrationFilesTests {
    private let bench: Calibrating
    private let state: CalibrationState

    init() throws {
        bench = try Calibrating()
        state = try bench.state(Calibrating.texts([33, 50]), to: "out")
    }

    private var folder: String { bench.folder.path("out") }

    @Test func largeArraysArePacked() throws {
        let text = try String(contentsOfFile: folder + "/calibration.json", encoding: .utf8)
        #expect(text.contains("layers.1.expert-gate.squares") && text.contains("xxh3_128"))
        #expect(!text.contains("stream.absmax"))
        let header = try ShardHeader.read(
            path: folder + "/" + CalibrationRecord.arraysName, mode: .strict)
        #expect(header.tensors.contains { $0.name == "stream.absmax" })
        #expect(!header.tensors.contains { $0.name == "layers.1.expert-gate.squares" })
        let plain = try state.write(to: bench.folder.path("plain.safetensors")).bytes
        let packed = try bench.arrays("out").count
        #expect(packed * 5 < plain * 3, "\(packed) of \(plain)")
    }

    @Test func eachWeightReadsItsPart() throws {
        let record = try CalibrationRecord.read(folder)
        let configuration = try fixtureConfiguration("micro")
        #expect(try record.state(configuration) == state)
        for (site, own) in state.inputs {
            for slot in 0..<own.slots {
                let key = WeightKey(site.role, layer: site.layer, expert: own.slots > 1 ? slot : nil)
                let read = try #require(try record.inputs(of: key))
                #expect(read.tokens == own.tokens[slot])
                let part = slot * own.channels..<(slot + 1) * own.channels
                #expect(read.channelAbsmax == Array(own.absmax[part]))
                #expect(read.squares == own.squares[part].map(ExactSum.value))
            }
        }
    }

    /// One bit anywhere in any of the three files: the record is refused.
    @Test func everyBitCounts() throws {
        for name in [
            CalibrationRecord.documentName, CalibrationRecord.arraysName, CalibrationRecord.packedName,
        ] {
            let path = folder + "/" + name
            let whole = try Data(contentsOf: URL(fileURLWithPath: path))
            var generator = SeededGenerator(seed: 5)
            for round in 0..<25 {
                var damaged = whole
                let at = Int.random(in: 0..<damaged.count, using: &generator)
                damaged[at] ^= 1 << UInt8.random(in: 0..<7, using: &generator)
                // White space and names of texts may change without harm.
                if name == CalibrationRecord.documentName {
                    damaged = whole.prefix(at) + (round % 2 == 0 ? Data() : whole.suffix(from: at + 1))
                }
                try damaged.write(to: URL(fileURLWithPath: path))
                do throws(Failure) {
                    let record = try CalibrationRecord.read(folder)
                    #expect(name == CalibrationRecord.documentName && record.head.tokens > 0)
                } catch {
                    let code = error.findings.first?.code.name ?? ""
                    #expect(code == "CAL-001", "\(name) \(code)")
                }
            }
            try whole.write(to: URL(fileURLWithPath: path))
        }
        #expect(try CalibrationRecord.read(folder).head.tokens == 83)
    }

    /// A document that was made to fit other arrays: the arrays' own digests still tell.
    @Test func arraysOfAnotherRunDoNotFit() throws {
        _ = try bench.state(Calibrating.texts([33, 50], seed: 77), to: "other")
        for name in [CalibrationRecord.arraysName, CalibrationRecord.packedName] {
            let path = folder + "/" + name
            let own = try Data(contentsOf: URL(fileURLWithPath: path))
            try bench.bytes("other", name).write(to: URL(fileURLWithPath: path))
            do throws(Failure) {
                _ = try CalibrationRecord.read(folder)
                Issue.record("\(name) was read")
            } catch { #expect(error.findings.map(\.code) == [.calibrationMalformed]) }
            try own.write(to: URL(fileURLWithPath: path))
        }
    }

    @Test func aCalibrationOfAnotherCheckpointIsRefused() throws {
        let record = try CalibrationRecord.read(folder)
        try record.check(
            isOf: try CheckpointWeights.open(Repository.checkpoint("micro"), budget: 0).checkpoint)
        do throws(Failure) {
            try record.check(
                isOf: try CheckpointWeights.open(Repository.checkpoint("micro-yarn"), budget: 0).checkpoint)
            Issue.record("was taken")
        } catch { #expect(error.findings.map(\.code) == [.calibrationOfOther]) }
        let run = try ProgramRun.ingot(
            "quantise", Repository.checkpoint("micro-yarn"), "--clip", "second-moment", "--calibration",
            folder,
            "--output", bench.folder.path("q"))
        #expect(run.exit == 65 && run.errors.contains("CAL-010"), "\(run.errors)")
        #expect(run.errors.contains("expected") && run.errors.contains("found"), "\(run.errors)")
    }

    @Test func schemesChooseWhatIsRecorded() throws {
        let data = try bench.data(Calibrating.texts([20]), named: "few.jsonl")
        let run = try ProgramRun.ingot(
            "calibrate", bench.checkpoint, "--data", data, "--output", bench.folder.path("few"), "--scheme",
            "fp8-block")
        #expect(run.exit == 0 && run.output.contains("moments for fp8-block: weighs"), "\(run.errors)")
        let record = try CalibrationRecord.read(bench.folder.path("few"))
        #expect(record.head.observers == [.moments, .routes])
        #expect(try record.inputs(of: WeightKey(.attentionQKV, layer: 0))?.channelAbsmax == [])
        for (words, says) in [
            (["--scheme", "fp8-channel"], "CAL-011"), (["--scheme", "fp8-blok"], "did you mean"),
            (["--scheme", "fp8-block", "--observe", "ranges"], "--observe"),
        ] {
            let refused = try ProgramRun(
                Repository.program("ingot"),
                ["calibrate", bench.checkpoint, "--data", data, "--output", bench.folder.path("no")] + words)
            #expect(refused.exit == 64 && refused.errors.contains(says), "\(refused.errors)")
        }
    }
}
