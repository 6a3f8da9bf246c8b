// `.eval_results/*.yaml`: results that a hub shows on the model's page, made from the report of ingot verify.

import Diagnostics
import Documents

/// Entries of an evaluation file.
///
/// - Source: hub-docs docs/hub/eval-results.md and eval_results.yaml; huggingface_hub 2.4.0 _eval_results.py.
package enum EvaluationResults {
    package static let folder = ".eval_results"

    /// One result.
    package struct Entry: Sendable, Equatable {
        package var dataset: String
        package var task: String
        package var value: Double
        package var notes: String?

        package init(dataset: String, task: String, value: Double, notes: String? = nil) {
            self.dataset = dataset
            self.task = task
            self.value = value
            self.notes = notes
        }
    }

    /// The file of some results.
    package static func text(_ entries: [Entry]) -> String {
        FrontMatter.yaml(
            .array(
                entries.map { entry in
                    var object = JSONObject()
                    object["dataset"] = ["id": .string(entry.dataset), "task_id": .string(entry.task)]
                    object["value"] = .real(entry.value)
                    object["notes"] = entry.notes.map(JSONValue.string)
                    return .object(object)
                }))
    }

    /// What keeps the hub from reading a file; nil when nothing does.
    package static func fault(in text: String) -> String? {
        let value: JSONValue
        do throws(FrontMatter.Fault) { value = try FrontMatter.parse(text) } catch { return error.message }
        guard case .array(let entries) = value, !entries.isEmpty else { return "no list" }
        for (index, entry) in entries.enumerated() {
            let place = "entry \(index + 1)"
            guard case .object(let object) = entry else { return "\(place) is \(entry.kind)" }
            guard case .object(let dataset)? = object["dataset"] else { return "\(place) has no dataset" }
            guard case .string(let id)? = dataset["id"], isRepositoryName(id) else {
                return "\(place) has no dataset.id of the form OWNER/NAME"
            }
            guard case .string? = dataset["task_id"] else { return "\(place) has no dataset.task_id" }
            switch object["value"] {
            case .number?, .string?, .bool?: break
            default: return "\(place) has no value"
            }
            if let source = object["source"] {
                guard case .object(let source) = source, case .string(let url)? = source["url"],
                    url.hasPrefix("https://")
                else { return "\(place) has a source without a URL" }
            }
            let known = ["dataset", "value", "verifyToken", "date", "source", "notes"]
            if let stray = object.keys.first(where: { !known.contains($0) }) {
                return "\(place) has the key \(stray)"
            }
        }
        return nil
    }
}
