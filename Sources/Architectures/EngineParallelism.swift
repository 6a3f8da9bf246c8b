// How an engine divides a model over devices and what memory it keeps for itself, as its profile says.

import Documents

/// Engines that divide a model alike.
///
/// What each family does is code (Topology/SplitRules.swift); which one an engine follows is data.
package enum ParallelFamily: String, CaseIterable, Sendable {
    /// Expert ranks are tensor × data; attention, dense layers and shared experts are cut by tensor.
    case vllm
    /// Attention is cut by tensor; dense layers, shared experts and the head by tensor × data.
    case sglang
    /// One process with the whole model.
    case single
}

/// Which pipeline stages hold the layers that are left over.
package enum PipelineRemainder: String, CaseIterable, Sendable {
    /// The stages before the last one, counted backwards.
    case middle
    /// The last stages.
    case last
}

/// The file by which an engine is told where experts live.
package enum ExpertMapFormat: String, CaseIterable, Sendable {
    /// It reads none.
    case none
    /// `physical_to_logical_map` of `--init-expert-location`.
    case sglang
    /// `layer_list` of `expert_map_path`.
    case vllmAscend = "vllm-ascend"
}

/// The parallel part of an engine's profile, every value with its source.
package struct EngineParallelism: Equatable, Sendable {
    /// How it divides tensors.
    package let family: ParallelFamily
    /// Where layers go that do not divide over the stages.
    package let pipeline: PipelineRemainder
    /// Whether expert ranks may hold different numbers of experts.
    package let allowsUnevenExperts: Bool
    /// How it is told where experts live.
    package let expertMap: ExpertMapFormat
    /// Rows of the vocabulary are padded to a multiple of this.
    package let vocabularyMultiple: Int
    /// The share of a device's memory that it uses by default.
    package let memoryUtilisation: Double
    /// GiB for the activations of a pass, each device.
    package let activationGiB: Double
    /// GiB outside the engine's own allocator when one device serves.
    package let otherAloneGiB: Double
    /// The same when several devices talk to each other.
    package let otherTogetherGiB: Double
    /// The source of each value above, by key.
    package let sources: [String: String]

    init(_ reader: StrictReader) throws(DocumentError) {
        var sources: [String: String] = [:]
        func next(_ key: String) throws(DocumentError) -> StrictReader { try reader.object(key) }
        func end(_ key: String, _ value: StrictReader) throws(DocumentError) {
            sources[key] = try value.finishWithSource()
        }
        let family = try next("family")
        self.family = try family.choice("value", ParallelFamily.self)
        try end("family", family)
        let pipeline = try next("pipeline")
        self.pipeline = try pipeline.choice("value", PipelineRemainder.self)
        try end("pipeline", pipeline)
        let uneven = try next("uneven_experts")
        allowsUnevenExperts = try uneven.bool("value")
        try end("uneven_experts", uneven)
        let map = try next("expert_map")
        expertMap = try map.choice("value", ExpertMapFormat.self)
        try end("expert_map", map)
        let vocabulary = try next("vocabulary_multiple")
        vocabularyMultiple = try vocabulary.integer("value")
        guard (1...4096).contains(vocabularyMultiple) else {
            throw vocabulary.mismatch("value", "1 to 4096 rows")
        }
        try end("vocabulary_multiple", vocabulary)
        let utilisation = try next("memory_utilisation")
        memoryUtilisation = try utilisation.double("value")
        guard memoryUtilisation > 0, memoryUtilisation <= 1 else {
            throw utilisation.mismatch("value", "a share above 0, at most 1")
        }
        try end("memory_utilisation", utilisation)
        let activation = try next("activation_gib")
        activationGiB = try Self.gib(activation, "value")
        try end("activation_gib", activation)
        let other = try next("other_gib")
        otherAloneGiB = try Self.gib(other, "alone")
        otherTogetherGiB = try Self.gib(other, "together")
        try end("other_gib", other)
        self.sources = sources
        try reader.finish()
    }

    private static func gib(_ reader: StrictReader, _ key: String) throws(DocumentError) -> Double {
        let value = try reader.double(key)
        guard value >= 0, value < 1024 else { throw reader.mismatch(key, "0 to 1023 GiB") }
        return value
    }
}
