// ingot calibrate from outside: what it says, writes and ends with, and how much memory it takes.

import Calibration
import Documents
import Foundation
import TestSupport
import Testing

struct CalibrateTests {
    private let bench: Calibrating

    init() throws { bench = try Calibrating() }

    private func calibrate(_ arguments: String...) throws -> ProgramRun {
        try ProgramRun(
            Repository.program("ingot"), ["calibrate"] + arguments, in: bench.folder.path)
    }

    private var micro: String { Repository.checkpoint("micro") }

    @Test func aRunSaysWhatItSaw() throws {
        let data = try bench.data(Calibrating.texts([40, 9, 60]))
        let run = try calibrate(
            micro, "--data", data, "--output", "out", "--report", "page.html", "--verbose")
        #expect(run.exit == 0, "\(run.errors)")
        for words in ["3 texts, 109 tokens", "fused, f32", "expert-down", "wrote out:", "largest"] {
            #expect(run.output.contains(words), "\(words) in:\n\(run.output)")
        }
        #expect(run.errors.contains("CAL-005") && run.errors.contains("--all-experts"), "\(run.errors)")
        for line in run.output.split(separator: "\n") where !line.contains("/") {
            #expect(line.count <= 140, "\(line)")
        }
        let page = try String(contentsOfFile: bench.folder.path("page.html"), encoding: .utf8)
        for words in ["Load of the experts", "Margins of the router", "Largest magnitude by layer", "Values"]
        {
            #expect(page.contains(words), "\(words)")
        }
        let record = try CalibrationRecord.read(bench.folder.path("out"))
        #expect(record.head.tokens == 109 && record.head.source == "micro")
        let text = try String(contentsOfFile: bench.folder.path("out/calibration.json"), encoding: .utf8)
        #expect(!text.contains("/"), "no path: \(text)")
        let again = try calibrate(micro, "--data", data, "--output", "out", "--resume")
        #expect(again.exit == 0 && again.output.contains("nothing to resume"), "\(again.errors)")
    }

    @Test func enoughTokensAreNoWarning() throws {
        let data = try bench.data(Calibrating.texts([9]))
        let run = try calibrate(micro, "--data", data, "--output", "out", "--least", "0")
        #expect(run.exit == 0 && run.errors.isEmpty, "\(run.errors)")
        let all = try calibrate(
            micro, "--data", data, "--output", "all", "--all-experts", "--json", "--least", "500")
        guard case .object(let object) = try JSONValue(parsing: Array(all.output.utf8)),
            case .object(let result)? = object["result"], case .array(let inputs)? = result["inputs"]
        else {
            Issue.record("no document: \(all.errors)")
            return
        }
        #expect(result["all_experts"] == true && inputs.count == 16)
        #expect(all.output.contains("CAL-005") && all.output.contains("\"note\""), "\(all.output)")
    }

    @Test func conversationsAreCalibratedOn() throws {
        let ling = Repository.checkpoint("ling-tiny-icd")
        let lines = try String(contentsOfFile: ling + "/calibration.jsonl", encoding: .utf8)
            .split(separator: "\n").prefix(12).joined(separator: "\n")
        try lines.write(toFile: bench.folder.path("few.jsonl"), atomically: true, encoding: .utf8)
        let run = try calibrate(
            ling, "--data", "few.jsonl", "--output", "out", "--observe", "key-values,routes")
        #expect(run.exit == 0, "\(run.errors)")
        #expect(run.output.contains("12 texts"))
        let record = try CalibrationRecord.read(bench.folder.path("out"))
        #expect(record.head.observers == [.keyValues, .routes])
    }

    /// One layer of Ling-flash-2.0 with all its experts, 9.1 GB of holes.
    @Test func memoryIsBounded() throws {
        var maker = try CheckpointMaker(
            "Fixtures/configs/ling-flash-2.0.json",
            ["num_hidden_layers": 1, "first_k_dense_replace": 0, "num_nextn_predict_layers": 0])
        maker.isSparse = true
        let model = try maker.write(bench.folder.path("wide"))
        let data = try bench.data(Calibrating.texts([600, 500, 400, 300, 200], vocabulary: 150_000))
        let limit = 384 << 20
        let run = try MeasuredRun(
            Repository.program("ingot"),
            [
                "calibrate", model, "--data", data, "--output", bench.folder.path("out"), "--memory",
                "\(limit)", "--quiet", "--threads", "2",
            ])
        #expect(run.exit == 0)
        #expect(run.peakBytes <= limit, "\(run.peakBytes >> 20) MiB")
        print("calibrate one full-width layer: \(run.peakBytes >> 20) MiB, \(run.seconds) s")
    }
}
