// shard and gather: laying a synthetic checkpoint out and putting slices together again, against a copy of what
// is read.

import Checkpoints

enum ShardMeasurement {
    static func run(turns: Int, program: String, folder: String) throws -> [Measurement] {
        try CopyComparison.run(folder: folder, turns: turns) { comparison in
            let input = comparison.input
            let slices = joined(folder, "ingot-bench-slices")
            try FileAccess.remove(slices)
            defer { try? FileAccess.remove(slices) }
            let made = [
                "shard", input, "--topology", "tp4", "--form", "ranks", "--output", slices, "--quiet",
            ]
            _ = try ChildProcess([program] + made)
            var results: [Measurement] = []
            for (name, options) in [
                ("shard.hf.tp4-dp2-ep8", ["--topology", "tp4-dp2-ep8"]),
                ("shard.ranks.tp4", ["--topology", "tp4", "--form", "ranks"]),
                ("shard.ranks.tp8-ep8", ["--topology", "tp8-ep8", "--form", "ranks"]),
                ("shard.vllm-sharded-state.tp4", ["--topology", "tp4", "--form", "vllm-sharded-state@0.32"]),
            ] { results.append(try comparison.measure(name, [program, "shard", input] + options)) }
            results.append(
                try comparison.measure(
                    "gather.ranks.tp4", [program, "shard", "gather", slices], source: slices))
            return results
        }
    }
}
