// A serving engine at one version as a profile describes it: where it runs, which rotary table it builds, and
// what it cannot load or loads differently.

import Documents

/// An engine at one version.
///
/// - Checked by: ProfileTests.
package struct EngineProfile: Equatable, Sendable {
    /// What the user types: `vllm-0.11.0`.
    package let name: String
    /// What it is called in sentences.
    package let title: String
    /// The kinds of device it runs on.
    package let deviceKinds: [DeviceKind]
    /// How it chooses the YaRN factor.
    package let ropeGeneration: RopeGeneration
    /// What it does with draft heads.
    package let drafting: DraftingRule
    /// What it refuses, adapts or changes.
    package let rules: [TargetRule]
    /// The source of each value above, by key.
    package let sources: [String: String]

    /// The version of the document that this program reads.
    package static let schema = 1

    /// Reads one profile strictly.
    package init(name: String, _ value: JSONValue) throws(DocumentError) {
        let reader = try StrictReader(value)
        try checkSchema(reader, Self.schema)
        self.name = name
        title = try reader.string("title")
        var sources: [String: String] = [:]
        let devices = try reader.object("device_kinds")
        deviceKinds = try choices(devices, "value", DeviceKind.self)
        sources["device_kinds"] = try source(devices)
        let rope = try reader.object("rope_generation")
        ropeGeneration = try choice(rope, "value", RopeGeneration.self)
        sources["rope_generation"] = try source(rope)
        self.sources = sources
        drafting = try DraftingRule(try reader.object("drafting"))
        rules = try TargetRule.list(reader, "rules")
        try reader.finish()
    }
}

/// A list of names of a closed set.
func choices<Choice: RawRepresentable & CaseIterable>(
    _ reader: StrictReader, _ key: String, _ type: Choice.Type
) throws(DocumentError) -> [Choice] where Choice.RawValue == String {
    var choices: [Choice] = []
    for name in try reader.strings(key) {
        guard let choice = Choice(rawValue: name) else {
            throw DocumentError(
                path: reader.path + "." + key, what: "a name that is not known here",
                expected: "names among " + Choice.allCases.map(\.rawValue).joined(separator: ", "),
                found: "\"\(name)\"",
                remedy: nearMiss(name, among: Choice.allCases.map(\.rawValue)).map {
                    "did you mean \"\($0)\"?"
                })
        }
        choices.append(choice)
    }
    return choices
}
