// publish: `ingot publish prepare` on a synthetic checkpoint, shards cut anew and digested, against its copy, warm
// and cold.

import Checkpoints
import Documents

enum PublishMeasurement {
    static func run(turns: Int, program: String, folder: String) throws -> [Measurement] {
        try CopyComparison.run(folder: folder, turns: turns) { comparison in
            _ = try FileAccess.writeSealed(
                "                                 Apache License\n                           Version 2.0, January 2004\n",
                to: joined(comparison.input, "LICENSE"))
            return try [("warm", false), ("cold", true)].map { word, cold in
                // The check that follows misses a tokenizer and says no: status 1.
                try comparison.measure(
                    "publish.\(word)",
                    [
                        program, "publish", "prepare", comparison.input, "--base-model", "bench/base",
                        "--license", "apache-2.0", "--shard-size", "700MB",
                    ], cold: cold, allowed: [0, 1])
            }
        }
    }
}
