// What a dry run prints: every output shard with its bytes, and what is done to how many tensors.

import Checkpoints
import Diagnostics
import Documents
import Quantisation

/// A plan for people and programs.
struct PlanSummary {
    let plan: ConversionPlan
    let output: String

    var text: String {
        var table = TextTable(
            ["shard", "tensors", "converted", "input bytes", "output bytes"], numeric: [1, 2, 3, 4])
        for shard in plan.shards {
            table.add([
                shard.name, grouped(shard.tensorCount), grouped(converted(shard)),
                grouped(shard.sourceByteCount), grouped(shard.byteCount),
            ])
        }
        let free = FileAccess.freeBytes(at: output).map(byteCount) ?? "unknown"
        return """
            plan to \(plan.stage) \(plan.source.folder) to \(output); nothing was written
            \(table.text)
            sidecars carried: \(abridged(plan.sidecars, limit: 6))
            output \(byteCount(plan.byteCount)), free on that disk \(free)
            plan sha256 \(plan.digest)
            """
    }

    var document: JSONValue {
        [
            "stage": .string(plan.stage), "output": .string(output), "plan_sha256": .string(plan.digest),
            "request": plan.intent, "input_bytes": .integer(plan.sourceByteCount),
            "output_bytes": .integer(plan.byteCount),
            "shards": .array(
                plan.shards.map {
                    [
                        "name": .string($0.name), "tensors": .integer($0.tensorCount),
                        "converted": .integer(converted($0)), "bytes": .integer($0.byteCount),
                    ]
                }),
            "sidecars": .array(plan.sidecars.map(JSONValue.string)),
            "quantization_config": plan.config["quantization_config"] ?? .null,
        ]
    }

    private func converted(_ shard: ShardConversion) -> Int {
        shard.conversions.count {
            if case .copy = $0.operation { false } else { true }
        }
    }
}
