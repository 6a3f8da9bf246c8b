// What a sensitivity run found, as a document that quantise reads again: sensitivity of roles, layers and groups.

import Architectures
import Backends
import Diagnostics
import Documents
import ReferenceModel

/// A mean KL with its 95 % interval, nats.
package struct Effect: Equatable, Sendable {
    package let mean: Double
    /// Nil with fewer than two texts.
    package let halfWidth: Double?

    package init(mean: Double, halfWidth: Double?) {
        self.mean = mean
        self.halfWidth = halfWidth
    }

    package init(_ divergences: TextDivergences) {
        let estimate = divergences.estimate
        self.init(mean: estimate?.mean ?? 0, halfWidth: estimate?.halfWidth)
    }
}

/// What quantising each part of a model does to its outputs.
package struct SensitivityRecord: Equatable, Sendable {
    package struct OfRole: Equatable, Sendable {
        package let role: TensorRole
        package let effect: Effect
    }

    package struct OfLayer: Equatable, Sendable {
        package let layer: Int
        package let effect: Effect
    }

    package struct OfGroup: Equatable, Sendable {
        package let group: ModuleGroup
        package let extraBytes: Int
        /// KL when only this group is quantised: measured, or estimated from the role's and the layer's.
        package let damage: Double
        package let isMeasured: Bool
    }

    package struct OfOutput: Equatable, Sendable {
        package let role: TensorRole
        package let layer: Int
        /// ‖x(Ŵ − W)ᵀ‖ / ‖xWᵀ‖.
        package let relativeError: Double
    }

    /// Name of the checkpoint's folder.
    package let model: String
    package let scheme: String
    package let numerics: String
    package let texts: Int
    package let tokens: Int
    /// With everything quantised.
    package let whole: Effect
    package let roles: [OfRole]
    package let layers: [OfLayer]
    package let groups: [OfGroup]
    package let outputs: [OfOutput]

    package var damage: [ModuleGroup: Double] {
        Dictionary(groups.map { ($0.group, $0.damage) }) { first, _ in first }
    }

    /// Groups by damage for each byte of keeping them, the most first; equals go by layer.
    package var byWorth: [OfGroup] {
        func worth(_ group: OfGroup) -> Double { group.damage / Double(max(1, group.extraBytes)) }
        return groups.sorted { a, b in
            let (x, y) = (worth(a), worth(b))
            return x != y ? x > y : a.group < b.group
        }
    }

    /// KL to expect with some groups kept: that of everything quantised, less the kept groups' part of all damage.
    package func expectedDivergence(keeping kept: Set<ModuleGroup>) -> Double {
        let all = groups.reduce(0) { $0 + $1.damage }
        guard all > 0 else { return whole.mean }
        let left = groups.filter { !kept.contains($0.group) }.reduce(0) { $0 + $1.damage }
        return whole.mean * left / all
    }
}

// MARK: Making

extension SensitivityRun {
    /// All passes of a sensitivity analysis.
    ///
    /// - Parameters:
    ///   - groups: what the request quantises; groups of the prediction layer have no part in the logits and
    ///     get no damage.
    ///   - measuresGroups: a pass for each group; without, a group's damage is estimated: its layer's, shared
    ///     among the groups of the layer as their roles' are.
    package func record(
        model: String, groups: [ModuleCost], measuresGroups: Bool, backend: any Backend
    ) throws(Failure) -> SensitivityRecord {
        let layerCount = pass.configuration.layerCount
        let inModel = groups.filter { $0.group.layer < layerCount }
        let layers = Set(inModel.map(\.group.layer)).sorted()
        let roles = TensorRole.allCases.filter { role in
            request.quantises(role)
                && layers.contains { layer in
                    request.quantises(role, layer: layer)
                        && inModel.contains { $0.group == ModuleGroup(role, layer: layer) }
                }
        }
        var parts: [QuantisedPart] = [.all]
        parts += roles.map(QuantisedPart.role)
        parts += layers.map(QuantisedPart.layer)
        if measuresGroups { parts += inModel.map { QuantisedPart.group($0.group) } }

        let errors = try outputErrors(backend: backend)
        let found = Dictionary(
            uniqueKeysWithValues: zip(parts, try divergences(parts).map(Effect.init)))
        func effect(_ part: QuantisedPart) -> Effect { found[part] ?? Effect(mean: 0, halfWidth: nil) }

        let ofRoles = roles.map { SensitivityRecord.OfRole(role: $0, effect: effect(.role($0))) }
        let ofLayers = layers.map { SensitivityRecord.OfLayer(layer: $0, effect: effect(.layer($0))) }
        let estimates = Self.estimates(inModel.map(\.group), ofRoles, ofLayers)
        let ofGroups = groups.map { cost in
            SensitivityRecord.OfGroup(
                group: cost.group, extraBytes: cost.extraBytes,
                damage: found[.group(cost.group)]?.mean ?? estimates[cost.group] ?? 0,
                isMeasured: found[.group(cost.group)] != nil)
        }
        let outputs = errors.map { key, error in
            SensitivityRecord.OfOutput(role: key.role, layer: key.layer, relativeError: error.relative)
        }
        let order = Dictionary(
            uniqueKeysWithValues: TensorRole.allCases.enumerated().map { ($0.element, $0.offset) })
        return SensitivityRecord(
            model: model, scheme: request.scheme.name, numerics: pass.backend.numerics.name,
            texts: texts.count, tokens: texts.reduce(0) { $0 + $1.count }, whole: effect(.all),
            roles: ofRoles, layers: ofLayers, groups: ofGroups,
            outputs: outputs.sorted {
                ($0.layer, order[$0.role, default: 0]) < ($1.layer, order[$1.role, default: 0])
            })
    }

    private static func estimates(
        _ groups: [ModuleGroup], _ roles: [SensitivityRecord.OfRole], _ layers: [SensitivityRecord.OfLayer]
    ) -> [ModuleGroup: Double] {
        var ofPart: [ModuleGroup.Part: Double] = [:]
        for role in roles {
            if let group = ModuleGroup(role.role, layer: 0) {
                ofPart[group.part, default: 0] += role.effect.mean
            }
        }
        for (part, sum) in ofPart {
            ofPart[part] = sum / Double(max(1, groups.count { $0.part == part }))
        }
        let ofLayer = Dictionary(uniqueKeysWithValues: layers.map { ($0.layer, $0.effect.mean) })
        var result: [ModuleGroup: Double] = [:]
        for group in groups {
            let all = groups.filter { $0.layer == group.layer }.reduce(0) { $0 + ofPart[$1.part, default: 0] }
            guard all > 0 else { continue }
            result[group] = ofLayer[group.layer, default: 0] * ofPart[group.part, default: 0] / all
        }
        return result
    }
}
