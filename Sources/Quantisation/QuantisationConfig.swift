// The quantization_config that engines read, for each layout. Skip lists name every module in full, which
// all engines match alike.

import Architectures
import Documents

/// What the output says about itself in config.json.
package enum QuantisationConfig {
    /// - Parameters:
    ///   - scheme: the scheme as adapted.
    ///   - skipped: full names of the modules left as they are, in inventory order.
    ///   - powersOfTwo: whether every scale is a power of two.
    ///   - hasCacheScales: whether scales of keys and values are stored.
    package static func document(
        scheme: Scheme, skipped: [String], powersOfTwo: Bool, hasCacheScales: Bool = false
    ) -> JSONValue {
        let skipped = JSONValue.array(skipped.map(JSONValue.string))
        switch scheme.layout {
        case .deepSeekBlock:
            var object = JSONObject()
            object["quant_method"] = "fp8"
            object["fmt"] = "e4m3"
            object["activation_scheme"] = "dynamic"
            object["weight_block_size"] = [.integer(scheme.blockRows), .integer(scheme.blockColumns ?? 0)]
            // Engines take scale_fmt as a promise for every scale of the checkpoint.
            if powersOfTwo { object["scale_fmt"] = "ue8m0" }
            object["modules_to_not_convert"] = skipped
            if hasCacheScales { object["kv_cache_quant_algo"] = "FP8" }
            return .object(object)
        case .compressedTensorsBlock:
            return compressedTensors(
                weights: arguments(
                    strategy: "block", dynamic: false,
                    block: [.integer(scheme.blockRows), .integer(scheme.blockColumns ?? 0)], group: .null),
                activations: arguments(
                    strategy: "group", dynamic: true, block: .null, group: .integer(scheme.blockColumns ?? 0)),
                skipped: skipped, hasCacheScales: hasCacheScales)
        case .compressedTensorsChannel:
            return compressedTensors(
                weights: arguments(strategy: "channel", dynamic: false, block: .null, group: .null),
                activations: arguments(strategy: "token", dynamic: true, block: .null, group: .null),
                skipped: skipped, hasCacheScales: hasCacheScales)
        case .compressedTensorsStatic:
            let whole = arguments(strategy: "tensor", dynamic: false, block: .null, group: .null)
            return compressedTensors(
                weights: whole, activations: whole, skipped: skipped, hasCacheScales: hasCacheScales)
        }
    }

    /// - Source: compressed-tensors 0.19 `QuantizationConfig`, as llm-compressor 0.14.0.1 writes it.
    private static func compressedTensors(
        weights: JSONValue, activations: JSONValue, skipped: JSONValue, hasCacheScales: Bool
    ) -> JSONValue {
        [
            "quant_method": "compressed-tensors", "format": "float-quantized",
            "quantization_status": "compressed",
            "config_groups": [
                "group_0": [
                    "targets": ["Linear"], "format": "float-quantized", "weights": weights,
                    "input_activations": activations, "output_activations": nil,
                ]
            ],
            "ignore": skipped,
            "kv_cache_scheme": hasCacheScales
                ? arguments(strategy: "tensor", dynamic: false, block: .null, group: .null) : .null,
            "transform_config": [:], "sparsity_config": [:],
            "global_compression_ratio": nil, "version": "0.19.0",
        ]
    }

    /// - Source: compressed-tensors 0.19 `QuantizationArgs`.
    private static func arguments(strategy: String, dynamic: Bool, block: JSONValue, group: JSONValue)
        -> JSONValue
    {
        [
            "num_bits": 8, "type": "float", "symmetric": true, "dynamic": .bool(dynamic),
            "strategy": .string(strategy), "block_structure": block, "group_size": group, "actorder": nil,
            "observer": dynamic ? nil : "memoryless_minmax", "observer_kwargs": [:],
        ]
    }
}
