// shard: laying a synthetic checkpoint out and gathering it, as processes, against `cp` and sync of the same
// input on the same disk.

import Checkpoints
import Diagnostics
import Documents

enum ShardMeasurement {
    static func run(turns: Int, program: String, folder: String) throws -> [Measurement] {
        let input = joined(folder, "ingot-bench-input")
        let output = joined(folder, "ingot-bench-output")
        let slices = joined(folder, "ingot-bench-slices")
        let copy = joined(folder, "ingot-bench-copy")
        let report = joined(folder, "ingot-bench-report.json")
        for path in [input, slices] { try FileAccess.remove(path) }
        defer { for path in [input, output, slices, copy, report] { try? FileAccess.remove(path) } }
        let bytes = try writeSyntheticCheckpoint(input, layers: 2, experts: 48, shardBytes: 512 << 20)
        let made = ["shard", input, "--topology", "tp4", "--form", "ranks", "--output", slices, "--quiet"]
        _ = try ChildProcess([program] + made)
        var results: [Measurement] = []
        for (name, arguments) in [
            ("shard.hf.tp4-dp2-ep8", ["shard", input, "--topology", "tp4-dp2-ep8"]),
            ("shard.ranks.tp4", ["shard", input, "--topology", "tp4", "--form", "ranks"]),
            ("shard.ranks.tp8-ep8", ["shard", input, "--topology", "tp8-ep8", "--form", "ranks"]),
            (
                "shard.vllm-sharded-state.tp4",
                ["shard", input, "--topology", "tp4", "--form", "vllm-sharded-state@0.32"]
            ),
            ("gather.ranks.tp4", ["shard", "gather", slices]),
        ] {
            let source = arguments.contains("gather") ? slices : input
            results.append(
                try measure(
                    name, [program] + arguments + ["--output", output, "--quiet", "--json"], bytes: bytes,
                    turns: turns, source: source, output: output, copy: copy, report: report))
        }
        return results
    }

    private static func measure(
        _ name: String, _ arguments: [String], bytes: Int, turns: Int, source: String, output: String,
        copy: String, report: String
    ) throws -> Measurement {
        var subject: [Double] = []
        var baseline: [Double] = []
        var peak = 0
        for turn in 0...turns {
            for path in [output, copy] { try FileAccess.remove(path) }
            try warm(source)
            let shard = try ChildProcess(arguments, output: report)
            try FileAccess.remove(output)
            try warm(source)
            let cp = try ChildProcess([
                "sh", "-c", "cp -r \"$0\" \"$1\" && find \"$1\" -type f -exec sync {} +", source, copy,
            ])
            peak = max(peak, try QuantiseMeasurement.peakBytes(report))
            // The first turn warms both up.
            if turn > 0 {
                subject.append(shard.seconds)
                baseline.append(cp.seconds)
            }
        }
        return Measurement(
            name: name, bytes: bytes, subject: subject, baseline: baseline, baselineName: "cp and sync",
            peakBytes: peak)
    }

    /// Nothing waits to be written, and the source is in the page cache.
    private static func warm(_ folder: String) throws {
        _ = try ChildProcess(["sync"])
        _ = try ChildProcess(["sh", "-c", "find \"$0\" -type f -exec cat {} + > /dev/null", folder])
    }
}
