// What an engine does with an EAGLE3 head: whether it can serve one for this family at all, how it counts the layers
// that a head names, which kinds of heads it reads, and the words that start it.

import Documents

/// How an engine reads the layer ids of a head.
package enum LayerIdReading: String, CaseIterable, Sendable {
    /// Id i is the state that enters layer i.
    case entering
    /// Id i is the state after layer i.
    case after
    /// After layer i when the first id is 1, entering layer i otherwise.
    case afterIfFirstIsOne = "after-if-first-is-one"
}

/// A part of a head that not every engine reads.
package enum HeadFeature: String, CaseIterable, Sendable {
    /// `norm_before_residual`.
    case normBeforeResidual = "norm-before-residual"
    /// `norm_before_fc`.
    case joinedInputNorm = "norm-before-fc"
    /// `fc_norm`.
    case inputNorms = "fc-norm"
    /// `norm_output` as vLLM and speculators mean it.
    case feedsNormed = "norm-output"
    /// More or fewer than three states.
    case otherStateCounts = "other-state-counts"
    /// Another number of channels than the target has.
    case otherWidth = "other-width"
}

/// An engine's drafting with EAGLE3 heads for this family.
package struct DraftingRule: Equatable, Sendable {
    /// Whether the engine as released serves a head for this family.
    package let isServed: Bool
    /// Why not, or what to know.
    package let reason: String
    /// The form of files that it reads: `specforge` or `vllm`; nil where it reads none.
    package let form: String?
    /// How it counts.
    package let layerIds: LayerIdReading
    /// What it reads beyond the plain head.
    package let features: [HeadFeature]
    /// The words to start it with; {model}, {head}, {steps} and {tokens}, one more, stand for what they say.
    package let command: String
    /// Where this was read or met.
    package let source: String

    init(_ reader: StrictReader) throws(DocumentError) {
        isServed = try reader.bool("served")
        reason = try reader.string("reason")
        form = reader.has("form") ? try reader.string("form") : nil
        layerIds = try reader.choice("layer_ids", LayerIdReading.self)
        features = try reader.choices("features", HeadFeature.self)
        command = try reader.string("command")
        source = try reader.finishWithSource()
    }
}
