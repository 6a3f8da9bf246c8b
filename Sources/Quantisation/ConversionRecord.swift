// quantisation.json and dequantisation.json: what was made from what, how, with which error. Written beside
// the shards, read by verify and publish. No path and no host name: it travels with the artefact.

import Architectures
import Checkpoints
import Diagnostics
import Documents

/// The version of this program, in records and `--version`.
package let ingotVersion = "0.1.0"

/// The record of a finished conversion.
package enum ConversionRecord {
    /// Writes the record piece by piece: the head indented, one line for each tensor.
    package static func write(
        _ plan: ConversionPlan, _ result: ConversionResult, to write: (String) throws(Failure) -> Void
    ) throws(Failure) {
        var head = JSONObject()
        head["schema"] = 1
        head["tool"] = .string("ingot \(ingotVersion)")
        head["stage"] = .string(plan.stage)
        head["plan_sha256"] = .string(plan.digest)
        head["request"] = plan.intent
        head["source"] = .string(lastComponent(plan.source.folder))
        let (summary, _) = totals(plan, result)
        if summary.elements > 0 { head["error"] = summary.document }
        head["files"] = .array(
            result.shards.map { file($0.name, $0.sealed) } + result.sidecars.map { file($0.name, $0.sealed) })
        var text = JSONValue.object(head).text()
        text.removeLast(2)
        try write(text + ",\n  \"tensors\": [")
        var first = true
        for shard in result.shards {
            for tensor in shard.tensors {
                try write((first ? "\n    " : ",\n    ") + tensor.document.text(.compact))
                first = false
            }
        }
        try write("\n  ]\n}\n")
    }

    private static func file(_ name: String, _ sealed: WriteBehind.Sealed) -> JSONValue {
        ["name": .string(name), "bytes": .integer(sealed.bytes), "sha256": .string(sealed.digest)]
    }

    /// The error over all quantised tensors, and by role in inventory order.
    package static func totals(
        _ plan: ConversionPlan, _ result: ConversionResult, inventory: TensorInventory? = nil
    )
        -> (
            all: EncodeStatistics,
            roles: [(role: TensorRole, tensors: Int, error: EncodeStatistics, worst: Double)]
        )
    {
        var all = EncodeStatistics()
        var roles: [TensorRole: (tensors: Int, error: EncodeStatistics, worst: Double)] = [:]
        for shard in result.shards {
            for tensor in shard.tensors {
                guard let error = tensor.statistics else { continue }
                all.add(error)
                guard let role = inventory?[name: tensor.name]?.role else { continue }
                var entry = roles[role] ?? (0, EncodeStatistics(), 0)
                entry.tensors += 1
                entry.error.add(error)
                entry.worst = max(entry.worst, error.relativeRMS)
                roles[role] = entry
            }
        }
        return (
            all,
            TensorRole.allCases.compactMap { role in
                roles[role].map { (role, $0.tensors, $0.error, $0.worst) }
            }
        )
    }
}
