// A checkpoint as a planner sees it: every weight with its scale, and the few kinds of them that there are. A
// model has tens of thousands of tensors and about twenty kinds; what holds for a kind is worked out once.

import Architectures
import Checkpoints
import Tensors

/// A weight with the scale that stands beside it.
package struct ArtefactTensor: Sendable {
    /// The place in the inventory.
    package let entry: Int
    /// An index into `ArtefactTensors.kinds`.
    package let kind: Int
}

/// Weights that are divided alike.
package struct TensorKind: Hashable, Sendable {
    package let role: TensorRole
    package let shape: Shape
    package let dtype: DType
    /// Nil for a weight that is not quantised.
    package let scaleShape: Shape?
    package let scaleDType: DType?
}

/// The weights of a checkpoint.
package struct ArtefactTensors: Sendable {
    package let quantised: QuantisedInventory
    package let tensors: [ArtefactTensor]
    package let kinds: [TensorKind]
    /// For each kind, the first entry of it.
    package let examples: [Int]
    /// Names of scales that are of no weight, those of the prediction layer left out; sorted.
    package let otherScales: [String]

    package var inventory: TensorInventory { quantised.inventory }
    package var configuration: BailingMoeV2Configuration { quantised.inventory.configuration }

    /// The weights that headers say.
    package init(_ match: InventoryMatch) {
        quantised = match.quantised
        var kinds: [TensorKind] = []
        var places: [TensorKind: Int] = [:]
        var examples: [Int] = []
        var tensors: [ArtefactTensor] = []
        for (index, entry) in match.quantised.inventory.entries.enumerated() {
            guard let weight = match.weight(at: index) else { continue }
            let scale = match.scale(at: index)
            let kind = TensorKind(
                role: entry.role, shape: weight.shape, dtype: weight.dtype, scaleShape: scale?.shape,
                scaleDType: scale?.dtype)
            let place = places[kind] ?? kinds.count
            if place == kinds.count {
                places[kind] = place
                kinds.append(kind)
                examples.append(index)
            }
            tensors.append(ArtefactTensor(entry: index, kind: place))
        }
        self.kinds = kinds
        self.examples = examples
        self.tensors = tensors
        let inventory = match.quantised.inventory
        otherScales = match.stored.compactMap { scale, header in
            switch scale {
            case .input(let entry) where inventory.isPrediction(inventory.entries[entry]): nil
            case .keys(let layer) where layer == inventory.configuration.predictionLayer: nil
            case .values(let layer) where layer == inventory.configuration.predictionLayer: nil
            default: match.headers.tensors[header].name
            }
        }.sorted()
    }

    /// The weights of an opened checkpoint.
    package init(_ checkpoint: Checkpoint, _ quantised: QuantisedInventory) {
        self.init(InventoryMatch(quantised, HeaderView(checkpoint)))
    }

    /// What shares a scale; nil in a checkpoint that is not quantised.
    package var granularity: FP8Layout.Granularity? { quantised.layout.fp8?.granularity }
}

extension SplitRules {
    /// Bytes of one part of a weight of a kind, with its scale.
    func partBytes(_ kind: TensorKind, _ granularity: FP8Layout.Granularity?) -> Int {
        let region = region(kind.role, kind.shape, index: 0, of: parts(kind.role))
        var bytes = region.byteCount(of: kind.shape, kind.dtype)
        if let scale = kind.scaleShape, let dtype = kind.scaleDType, let granularity {
            bytes += region.scaleRegion(granularity, scale: scale).byteCount(of: scale, dtype)
        }
        return bytes
    }
}

extension ArtefactTensors {
    /// What an artefact of an inventory holds, from its config alone: every tensor and scale as it would be stored.
    package init(expectedOf quantised: QuantisedInventory) {
        var headers: [TensorHeader] = []
        for (index, entry) in quantised.inventory.entries.enumerated() {
            headers.append(
                TensorHeader(
                    name: entry.name, dtype: quantised.storedDType(at: index), shape: entry.shape, shard: 0))
            if let scale = quantised.scale(at: index) {
                headers.append(
                    TensorHeader(name: scale.name, dtype: scale.dtypes[0], shape: scale.shape, shard: 0))
            }
        }
        self.init(InventoryMatch(quantised, HeaderView(shards: ["model.safetensors"], tensors: headers)))
    }
}
