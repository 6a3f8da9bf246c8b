// Writes down the tensors of a rank under an engine's names, from the roles of the inventory.

import Architectures

/// Builds the list of one stage.
struct EngineTensorBuilder {
    let artefact: ArtefactTensors
    let rules: SplitRules
    let stage: Int
    private var list: [EngineTensor] = []
    private let hasWeight: [Bool]
    private let hasScale: [Bool]

    init(artefact: ArtefactTensors, rules: SplitRules, stage: Int) {
        self.artefact = artefact
        self.rules = rules
        self.stage = stage
        var weights = [Bool](repeating: false, count: artefact.inventory.entries.count)
        var scales = weights
        for tensor in artefact.tensors {
            weights[tensor.entry] = true
            scales[tensor.entry] = artefact.kinds[tensor.kind].scaleShape != nil
        }
        hasWeight = weights
        hasScale = scales
    }

    private var suffix: String { artefact.quantised.layout.fp8?.scaleSuffix ?? "" }

    /// Entries of the stage by layer, nil outside layers; without the prediction layer.
    private func entries() -> [(layer: Int?, entries: [Int])] {
        var groups: [(layer: Int?, entries: [Int])] = []
        for (index, entry) in artefact.inventory.entries.enumerated() {
            guard hasWeight[index], !artefact.inventory.isPrediction(entry),
                rules.holds(entry, stage: stage)
            else { continue }
            if let last = groups.last, last.layer == entry.layer, entry.layer != nil {
                groups[groups.count - 1].entries.append(index)
            } else {
                groups.append((entry.layer, [index]))
            }
        }
        return groups
    }

    private func piece(_ index: Int, scale: Bool = false) -> EnginePiece {
        let entry = artefact.inventory.entries[index]
        return EnginePiece(name: entry.name + (scale ? suffix : ""), entry: entry, isScale: scale)
    }

    /// A module's weight and, where it has one, its scale.
    private mutating func add(_ module: String, _ indices: [Int], scaleName: String = "weight_scale_inv") {
        guard let first = indices.first else { return }
        list.append(EngineTensor(name: module + ".weight", pieces: indices.map { piece($0) }))
        guard hasScale[first] else { return }
        list.append(
            EngineTensor(name: "\(module).\(scaleName)", pieces: indices.map { piece($0, scale: true) }))
    }

    // MARK: vLLM 0.32.0

    /// Gate and up of all experts that a rank has in a layer, one under the other.
    static func expertStack(layer: Int) -> String {
        vllmPrefix(layer) + "mlp.experts.routed_experts.w13_weight"
    }

    private static func vllmPrefix(_ layer: Int) -> String { "model.layers.\(layer)." }

    mutating func vllm() -> [EngineTensor] {
        for (layer, indices) in entries() {
            guard let layer else {
                for index in indices {
                    list.append(EngineTensor(name: piece(index).name, pieces: [piece(index)]))
                }
                continue
            }
            addVLLM(layer, indices)
        }
        return list
    }

    private mutating func addVLLM(_ layer: Int, _ indices: [Int]) {
        let prefix = Self.vllmPrefix(layer)
        let entries = artefact.inventory.entries
        func all(_ roles: TensorRole...) -> [Int] {
            indices.filter { roles.contains(entries[$0].role) }
        }
        add(prefix + "input_layernorm", all(.inputNorm))
        add(prefix + "attention.query_key_value", all(.attentionQKV))
        add(prefix + "attention.query_layernorm", all(.queryNorm))
        add(prefix + "attention.key_layernorm", all(.keyNorm))
        add(prefix + "attention.dense", all(.attentionOutput))
        // Scales of the cache, which a fresh model registers with the value 1.
        for name in ["_k_scale", "_prob_scale", "_q_scale", "_v_scale"] {
            list.append(EngineTensor(name: prefix + "attention.attn." + name, pieces: [], scalar: 1))
        }
        add(prefix + "post_attention_layernorm", all(.postAttentionNorm))
        add(prefix + "mlp.gate_up_proj", all(.denseMLP(.gate), .denseMLP(.up)))
        add(prefix + "mlp.down_proj", all(.denseMLP(.down)))
        if let gate = all(.routerGate).first {
            // Built in F32 where config.json asks for it.
            list.append(
                EngineTensor(
                    name: prefix + "mlp.gate.weight", pieces: [piece(gate)],
                    isWidened: artefact.configuration.routerDType == "fp32"))
        }
        if let bias = all(.routerBias).first {
            list.append(
                EngineTensor(
                    name: prefix + "mlp.experts.routed_experts.e_score_correction_bias",
                    pieces: [piece(bias)]))
        }
        addStack(Self.expertStack(layer: layer), all(.expert(.gate), .expert(.up)))
        addStack(prefix + "mlp.experts.routed_experts.w2_weight", all(.expert(.down)))
        let shared = prefix + "mlp.experts._shared_experts._layer."
        add(shared + "gate_up_proj", all(.sharedExpert(.gate), .sharedExpert(.up)))
        add(shared + "down_proj", all(.sharedExpert(.down)))
    }

    private mutating func addStack(_ name: String, _ indices: [Int]) {
        guard let first = indices.first else { return }
        list.append(EngineTensor(name: name, pieces: indices.map { piece($0) }, isStacked: true))
        guard hasScale[first] else { return }
        list.append(
            EngineTensor(
                name: name + "_scale_inv", pieces: indices.map { piece($0, scale: true) }, isStacked: true))
    }

    // MARK: DeepSeek-V3 inference/convert.py

    mutating func deepSeek() -> [EngineTensor] {
        for (layer, indices) in entries() {
            for index in indices {
                let entry = artefact.inventory.entries[index]
                guard let module = Self.deepSeekModule(entry, layer) else { continue }
                if entry.role == .routerBias {
                    list.append(EngineTensor(name: module, pieces: [piece(index)]))
                } else {
                    add(module, [index], scaleName: "scale")
                }
            }
        }
        return list
    }

    private static func deepSeekModule(_ entry: InventoryEntry, _ layer: Int?) -> String? {
        let prefix = layer.map { "layers.\($0)." } ?? ""
        func mlp(_ projection: MLPProjection) -> String {
            switch projection {
            case .gate: "w1"
            case .down: "w2"
            case .up: "w3"
            }
        }
        switch entry.role {
        case .embedding: return "embed"
        case .finalNorm: return "norm"
        case .outputHead: return "head"
        case .inputNorm: return prefix + "attn_norm"
        case .postAttentionNorm: return prefix + "ffn_norm"
        case .attentionQKV: return prefix + "attn.wqkv"
        case .attentionOutput: return prefix + "attn.wo"
        case .queryNorm: return prefix + "attn.q_norm"
        case .keyNorm: return prefix + "attn.k_norm"
        case .routerGate: return prefix + "ffn.gate"
        case .routerBias: return prefix + "ffn.gate.bias"
        case .denseMLP(let projection): return prefix + "ffn." + mlp(projection)
        case .sharedExpert(let projection): return prefix + "ffn.shared_experts." + mlp(projection)
        case .expert(let projection):
            return entry.expert.map { prefix + "ffn.experts.\($0)." + mlp(projection) }
        case .mtpEmbeddingNorm, .mtpHiddenNorm, .mtpProjection, .mtpFinalNorm: return nil
        }
    }
}
