// configuration.json, which ModelScope's clients read beside config.json.

import Checkpoints
import Diagnostics
import Documents

/// The checks of configuration.json, where the folder is for ModelScope.
struct ConfigurationCheck {
    let listing: ReleaseListing
    let hubs: [(hub: Hub, profile: HubProfile)]

    func findings() -> [Finding] {
        guard let profile = hubs.first(where: { $0.hub == .modelScope })?.profile else { return [] }
        let file = "configuration.json"
        guard listing.has(file) else {
            return [
                Finding(
                    .error, .configurationMissing, "ModelScope's older clients refuse a model without it",
                    file: file, expected: "framework and task", found: "no such file",
                    remedy: "ingot publish check DIR --fix writes it")
            ]
        }
        guard let text = listing.text(file), let value = try? JSONValue(parsing: Array(text.utf8))
        else {
            return []
        }
        guard case .object(let object) = value, case .string(let framework)? = object["framework"],
            case .string(let task)? = object["task"], profile.frameworks.contains(framework),
            profile.tasks.contains(task)
        else {
            return [
                Finding(
                    .error, .configurationMalformed, "ModelScope cannot tell what the model does", file: file,
                    expected: "\"framework\": \"pytorch\", \"task\": \"text-generation\"",
                    found: abridgedText(value.text(.compact)),
                    remedy: "ingot publish check DIR --fix writes it")
            ]
        }
        return []
    }
}
