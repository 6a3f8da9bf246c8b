// Every tensor a config asks for: a pure function. This is the only place that knows tensor names.
//
// Order: embedding, layers ascending with experts in numeric order, final norm, output head; the prediction
// layer stands after the last decoder layer, at its index.

import Documents
import Tensors

/// One tensor that the architecture asks for, before any quantisation.
package struct InventoryEntry: Equatable, Sendable {
    /// The full name in a checkpoint.
    package let name: String
    /// What it is for.
    package let role: TensorRole
    /// The decoder layer; the prediction layer has the index after the last.
    ///
    /// Nil outside layers.
    package let layer: Int?
    /// The routed expert.
    package let expert: Int?
    /// [out, in] for matrices.
    package let shape: Shape
    /// The element type before quantisation.
    package let dtype: DType

    /// The module that owns a weight: the name without `.weight`.
    ///
    /// Skip lists and engines name modules.
    package var module: String { name.hasSuffix(".weight") ? String(name.dropLast(7)) : name }

    /// Elements of the tensor.
    ///
    /// The configuration's bounds keep the product inside Int.
    package var parameterCount: Int { shape.dimensions.reduce(1, *) }

    /// Bytes of the tensor before quantisation.
    package var byteCount: Int { parameterCount * dtype.bits / 8 }
}

/// The tensors of a model, in order.
///
/// - Complexity: 24,161 entries of Ling-flash-2.0 in a few milliseconds; shapes are shared.
/// - Source: names from inclusionAI/Ling-V2 tools/convert_dcp_to_safetensors.py, sizes from the config.
/// - Checked by: TensorInventoryTests, against the parameter totals the hub publishes.
package struct TensorInventory: Sendable {
    /// The config this follows from.
    package let configuration: BailingMoeV2Configuration
    /// The tensors, in order.
    package let entries: [InventoryEntry]
    private let positions: [String: Int]

    /// Writes the inventory of a config down.
    package init(_ configuration: BailingMoeV2Configuration) {
        self.configuration = configuration
        var builder = InventoryBuilder(configuration)
        entries = builder.build()
        var positions = [String: Int](minimumCapacity: entries.count)
        for (index, entry) in entries.enumerated() { positions[entry.name] = index }
        self.positions = positions
    }

    /// The entry of a name; nil when the architecture has no such tensor.
    package subscript(name name: String) -> InventoryEntry? { positions[name].map { entries[$0] } }

    /// The place of a name in `entries`; nil when the architecture has no such tensor.
    package func index(of name: String) -> Int? { positions[name] }

    /// The entries of one layer, in order.
    package func entries(layer: Int) -> [InventoryEntry] { entries.filter { $0.layer == layer } }

    /// Whether an entry belongs to the prediction layer.
    package func isPrediction(_ entry: InventoryEntry) -> Bool {
        entry.layer != nil && entry.layer == configuration.predictionLayer
    }
}

/// Writes the entries down in order.
private struct InventoryBuilder {
    private let c: BailingMoeV2Configuration
    private var entries: [InventoryEntry] = []
    private let hidden: Shape  // [H]
    private let head: Shape  // [D]
    private let vocabulary: Shape  // [V, H]

    init(_ configuration: BailingMoeV2Configuration) {
        c = configuration
        hidden = [c.hiddenSize]
        head = [c.headDimension]
        vocabulary = [c.vocabularySize, c.hiddenSize]
        entries.reserveCapacity((c.layerCount + 1) * (c.expertCount * 3 + 16) + 3)
    }

    mutating func build() -> [InventoryEntry] {
        add("model.word_embeddings.weight", .embedding, vocabulary)
        for layer in 0..<c.layerCount + c.predictionLayerCount { addLayer(layer) }
        add("model.norm.weight", .finalNorm, hidden)
        if !c.tiesEmbeddings { add("lm_head.weight", .outputHead, vocabulary) }
        return entries
    }

