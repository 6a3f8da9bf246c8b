// The record beside a trained head: what it was trained on and how, so that it can be made again.

import Architectures
import Checkpoints
import Diagnostics
import Documents

/// training.json.
package enum TrainingRecord {
    package static let fileName = "training.json"
    private static let schema = 1

    static func write(_ plan: TrainingPlan, _ place: TrainingProgress, to folder: String) throws(Failure) {
        var object = JSONObject()
        object["schema"] = .integer(schema)
        object["kind"] = "draft-training"
        object["plan_sha256"] = .string(plan.digest)
        for member in plan.document.members { object[member.key] = member.value }
        object["parameters"] = .integer(plan.parameterCount)
        object["coverage"] = .real(plan.coverage)
        object["texts"] = .integer(plan.texts.rowCount)
        object["tokens"] = .integer(plan.texts.tokenCount)
        object["steps"] = .integer(place.step)
        if let best = place.best {
            object["best_step"] = .integer(best.step)
            object["best_chain_length"] = .real(best.length)
        }
        _ = try FileAccess.writeSealed(
            JSONValue.object(object).text() + "\n", to: joined(folder, fileName))
    }

    /// The plan that a finished output was made by; nil when it is none.
    static func planDigest(_ folder: String) -> String? {
        guard let bytes = try? FileAccess.read(joined(folder, fileName), limit: 1 << 24),
            case .object(let object)? = try? JSONValue(parsing: bytes),
            case .string(let digest)? = object["plan_sha256"]
        else { return nil }
        return digest
    }

    /// The ids of special tokens that a head's config repeats: the target's.
    static func tokenIds(_ plan: TrainingPlan) throws(Failure) -> JSONObject {
        let path = plan.weights.checkpoint.path(of: "config.json")
        var ids = JSONObject()
        guard case .object(let config)? = try? JSONValue(parsing: FileAccess.read(path, limit: 1 << 24))
        else {
            return ids
        }
        for key in ["bos_token_id", "eos_token_id", "pad_token_id"] {
            if let id = config[key], id != .null { ids[key] = id }
        }
        return ids
    }
}
