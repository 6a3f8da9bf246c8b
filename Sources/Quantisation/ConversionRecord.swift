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
    /// Writes the record: the head indented, one line for each tensor.
    ///
    /// In pieces, since the lines of a large
    /// model are more text than the conversion has memory.
    package static func write(_ plan: ConversionPlan, _ result: ConversionResult, to path: String)
        throws(Failure)
    {
        var head = JSONObject()
        head["schema"] = 1
        head["tool"] = .string("ingot \(ingotVersion)")
        head["stage"] = .string(plan.stage)
        head["plan_sha256"] = .string(plan.digest)
        head["request"] = plan.intent
        head["source"] = .string(lastComponent(plan.source.folder))
        let (summary, _) = totals(plan, result)
        if summary.elements > 0 { head["error"] = summary.document }
        head["files"] = .array((result.shards.map(\.file) + result.sidecars).map(\.document))
        // The closing brace of the head makes room for the tensors.
        let opening = JSONValue.object(head).text().dropLast(2) + ",\n  \"tensors\": ["
        let tensors = result.shards.flatMap(\.tensors)
        let pieces = (0..<tensors.count + 2).lazy.map { index in
            switch index {
            case 0: return String(opening)
            case tensors.count + 1: return "\n  ]\n}\n"
            default: return (index == 1 ? "\n    " : ",\n    ") + tensors[index - 1].document.text(.compact)
            }
        }
        _ = try FileAccess.writeSealed(pieces: pieces, to: path)
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