    private mutating func addLayer(_ layer: Int) {
        let prefix = TensorInventory.prefix(ofLayer: layer)
        if layer == c.predictionLayer {
            add(prefix + "enorm.weight", .mtpEmbeddingNorm, hidden, layer)
            add(prefix + "hnorm.weight", .mtpHiddenNorm, hidden, layer)
            add(prefix + "eh_proj.weight", .mtpProjection, [c.hiddenSize, 2 * c.hiddenSize], layer)
        }
        add(prefix + "input_layernorm.weight", .inputNorm, hidden, layer)
        add(
            prefix + "attention.query_key_value.weight", .attentionQKV, [c.fusedRows, c.hiddenSize], layer)
        add(prefix + "attention.query_layernorm.weight", .queryNorm, head, layer)
        add(prefix + "attention.key_layernorm.weight", .keyNorm, head, layer)
        add(prefix + "attention.dense.weight", .attentionOutput, [c.hiddenSize, c.attentionWidth], layer)
        add(prefix + "post_attention_layernorm.weight", .postAttentionNorm, hidden, layer)
        if c.hasExperts(layer: layer) {
            addExperts(layer, prefix)
        } else {
            addMLP(prefix + "mlp.", TensorRole.denseMLP, MLPShapes(c.denseWidth, c.hiddenSize), layer)
        }
        if layer == c.predictionLayer {
            add(prefix + "final_layernorm.weight", .mtpFinalNorm, hidden, layer)
        }
    }

    private mutating func addExperts(_ layer: Int, _ prefix: String) {
        add(prefix + "mlp.gate.weight", .routerGate, [c.expertCount, c.hiddenSize], layer)
        add(prefix + "mlp.gate.expert_bias", .routerBias, [c.expertCount], layer)
        let shapes = MLPShapes(c.expertWidth, c.hiddenSize)
        let experts = prefix + "mlp.experts."
        for expert in 0..<c.expertCount {
            addMLP("\(experts)\(expert).", TensorRole.expert, shapes, layer, expert)
        }
        guard c.sharedExpertCount > 0 else { return }
        addMLP(
            prefix + "mlp.shared_experts.", TensorRole.sharedExpert,
            MLPShapes(c.sharedExpertWidth, c.hiddenSize), layer)
    }

    private mutating func addMLP(
        _ prefix: String, _ role: (MLPProjection) -> TensorRole, _ shapes: MLPShapes, _ layer: Int,
        _ expert: Int? = nil
    ) {
        add(prefix + "gate_proj.weight", role(.gate), shapes.inward, layer, expert)
        add(prefix + "up_proj.weight", role(.up), shapes.inward, layer, expert)
        add(prefix + "down_proj.weight", role(.down), shapes.outward, layer, expert)
    }

    private mutating func add(
        _ name: String, _ role: TensorRole, _ shape: Shape, _ layer: Int? = nil, _ expert: Int? = nil
    ) {
        entries.append(
            InventoryEntry(
                name: name, role: role, layer: layer, expert: expert, shape: shape,
                dtype: role.requiredDType ?? c.dtype))
    }
}

/// The two shapes of a gated MLP, made once for all experts.
private struct MLPShapes {
    /// Of gate and up, [width, H].
    let inward: Shape
    /// Of down, [H, width].
    let outward: Shape

    init(_ width: Int, _ hidden: Int) {
        inward = [width, hidden]
        outward = [hidden, width]
    }
}

extension TensorInventory {
    /// What the names of a layer begin with.
    static func prefix(ofLayer layer: Int) -> String { "model.layers.\(layer)." }

    /// The layer number in a name of this family's grammar, known tensor or not; nil without one.
    static func layer(inName name: String) -> Int? {
        guard name.hasPrefix("model.layers.") else { return nil }
        return Int(name.dropFirst("model.layers.".count).prefix { $0 != "." })
    }
}

/// The nearest of some names, compared from the part where they can differ.
func nearestName(_ name: String, _ candidates: [String]) -> String? {
    // Names of one layer share most of their letters: two edits or a swap are near, a third of the word is not.
    let near = nearMiss(name, among: candidates)
    guard let near, abs(near.utf8.count - name.utf8.count) <= 4 else { return nil }
    return near
}
