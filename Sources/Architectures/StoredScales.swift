// The scales that are of no weight: of the inputs of a matrix, and of the keys and values a layer keeps. Here are their
// names, and where the headers of a checkpoint have them.

import Tensors

/// What a stored scale that is of no weight is for.
package enum StoredScale: Hashable, Sendable {
    /// Of the inputs of a quantised matrix: an entry of the inventory.
    case input(entry: Int)
    /// Of the cached keys of a layer.
    case keys(layer: Int)
    /// Of the cached values of a layer.
    case values(layer: Int)

    /// One scale for everything; readers take a scalar too.
    package static let shape: Shape = [1]
    /// What writers use and readers take, the usual one first.
    package static let dtypes: [DType] = [.f32, .bf16]
}

/// How the scales of the cache are named, after the prefix of their layer.
package enum CacheScaleNames: String, CaseIterable, Sendable {
    /// The parameter of an engine's attention layer: `attention.attn.k_scale`.
    case engine = "attention.attn.k_scale"
    /// The parameter of the attention module: `attention.k_scale`.
    case module = "attention.k_scale"

    /// The names of a layer's scales.
    ///
    /// - Source: vLLM model_executor/models/bailing_moe.py (attention layer `attention.attn`) and
    ///   layers/attention/attention.py (its parameters); compressed-tensors modeling/kvcache.py.
    package func names(layer: Int) -> (keys: String, values: String) {
        let module = self == .engine ? "attention.attn" : "attention"
        let prefix = TensorInventory.prefix(ofLayer: layer) + module
        return (prefix + ".k_scale", prefix + ".v_scale")
    }

    /// What a name is the scale of, if it is one of some layer's.
    package static func scale(named name: String) -> StoredScale? {
        // Only a layer's own names come so far: comparing with all of them is cheap.
        guard let layer = TensorInventory.layer(inName: name) else { return nil }
        for spelling in allCases {
            let names = spelling.names(layer: layer)
            if name == names.keys { return .keys(layer: layer) }
            if name == names.values { return .values(layer: layer) }
        }
        return nil
    }
}

extension InventoryEntry {
    static let inputScaleSuffix = ".input_scale"

    /// The name of the scale of this matrix's inputs.
    ///
    /// - Source: compressed-tensors quantization/lifecycle/initialize.py; vLLM's parameter of the same name.
    package var inputScaleName: String { module + Self.inputScaleSuffix }

    /// The weight whose inputs a name is the scale of; nil for other names.
    package static func weight(ofInputScale name: String) -> String? {
        guard name.hasSuffix(inputScaleSuffix) else { return nil }
        return String(name.dropLast(inputScaleSuffix.utf8.count)) + ".weight"
    }
}

extension TensorInventory {
    /// What a name is the scale of, whatever the config says about scales; nil for other names.
    package func storedScale(named name: String) -> StoredScale? {
        if let weight = InventoryEntry.weight(ofInputScale: name) {
            return index(of: weight).map(StoredScale.input)
        }
        switch CacheScaleNames.scale(named: name) {
        case .keys(let layer)? where layer < configuration.layersWithPrediction: return .keys(layer: layer)
        case .values(let layer)? where layer < configuration.layersWithPrediction:
            return .values(layer: layer)
        default: return nil
        }
    }
}

extension BailingMoeV2Configuration {
    /// Layers that keep keys and values, the prediction layer's too.
    package var layersWithPrediction: Int { layerCount + predictionLayerCount }
}

extension QuantisedInventory {
    /// The scales that the config asks for beside those of weights, in order.
    package var storedScales: [StoredScale] {
        guard let layout = layout.fp8 else { return [] }
        var scales: [StoredScale] = []
        if layout.activations == .fixed {
            scales += isQuantised.indices.filter { isQuantised[$0] }.map(StoredScale.input)
        }
        if layout.hasCacheScales {
            for layer in 0..<inventory.configuration.layersWithPrediction {
                scales += [.keys(layer: layer), .values(layer: layer)]
            }
        }
        return scales
    }

    /// A name that a scale can have.
    package func name(of scale: StoredScale) -> String {
        switch scale {
        case .input(let entry): inventory.entries[entry].inputScaleName
        case .keys(let layer): CacheScaleNames.engine.names(layer: layer).keys
        case .values(let layer): CacheScaleNames.engine.names(layer: layer).values
        }
    }
}
