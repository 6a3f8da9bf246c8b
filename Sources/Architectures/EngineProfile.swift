// A serving engine at one version as a profile describes it: where it runs, which rotary table it builds, how
// it divides a model, and what it cannot load or loads differently.

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
    /// What it does with stored scales of inputs.
    package let inputScales: StoredScaleReading
    /// What it does with stored scales of keys and values.
    package let cacheScales: StoredScaleReading
    /// How it would name them.
    package let cacheScaleNames: CacheScaleNames
    /// How it divides a model and what memory it keeps.
    package let parallelism: EngineParallelism
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
        try reader.schema(Self.schema)
        self.name = name
        title = try reader.string("title")
        var sources: [String: String] = [:]
        let devices = try reader.object("device_kinds")
        deviceKinds = try devices.choices("value", DeviceKind.self)
        sources["device_kinds"] = try devices.finishWithSource()
        let rope = try reader.object("rope_generation")
        ropeGeneration = try rope.choice("value", RopeGeneration.self)
        sources["rope_generation"] = try rope.finishWithSource()
        let stored = try reader.object("stored_scales")
        inputScales = try StoredScaleReading(try stored.object("inputs"))
        cacheScales = try StoredScaleReading(try stored.object("cache"))
        let names = try stored.object("cache_names")
        cacheScaleNames = try names.choice("value", CacheScaleNames.self)
        sources["cache_names"] = try names.finishWithSource()
        try stored.finish()
        self.sources = sources
        parallelism = try EngineParallelism(try reader.object("parallelism"))
        drafting = try DraftingRule(try reader.object("drafting"))
        rules = try TargetRule.list(reader, "rules")
        try reader.finish()
    }
}

/// Whether an engine reads a kind of stored scales for this architecture.
package struct StoredScaleReading: Equatable, Sendable {
    /// What becomes of them.
    package enum Value: String, CaseIterable, Sendable {
        case read
        /// They are dropped, and 1.0 or a scale as it comes takes their place.
        case ignored
        case refused
        /// Nobody has looked.
        case unknown
    }

    package let value: Value
    /// One clause that a message can end with.
    package let reason: String
    /// Where it was read or met.
    package let source: String

    fileprivate init(_ reader: StrictReader) throws(DocumentError) {
        value = try reader.choice("value", Value.self)
        reason = try reader.string("reason")
        source = try reader.finishWithSource()
    }
}
