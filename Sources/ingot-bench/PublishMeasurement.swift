// publish.copy: `ingot publish prepare` as a process on a synthetic checkpoint, shards cut anew and digested,
// against `cp` and sync of the same input on the same disk, warm and cold.

import Checkpoints
import Diagnostics
import Documents
import Glibc

enum PublishMeasurement {
    static func run(turns: Int, program: String, folder: String) throws -> [Measurement] {
        let input = joined(folder, "ingot-bench-input")
        let output = joined(folder, "ingot-bench-output")
        let copy = joined(folder, "ingot-bench-copy")
        let report = joined(folder, "ingot-bench-report.json")
        try FileAccess.remove(input)
        defer { for path in [input, output, copy, report] { try? FileAccess.remove(path) } }
        let bytes = try writeSyntheticCheckpoint(input, layers: 2, experts: 48, shardBytes: 512 << 20)
        _ = try FileAccess.writeSealed(
            "                                 Apache License\n                           Version 2.0, January 2004\n",
            to: joined(input, "LICENSE"))
        var results: [Measurement] = []
        for cold in [false, true] {
            var subject: [Double] = []
            var baseline: [Double] = []
            var peak = 0
            for turn in 0...turns {
                for path in [output, copy] { try FileAccess.remove(path) }
                _ = try ChildProcess(["sync"])
                try QuantiseMeasurement.prepare(input, cold: cold)
                let prepare = try ChildProcess(
                    [
                        program, "publish", "prepare", input, "--base-model", "bench/base", "--license",
                        "apache-2.0",
                        "--shard-size", "700MB", "--output", output, "--quiet", "--json",
                    ], output: report, allowed: [0, 1])
                try FileAccess.remove(output)
                _ = try ChildProcess(["sync"])
                try QuantiseMeasurement.prepare(input, cold: cold)
                let cp = try ChildProcess(["sh", "-c", "cp -r \"$0\" \"$1\" && sync \"$1\"/*", input, copy])
                peak = max(peak, try QuantiseMeasurement.peakBytes(report))
                // The first turn warms both up.
                if turn > 0 {
                    subject.append(prepare.seconds)
                    baseline.append(cp.seconds)
                }
            }
            results.append(
                Measurement(
                    name: "publish.\(cold ? "cold" : "warm")", bytes: bytes, subject: subject,
                    baseline: baseline,
                    baselineName: "cp and sync", peakBytes: peak))
        }
        return results
    }
}
