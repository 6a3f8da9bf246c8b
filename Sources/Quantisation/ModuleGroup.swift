// What can be kept or quantised by itself: engines fuse matrices when they load them, and what is fused must be
// stored alike. Gate and up become one matrix, the experts of a layer one kernel.

import Architectures
import Documents

/// Matrices of one layer that engines quantise together.
///
/// - Source: vLLM 0.11.0 models/bailing_moe.py `packed_modules_mapping`, layers/fused_moe/layer.py; SGLang 0.5.6 the same.
/// - Checked by: SensitivityTests.
package struct ModuleGroup: Hashable, Comparable, Sendable {
    /// Which matrices, in the order of a layer.
    package enum Part: String, CaseIterable, Sendable {
        case attentionQKV = "attention-qkv"
        case attentionOutput = "attention-output"
        case denseGateUp = "dense-gate-up"
        case denseDown = "dense-down"
        /// All three projections of all routed experts.
        case experts
        case sharedGateUp = "shared-expert-gate-up"
        case sharedDown = "shared-expert-down"
    }

    package let part: Part
    package let layer: Int

    package init(_ part: Part, layer: Int) {
        self.part = part
        self.layer = layer
    }

    /// The group of a weight; nil for one that no scheme may quantise.
    package init?(_ role: TensorRole, layer: Int?) {
        guard let layer else { return nil }
        switch role {
        case .attentionQKV: part = .attentionQKV
        case .attentionOutput: part = .attentionOutput
        case .expert: part = .experts
        case .sharedExpert(let projection): part = projection == .down ? .sharedDown : .sharedGateUp
        case .denseMLP(let projection): part = projection == .down ? .denseDown : .denseGateUp
        default: return nil
        }
        self.layer = layer
    }

    /// `experts/3`: the part and the layer.
    package var name: String { "\(part.rawValue)/\(layer)" }

    /// Layers ascending, parts in their order.
    package static func < (a: ModuleGroup, b: ModuleGroup) -> Bool {
        a.layer != b.layer ? a.layer < b.layer : a.place < b.place
    }

    private var place: Int { Part.allCases.firstIndex(of: part) ?? 0 }
}

extension QuantisationRequest {
    /// Groups of which a part is quantised and a part is kept, with a role of each, in the order of the model.
    package func splitGroups(
        _ inventory: TensorInventory
    ) -> [(group: ModuleGroup, kept: TensorRole, quantised: TensorRole)] {
        var seen: [ModuleGroup: (kept: TensorRole?, quantised: TensorRole?)] = [:]
        for entry in inventory.entries where entry.shape.rank == 2 {
            guard let group = ModuleGroup(entry.role, layer: entry.layer) else { continue }
            if quantises(entry) {
                seen[group, default: (nil, nil)].quantised = entry.role
            } else {
                seen[group, default: (nil, nil)].kept = entry.role
            }
        }
        return seen.sorted { $0.key < $1.key }.compactMap { group, parts in
            guard let kept = parts.kept, let quantised = parts.quantised else { return nil }
            return (group, kept, quantised)
        }
    }
}

/// A group and what keeping it as it is costs.
package struct ModuleCost: Equatable, Sendable {
    package let group: ModuleGroup
    /// Bytes of the source less bytes of codes and scales.
    package let extraBytes: Int

    package init(group: ModuleGroup, extraBytes: Int) {
        self.group = group
        self.extraBytes = extraBytes
    }
}

extension QuantisationRequest {
    /// The groups that a request quantises, in order, each with what keeping it would cost.
    package func groups(_ inventory: TensorInventory) -> [ModuleCost] {
        var bytes: [ModuleGroup: Int] = [:]
        for entry in inventory.entries where quantises(entry) {
            guard let group = ModuleGroup(entry.role, layer: entry.layer) else { continue }
            let rule = encodeRule(entry.role, columns: entry.shape.dimensions[1])
            let scales = rule.scaleShape(of: entry.shape).dimensions.reduce(1, *)
            let coded = entry.parameterCount + scales * rule.scaleType.bits / 8
            bytes[group, default: 0] += entry.byteCount - coded
        }
        return bytes.keys.sorted().map { ModuleCost(group: $0, extraBytes: bytes[$0, default: 0]) }
    }
}
