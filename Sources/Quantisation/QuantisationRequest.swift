// What a user asks of quantise: a scheme, and departures from it that a target or the user wants, each with
// its reason, so that the plan and the record can say what was done and why.

import Architectures
import Documents

/// A scheme with departures.
package struct QuantisationRequest: Sendable {
    /// A departure from the scheme as written.
    package struct Adaptation: Sendable, Equatable {
        package enum Change: Sendable, Equatable {
            /// A role stays as it is.
            case keep(TensorRole)
            /// The modules of a group stay as they are.
            case keepGroup(ModuleGroup)
            /// F32 scales become powers of two.
            case roundScales
        }

        package let change: Change
        package let reason: String

        package init(_ change: Change, reason: String) {
            self.change = change
            self.reason = reason
        }

        package var document: JSONValue {
            switch change {
            case .keep(let role): ["change": "keep", "role": .string(role.name), "reason": .string(reason)]
            case .keepGroup(let group):
                ["change": "keep-modules", "modules": .string(group.name), "reason": .string(reason)]
            case .roundScales: ["change": "round-scales", "reason": .string(reason)]
            }
        }
    }

    package let scheme: Scheme
    /// The target's name, when one was given.
    package let target: String?
    package let adaptations: [Adaptation]
    /// How scales are searched; nil where they follow from amax.
    package let search: ScaleSearch?
    /// What a search weighs columns with; nil where none does.
    package let moments: (any InputMoments)?
    /// Scales of inputs and of the cache; nil where none are stored.
    package let scales: CalibratedScales?
    private let keptRoles: Set<TensorRole>
    private let keptGroups: Set<ModuleGroup>

    package init(
        scheme: Scheme, target: String? = nil, adaptations: [Adaptation] = [],
        search: ScaleSearch? = nil, moments: (any InputMoments)? = nil, scales: CalibratedScales? = nil
    ) {
        self.scheme = scheme
        self.target = target
        self.adaptations = adaptations
        self.search = search
        self.moments = moments
        self.scales = scales
        var (roles, groups) = (Set<TensorRole>(), Set<ModuleGroup>())
        for adaptation in adaptations {
            switch adaptation.change {
            case .keep(let role): roles.insert(role)
            case .keepGroup(let group): groups.insert(group)
            case .roundScales: break
            }
        }
        (keptRoles, keptGroups) = (roles, groups)
    }

    /// The same request with further departures.
    package func adapted(_ more: [Adaptation]) -> QuantisationRequest {
        QuantisationRequest(
            scheme: scheme, target: target, adaptations: adaptations + more, search: search,
            moments: moments, scales: scales)
    }

    /// The same request with what a calibration gives.
    package func calibrated(
        moments: (any InputMoments)? = nil, scales: CalibratedScales? = nil
    ) -> QuantisationRequest {
        QuantisationRequest(
            scheme: scheme, target: target, adaptations: adaptations, search: search,
            moments: moments ?? self.moments, scales: scales ?? self.scales)
    }

    /// Whether a role is quantised after all departures, in some layer at least.
    package func quantises(_ role: TensorRole) -> Bool {
        scheme.quantised.contains(role) && !keptRoles.contains(role)
    }

    /// Whether the weights of a role are quantised in a layer.
    package func quantises(_ role: TensorRole, layer: Int?) -> Bool {
        guard quantises(role) else { return false }
        guard !keptGroups.isEmpty, let group = ModuleGroup(role, layer: layer) else { return true }
        return !keptGroups.contains(group)
    }

    /// Whether a tensor is quantised.
    package func quantises(_ entry: InventoryEntry) -> Bool { quantises(entry.role, layer: entry.layer) }

    /// How a weight of a role is encoded.
    ///
    /// - Parameter columns: of the weight; a channel is one row of them.
    package func encodeRule(_ role: TensorRole, columns: Int) -> EncodeRule {
        let coversMatrix = scheme.blockRows == 0
        return EncodeRule(
            rule: rule(for: role), blockRows: coversMatrix ? Self.partSide : scheme.blockRows,
            blockColumns: coversMatrix ? Self.partSide : scheme.blockColumns ?? columns,
            amaxFloor: scheme.amaxFloor, zeroScale: scheme.zeroScale, scaleSuffix: scheme.layout.scaleSuffix,
            scaleType: scheme.layout.scaleType, coversMatrix: coversMatrix, search: search)
    }

    /// Rows and columns of the parts in which a matrix with one scale is encoded; its error is added up part by part, so
    /// that sums of F32 stay exact enough and do not depend on how many rows are read at a time.
    private static let partSide = 128

    /// The rule for a role after all departures.
    package func rule(for role: TensorRole) -> ScaleRule {
        let rule = scheme.rule(for: role)
        let rounds = adaptations.contains { $0.change == .roundScales }
        return rounds && rule == .f32 ? .ue8m0 : rule
    }

    /// Whether every scale will be a power of two.
    package var givesPowersOfTwo: Bool {
        scheme.quantised.filter(quantises).allSatisfy { rule(for: $0).givesPowersOfTwo }
    }

    /// What distinguishes this request from another one.
    package var document: JSONValue {
        var object = JSONObject()
        object["scheme"] = .string(scheme.name)
        object["layout"] = .string(scheme.layout.rawValue)
        object["target"] = .optional(target)
        object["adaptations"] = .array(adaptations.map(\.document))
        object["search"] = (search?.rawValue).map(JSONValue.string)
        object["calibration"] = (moments?.digest).map(JSONValue.string)
        object["stored_scales"] = scales?.document
        return .object(object)
    }
}
