// Faults that engines and converters are known to have. Each is a change to a checkpoint's config or weights
// that makes the reference pass do the same, so that it can be recognised on a side we cannot look into.

import Architectures
import Backends
import Diagnostics
import Documents
import ReferenceModel

/// A fault that a forward pass can imitate.
struct KnownFault: Sendable {
    /// What it does, in a clause.
    let title: String
    /// Where to look on the side that has it.
    let remedy: String
    /// The config with the fault; nil where the fault would change nothing.
    let changes: @Sendable (BailingMoeV2Configuration) -> [String: JSONValue]?
    /// The weights with it.
    var weights: AlteredWeights.Change?
    var rope: RopeGeneration = .writtenFactor

    private init(
        _ title: String, remedy: String, weights: AlteredWeights.Change? = nil,
        rope: RopeGeneration = .writtenFactor,
        changes: @escaping @Sendable (BailingMoeV2Configuration) -> [String: JSONValue]?
    ) {
        self.title = title
        self.remedy = remedy
        self.changes = changes
        self.weights = weights
        self.rope = rope
    }

    /// All of them.
    ///
    /// - Source: the differences between engines listed in docs/03-architecture.md and Profiles/engines.
    static let all = [
        KnownFault(
            "all channels of a head turn with the position, not the first part",
            remedy: "partial_rotary_factor is not read: set rotary_dim, or another version of the engine"
        ) {
            $0.rotaryDimensions < $0.headDimension ? ["partial_rotary_factor": 1] : nil
        },
        KnownFault(
            "YaRN is ignored",
            remedy: "rope_scaling is not read: check its `type` key and the engine's options"
        ) {
            $0.ropeScaling != nil ? ["rope_scaling": .null] : nil
        },
        KnownFault(
            "YaRN's factor is the ratio of lengths, not the one written",
            remedy: "transformers 4.47 to 4.56 read it so: make factor and lengths agree", rope: .lengthRatio
        ) {
            $0.ropeScaling != nil ? [:] : nil
        },
        KnownFault(
            "experts are chosen from all groups: the group limit is off",
            remedy: "n_group and topk_group are not read by the router"
        ) {
            $0.groupsPerToken < $0.groupCount ? ["n_group": 1, "topk_group": 1] : nil
        },
        KnownFault(
            "routed_scaling_factor is applied twice",
            remedy: "the factor is in the routing weights already: look for a second multiplication"
        ) { configuration in
            let factor = configuration.routedScalingFactor
            return factor != 1 ? ["routed_scaling_factor": .real(factor * factor)] : nil
        },
        KnownFault("routed_scaling_factor is not applied", remedy: "the engine does not read the key") {
            $0.routedScalingFactor != 1 ? ["routed_scaling_factor": 1] : nil
        },
        KnownFault(
            "the router's selection bias is dropped",
            remedy: "expert_bias was not loaded: check its name in the engine's weight map",
            weights: .zeroBias
        ) { _ in [:] },
        KnownFault(
            "gate and up of the routed experts are exchanged",
            remedy: "the fused w13 tensor is stacked in the other order", weights: .exchangedGateAndUp
        ) { _ in [:] },
        KnownFault(
            "the shared expert is left out",
            remedy: "its weights were not loaded, or its output is not added", weights: .zeroSharedExpert
        ) {
            $0.sharedExpertCount > 0 ? [:] : nil
        },
        KnownFault("rope_theta is the default 10000", remedy: "the engine does not read rope_theta") {
            $0.ropeTheta != 10000 ? ["rope_theta": 10000] : nil
        },
    ]

    /// A pass with the fault; nil where it would change nothing.
    func pass(like pass: ForwardPass) -> ForwardPass? {
        guard let changes = changes(pass.configuration) else { return nil }
        var document = pass.configuration.document
        for (key, value) in changes { document[key] = value }
        guard let configuration = BailingMoeV2Configuration.read(.object(document)).configuration else {
            return nil
        }
        let weights: any WeightSource =
            weights.map { AlteredWeights(pass.weights, $0) } ?? pass.weights
        return ForwardPass(configuration, weights: weights, backend: pass.backend, rope: rope)
    }
}

/// Weights of a checkpoint with a fault.
final class AlteredWeights: WeightSource {
    /// Which fault.
    enum Change: Sendable {
        case zeroBias
        case zeroSharedExpert
        case exchangedGateAndUp
    }

    private let source: any WeightSource
    private let change: Change

    init(_ source: any WeightSource, _ change: Change) {
        self.source = source
        self.change = change
    }

    func weight(_ key: WeightKey) throws(Failure) -> WeightMatrix {
        let weight = try source.weight(key)
        switch (change, key.role) {
        case (.zeroBias, .routerBias), (.zeroSharedExpert, .sharedExpert(.down)): break
        default: return weight
        }
        return WeightMatrix(
            format: .f32, rows: weight.rows, columns: weight.columns,
            bytes: [UInt8](repeating: 0, count: 4 * weight.rows * weight.columns))
    }

    func rows(_ indices: [Int], of key: WeightKey) throws(Failure) -> WeightMatrix {
        try source.rows(indices, of: key)
    }

    func strips(
        of key: WeightKey, _ body: (Range<Int>, WeightMatrix) throws(Failure) -> Void
    ) throws(Failure) { try source.strips(of: key, body) }

    func experts(
        _ experts: [Int], layer: Int, _ body: (Int, MLPWeights) throws(Failure) -> Void
    ) throws(Failure) {
        guard change == .exchangedGateAndUp else { return try source.experts(experts, layer: layer, body) }
        try source.experts(experts, layer: layer) { (expert, weights) throws(Failure) in
            try body(expert, MLPWeights(gate: weights.up, up: weights.gate, down: weights.down))
        }
    }
}
