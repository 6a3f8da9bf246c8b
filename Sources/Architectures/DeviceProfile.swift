// A device as a profile describes it: what it computes FP8 with, how much memory it has, and its own rules.

import Documents

/// A kind of device, as engines tell them apart.
package enum DeviceKind: String, CaseIterable, Sendable {
    case cuda, ascend, cpu
}

/// What a device does with FP8 weights.
package enum FP8Support: String, CaseIterable, Sendable {
    /// Multiplies them.
    case native
    /// Unpacks them to 16 bits on the way: less memory, no faster arithmetic.
    case weightOnly = "weight-only"
    case none
}

/// A device, every value with its source.
///
/// - Checked by: ProfileTests.
package struct DeviceProfile: Equatable, Sendable {
    /// What the user types: `a100-80g`.
    package let name: String
    /// What it is called in sentences.
    package let title: String
    /// Which engines run on it.
    package let kind: DeviceKind
    /// CUDA compute capability times ten; nil elsewhere.
    package let capability: Int?
    /// GiB that an engine can use; nil for a CPU, whose memory is the host's.
    package let usableMemory: Double?
    /// What it does with FP8 weights.
    package let fp8: FP8Support
    /// What it refuses or changes, whatever the engine.
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
        let kindReader = try reader.object("kind")
        kind = try kindReader.choice("value", DeviceKind.self)
        sources["kind"] = try kindReader.finishWithSource()
        let capabilityReader = try reader.object("capability")
        capability = capabilityReader.has("value") ? try capabilityReader.integer("value") : nil
        sources["capability"] = try capabilityReader.finishWithSource()
        let memoryReader = try reader.object("usable_memory_gib")
        usableMemory = memoryReader.has("value") ? try memoryReader.double("value") : nil
        sources["usable_memory_gib"] = try memoryReader.finishWithSource()
        let fp8Reader = try reader.object("fp8")
        fp8 = try fp8Reader.choice("value", FP8Support.self)
        sources["fp8"] = try fp8Reader.finishWithSource()
        self.sources = sources
        rules = try TargetRule.list(reader, "rules")
        try reader.finish()
    }
}
