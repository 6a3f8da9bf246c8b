// What config.json says about a BailingMoeV2 model, as values that were checked once. Derived numbers are
// computed here and nowhere else. Reading is in BailingMoeV2Configuration+Reading.swift, the rules between
// values in ConfigurationRules.swift.
//
// Legend: H hidden size, A attention heads, G key/value heads, D head dimension, E experts, M expert width,
// F dense width, V vocabulary.

import Documents
import Tensors

/// A BailingMoeV2 config.
///
/// One that exists has passed every rule.
///
/// - Source: config.json of inclusionAI/Ling-flash-2.0 at revision 649f8b94; inclusionAI/Ling-V2
///   models/configuration_bailing_moe_v2.py at af8837e.
/// - Checked by: ConfigurationTests.
package struct BailingMoeV2Configuration: Equatable, Sendable {
    /// `bailing_moe` or `bailing_moe_v2`, as written.
    package let modelType: String
    /// H, channels of the residual stream.
    package let hiddenSize: Int
    /// Decoder layers, without a multi-token prediction layer.
    package let layerCount: Int
    /// The first layers that have a dense MLP in place of experts.
    package let denseLayerCount: Int
    /// F, width of the dense MLP.
    package let denseWidth: Int
    /// M, width of one routed expert.
    package let expertWidth: Int
    /// Width of the shared expert: all shared experts of a layer are one MLP.
    package let sharedExpertWidth: Int
    /// Shared experts of a layer, as the config counts them.
    package let sharedExpertCount: Int
    /// E, routed experts of a layer.
    package let expertCount: Int
    /// Routed experts chosen for a token.
    package let expertsPerToken: Int
    /// Expert groups; a group is consecutive experts.
    package let groupCount: Int
    /// Groups kept for a token.
    package let groupsPerToken: Int
    /// The factor on the normalised routing weights.
    package let routedScalingFactor: Double
    /// `router_dtype` as written; nil when absent.
    package let routerDType: String?
    /// A, query heads.
    package let attentionHeadCount: Int
    /// G, key and value heads.
    package let keyValueHeadCount: Int
    /// D, channels of one head.
    package let headDimension: Int
    /// Channels of each head that rotate, the first ones.
    package let rotaryDimensions: Int
    /// b, the base of the rotary frequencies.
    package let ropeTheta: Double
    /// The YaRN block, when `rope_scaling` is not null.
    package let ropeScaling: RopeScaling?
    /// `max_position_embeddings`, tokens.
    package let contextLength: Int
    /// V, rows of the embedding.
    package let vocabularySize: Int
    /// What RMSNorm adds to the mean of squares.
    package let rmsNormEpsilon: Double
    /// Whether the output head is the embedding; then there is no `lm_head`.
    package let tiesEmbeddings: Bool
    /// Multi-token prediction layers, 0 or 1.
    package internal(set) var predictionLayerCount: Int
    /// The element type of every weight but the router bias.
    package let dtype: DType
    /// `bos_token_id` of config.json; released configs leave it to generation_config.json.
    package let beginTokenId: Int?
    /// The end ids of config.json alone; generation_config.json may say more.
    package let endTokenIds: [Int]
    /// `pad_token_id` of config.json.
    package let padTokenId: Int?
    /// What `quantization_config` says.
    package let quantisation: QuantisationLayout
    /// The whole document, unknown keys and order included, to be passed on.
    package let document: JSONObject
    /// Keys that neither this reader nor the family's engines are known to read.
    package let unknownKeys: [String]

    // MARK: Derived numbers

    /// Query heads that share one key/value head: query heads g·n … g·n + n − 1 use head g.
    package var queryHeadsPerKeyValueHead: Int { attentionHeadCount / keyValueHeadCount }

    /// Rows of the fused matrix that are queries, [0, A·D).
    package var queryRows: Range<Int> { 0..<attentionHeadCount * headDimension }

    /// Rows of the fused matrix that are keys, [A·D, A·D + G·D).
    package var keyRows: Range<Int> {
        queryRows.upperBound..<queryRows.upperBound + keyValueHeadCount * headDimension
    }

    /// Rows of the fused matrix that are values, the last G·D.
    package var valueRows: Range<Int> {
        keyRows.upperBound..<keyRows.upperBound + keyValueHeadCount * headDimension
    }

    /// Rows of the fused query/key/value matrix.
    package var fusedRows: Int { valueRows.upperBound }

    /// Columns of the attention output projection, A·D.
    package var attentionWidth: Int { queryRows.count }

    /// Consecutive experts in one group.
    package var expertsPerGroup: Int { expertCount / groupCount }

    /// The layers with experts, without the prediction layer.
    package var expertLayers: Range<Int> { denseLayerCount..<layerCount }

    /// The index of the multi-token prediction layer; nil without one.
    package var predictionLayer: Int? { predictionLayerCount > 0 ? layerCount : nil }

    /// Whether a layer, the prediction layer included, has experts.
    package func hasExperts(layer: Int) -> Bool { layer >= denseLayerCount }

    /// Bytes of key/value cache for one token with elements of a type.
    package func cacheBytesPerToken(_ dtype: DType) -> Int {
        layerCount * 2 * keyValueHeadCount * headDimension * dtype.bits / 8
    }
}
