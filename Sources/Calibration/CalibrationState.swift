// Everything a calibration has seen so far: one value, that adds up over tokens, batches and runs, and that is all
// of the arrays of a calibration.

import Architectures
import Backends
import Diagnostics
import ReferenceModel

/// The inputs of one matrix of a layer; of routed experts, of the same matrix of all of them.
package struct InputSite: Hashable, Comparable, Sendable {
    package let layer: Int
    /// Gate stands for gate and up, which share their input.
    package let role: TensorRole

    package init(layer: Int, role: TensorRole) {
        self.layer = layer
        switch role {
        case .expert(.up): self.role = .expert(.gate)
        case .sharedExpert(.up): self.role = .sharedExpert(.gate)
        case .denseMLP(.up): self.role = .denseMLP(.gate)
        default: self.role = role
        }
    }

    /// The site of a weight; nil for one that no pass multiplies inputs with.
    package init?(_ key: WeightKey) {
        guard let layer = key.layer, key.role.isQuantisable else { return nil }
        self.init(layer: layer, role: key.role)
    }

    package static func < (a: InputSite, b: InputSite) -> Bool { (a.layer, a.rank) < (b.layer, b.rank) }
    private var rank: Int { TensorRole.allCases.firstIndex(of: role) ?? 0 }

    /// The first part of its tensors' names.
    package var prefix: String { "layers.\(layer).\(role.name)" }

    /// Experts that share the site, and input channels.
    package func size(_ configuration: BailingMoeV2Configuration) -> (slots: Int, channels: Int) {
        let c = configuration
        switch role {
        case .expert(let part): return (c.expertCount, part == .down ? c.expertWidth : c.hiddenSize)
        case .sharedExpert(let part): return (1, part == .down ? c.sharedExpertWidth : c.hiddenSize)
        case .denseMLP(let part): return (1, part == .down ? c.denseWidth : c.hiddenSize)
        case .attentionOutput: return (1, c.attentionWidth)
        default: return (1, c.hiddenSize)
        }
    }

    /// Every site of a model's decoder layers, and of its prediction layer when that runs too.
    package static func all(_ configuration: BailingMoeV2Configuration, predicting: Bool) -> [InputSite] {
        let layers = configuration.layerCount + (predicting ? configuration.predictionLayerCount : 0)
        return (0..<layers).flatMap { layer -> [InputSite] in
            var roles: [TensorRole] = [.attentionQKV, .attentionOutput]
            if configuration.hasExperts(layer: layer) {
                roles += [.expert(.gate), .expert(.down)]
                if configuration.sharedExpertCount > 0 {
                    roles += [.sharedExpert(.gate), .sharedExpert(.down)]
                }
            } else {
                roles += [.denseMLP(.gate), .denseMLP(.down)]
            }
            return roles.map { InputSite(layer: layer, role: $0) }
        }.sorted()
    }
}

/// What all passes so far have shown.
///
/// - Checked by: RecordTests, CalibrationMergeTests.
package struct CalibrationState: Equatable, Sendable {
    package let observers: Set<Observer>
    package var inputs: [InputSite: InputStatistics]
    /// By layer.
    package var caches: [Int: CacheStatistics]
    /// By layer.
    package var routes: [Int: RouteStatistics]
    package var stream: StreamStatistics

    /// The state before the first token.
    package init(
        _ configuration: BailingMoeV2Configuration, observers: Set<Observer>, predicting: Bool = false
    ) {
        self.observers = observers
        inputs = [:]
        caches = [:]
        routes = [:]
        for site in InputSite.all(configuration, predicting: predicting) {
            let (slots, channels) = site.size(configuration)
            inputs[site] = InputStatistics(slots: slots, channels: channels, observers: observers)
        }
        let layers = configuration.layerCount + (predicting ? configuration.predictionLayerCount : 0)
        for layer in 0..<layers {
            if observers.contains(.keyValues) {
                caches[layer] = CacheStatistics(heads: configuration.keyValueHeadCount)
            }
            if observers.contains(.routes), configuration.hasExperts(layer: layer) {
                routes[layer] = RouteStatistics(experts: configuration.expertCount)
            }
        }
        stream = StreamStatistics(places: layers + 1)
    }

    /// Bytes of memory that a state takes, whatever it has seen.
    package static func bytes(
        _ configuration: BailingMoeV2Configuration, observers: Set<Observer>, predicting: Bool
    ) -> Int {
        InputSite.all(configuration, predicting: predicting).reduce(1 << 16) { sum, site in
            let (slots, channels) = site.size(configuration)
            return sum + InputStatistics.bytes(slots: slots, channels: channels, observers: observers)
        }
    }
}
