// Scales that a calibration gives: one for the inputs of each quantised matrix, one each for the keys and the values of
// a layer. They are known when a plan is made and are stored as they are.

import Architectures
import Calibration
import Checkpoints
import Diagnostics
import Documents
import ReferenceModel

/// Static scales of one model.
///
/// s = max |x| / 448 in F32 over everything the calibration saw. An expert that no token reached, or that met zeros
/// only, takes the largest scale among the experts of its layer: engines use that one for all of them anyway.
///
/// - Source: compressed-tensors 0.19 quantization/utils/helpers.py `calculate_qparams`; the rule for experts follows
///   vLLM 0.32.0 fp8_utils.py `process_fp8_input_tensor_strategy_moe`, which takes the largest of a layer.
/// - Checked by: StaticScaleTests.
package struct CalibratedScales: Sendable {
    /// Experts of one kind of matrix whose inputs were never seen.
    package struct Unseen: Equatable, Sendable {
        package let role: TensorRole
        package let layer: Int
        package let experts: [Int]
        /// The scale they were given.
        package let scale: Float
    }

    /// What the calibration saw: model, data, tokens.
    package let digest: String
    /// By matrix; empty where activations are scaled as they come.
    package let inputs: [WeightKey: Float]
    /// By layer; empty where the cache has no scales.
    package let caches: [Int: (keys: Float, values: Float)]
    /// How scales of the cache are named.
    package let cacheNames: CacheScaleNames
    package let unseen: [Unseen]

    /// The largest E4M3 number.
    private static let largestCode: Float = 448

    /// - Parameters:
    ///   - quantises: the entries that need a scale of their inputs.
    ///   - cacheNames: how to name scales of the cache; nil for none.
    ///   - zeroScale: of a matrix whose inputs are all zero, of experts where those of the whole layer are.
    /// - Throws: CAL-010 for a calibration of another checkpoint; SCHEME-011 for one that did not look at what is
    ///   needed.
    package init(
        _ record: CalibrationRecord, _ checkpoint: Checkpoint, _ inventory: TensorInventory,
        quantises: (InventoryEntry) -> Bool, cacheNames: CacheScaleNames?, zeroScale: Float
    ) throws(Failure) {
        try record.check(isOf: checkpoint)
        digest = "\(record.head.sourceDigest) \(record.head.dataDigest) \(record.head.tokens)"
        self.cacheNames = cacheNames ?? .engine
        caches = cacheNames == nil ? [:] : try Self.caches(record, inventory)
        var inputs: [WeightKey: Float] = [:]
        var groups: [Matrices: [Int]] = [:]
        var reached: Set<Matrices> = []
        for entry in inventory.entries where quantises(entry) {
            let key = WeightKey(entry.role, layer: entry.layer, expert: entry.expert)
            // Gate and up have the same inputs; gate comes first.
            let seen: (scale: Float?, tokens: Int)
            if let shared = inputs[key.ofInput] {
                seen = (shared, 0)
            } else {
                seen = try Self.scale(record, key, entry)
            }
            inputs[key] = seen.scale ?? (key.expert == nil ? zeroScale : 0)
            if let expert = key.expert, let layer = key.layer {
                groups[Matrices(layer: layer, role: key.role), default: []].append(expert)
                if seen.tokens > 0 { reached.insert(Matrices(layer: layer, role: key.ofInput.role)) }
            }
        }
        var unseen: [Unseen] = []
        for (group, experts) in groups.sorted(by: { $0.key < $1.key }) {
            func key(_ expert: Int) -> WeightKey { WeightKey(group.role, layer: group.layer, expert: expert) }
            let cold = experts.filter { inputs[key($0)] == 0 }
            guard !cold.isEmpty else { continue }
            var largest = experts.compactMap { inputs[key($0)] }.max() ?? 0
            let site = Matrices(layer: group.layer, role: key(0).ofInput.role)
            if largest == 0, reached.contains(site) || reached.contains(group) { largest = zeroScale }
            guard largest > 0 else {
                throw Self.failure(
                    record, "this calibration reached no expert of layer \(group.layer)",
                    "tokens at one expert at least", "none")
            }
            for expert in cold { inputs[key(expert)] = largest }
            unseen.append(Unseen(role: group.role, layer: group.layer, experts: cold, scale: largest))
        }
        self.inputs = inputs
        self.unseen = unseen
    }

    /// The same matrix of every expert of a layer.
    private struct Matrices: Hashable, Comparable {
        let layer: Int
        let role: TensorRole

        static func < (a: Matrices, b: Matrices) -> Bool { (a.layer, a.place) < (b.layer, b.place) }
        private var place: Int { TensorRole.allCases.firstIndex(of: role) ?? 0 }
    }

    /// max |x| / 448, nil where nothing but zeros, or nothing, was seen; and the tokens that were.
    private static func scale(
        _ record: CalibrationRecord, _ key: WeightKey, _ entry: InventoryEntry
    ) throws(Failure) -> (scale: Float?, tokens: Int) {
        guard record.head.observers.contains(.ranges) else {
            throw failure(
                record, "this calibration did not look at the ranges of inputs", "ranges among its observers",
                record.head.observers.sorted().map(\.rawValue).joined(separator: ", "))
        }
        guard let seen = try record.inputs(of: key) else {
            throw failure(
                record, "this calibration did not look at the inputs of \(entry.name)",
                "inputs of \(entry.role.name) in layer \(entry.layer ?? 0)",
                record.head.predicts ? "none" : "none; the prediction layer was left out")
        }
        guard seen.channelAbsmax.count == entry.shape.dimensions[1], seen.absmax.isFinite else {
            throw failure(
                record, "this calibration is of other matrices: \(entry.name)",
                "\(entry.shape.dimensions[1]) channels", "\(seen.channelAbsmax.count)")
        }
        guard seen.notFinite == 0 else {
            throw failure(
                record, "inputs were not finite: no scale can hold them at \(entry.name)", "finite inputs",
                "\(grouped(seen.notFinite)) infinite or not a number")
        }
        let scale = seen.absmax / largestCode
        return (scale.isNormal ? scale : nil, seen.tokens)
    }

    private static func caches(
        _ record: CalibrationRecord, _ inventory: TensorInventory
    ) throws(Failure) -> [Int: (keys: Float, values: Float)] {
        guard record.head.observers.contains(.keyValues) else {
            throw failure(
                record, "this calibration did not look at keys and values", "key-values among its observers",
                record.head.observers.sorted().map(\.rawValue).joined(separator: ", "))
        }
        var caches: [Int: (keys: Float, values: Float)] = [:]
        let heads = inventory.configuration.keyValueHeadCount
        for layer in 0..<inventory.configuration.layersWithPrediction {
            guard let seen = try record.cache(layer: layer), seen.keys.count == heads,
                seen.values.count == heads
            else {
                throw failure(
                    record, "this calibration did not look at the keys and values of layer \(layer)",
                    "\(heads) heads",
                    record.head.predicts ? "none" : "none; the prediction layer was left out")
            }
            let keys = (seen.keys.max() ?? 0) / largestCode
            let values = (seen.values.max() ?? 0) / largestCode
            guard keys.isNormal, values.isNormal else {
                throw failure(
                    record, "keys or values of layer \(layer) were all zero", "magnitudes above zero",
                    "keys up to \(keys * largestCode), values up to \(values * largestCode)")
            }
            caches[layer] = (keys, values)
        }
        return caches
    }

    private static func failure(
        _ record: CalibrationRecord, _ what: String, _ expected: String, _ found: String
    ) -> Failure {
        Failure(
            Finding(
                .error, .calibrationUnfit, what, file: record.folder, expected: expected, found: found,
                remedy:
                    "ingot calibrate CHECKPOINT --data FILE --output FOLDER, of this very checkpoint, and with "
                    + "--prediction where it has a prediction layer"))
    }

    // MARK: What a plan stores

    /// What is stored beside a tensor, by name.
    func constants(beside entry: InventoryEntry) -> [StoredConstant] {
        var constants: [StoredConstant] = []
        if let scale = inputs[WeightKey(entry.role, layer: entry.layer, expert: entry.expert)] {
            constants.append(StoredConstant(name: entry.inputScaleName, value: scale))
        }
        if entry.role == .attentionQKV, let layer = entry.layer, let cache = caches[layer] {
            let names = cacheNames.names(layer: layer)
            constants.append(StoredConstant(name: names.keys, value: cache.keys))
            constants.append(StoredConstant(name: names.values, value: cache.values))
        }
        return constants
    }

    /// For records and reports.
    package var document: JSONValue {
        [
            "calibration": .string(digest), "input_scales": .integer(inputs.count),
            "cache_scales": .integer(2 * caches.count),
            "cache_names": caches.isEmpty ? .null : .string(cacheNames.rawValue),
            "unseen_experts": .array(
                unseen.map {
                    [
                        "layer": .integer($0.layer), "role": .string($0.role.name),
                        "experts": .array($0.experts.map(JSONValue.integer)),
                        "scale": .real(Double($0.scale)),
                    ]
                }),
        ]
    }
}
