// Matrices with one scale are read twice: still in bounded memory, and still the same bytes after a stop.

import Foundation
import TestSupport
import Testing

@Suite(.serialized) struct StaticScaleTests {
    /// Calibrates on a few tokens beside the workbench and gives the folder.
    private func calibrate(_ bench: Workbench, _ folder: TemporaryFolder) throws -> String {
        let data = folder.path("data.jsonl")
        try "{\"tokens\": [3, 1, 4, 1, 5, 9, 2, 6]}\n".write(toFile: data, atomically: false, encoding: .utf8)
        let run = try ProgramRun.ingot(
            "calibrate", bench.source, "--data", data, "--observe", "ranges", "--output", folder.path("cal"))
        #expect(run.exit == 0, "\(run.errors)")
        return folder.path("cal")
    }

    /// Matrices of Ling-flash-2.0's own sizes, all holes: inputs are zero, and every scale is that of zeros.
    @Test func boundedMemory() throws {
        let bench = try Workbench(shards: 1, maker: try largeMatrices())
        let beside = try TemporaryFolder()
        let cal = try calibrate(bench, beside)
        for jobs in ["1", "4"] {
            let run = try MeasuredRun(
                Repository.program("ingot"),
                bench.arguments(
                    ["--calibration", cal, "--quiet", "--jobs", jobs, "--replace"],
                    scheme: "fp8-tensor-static"))
            #expect(run.exit == 0)
            #expect(run.peakBytes > 8 << 20)
            #expect(run.peakBytes <= 64 << 20, "\(run.peakBytes >> 20) MiB")
            print("quantise with static scales, --jobs \(jobs): \(run.peakBytes >> 10) KiB")
        }
        let check = try ProgramRun.ingot("validate", bench.output)
        #expect(check.exit == 0, "\(check.errors)")
        let back = try MeasuredRun(
            Repository.program("ingot"),
            ["dequantise", bench.output, "--output", bench.folder.path("back"), "--quiet"])
        withExtendedLifetime(beside) {}
        #expect(back.exit == 0 && back.peakBytes <= 64 << 20, "\(back.peakBytes >> 20) MiB")
    }

    @Test func killedAndResumed() throws {
        let bench = try Workbench()
        let beside = try TemporaryFolder()
        let cal = try calibrate(bench, beside)
        let run = try bench.frozen("--scheme", "fp8-tensor-static", "--calibration", cal) { names in
            names.contains { $0.hasSuffix("02-of-00012.safetensors") }
        }
        run.send(SIGKILL)
        #expect(try run.wait().exit == 128 + SIGKILL)
        let resumed = try bench.run("--resume", "--scheme", "fp8-tensor-static", "--calibration", cal)
        #expect(resumed.exit == 0 && resumed.output.contains("sealed by an earlier run"), "\(resumed.errors)")
        let digests = try folderDigest(bench.output)
        #expect(
            try bench.run("--replace", "--scheme", "fp8-tensor-static", "--calibration", cal).exit == 0)
        withExtendedLifetime(beside) {}
        try bench.expectWhole(digests)
    }
}
