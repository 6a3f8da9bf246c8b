// A placement of experts in the file that an engine reads at its start.

import Architectures
import Diagnostics
import Documents

/// Writes the map of a placement for an engine.
///
/// - Source: SGLang srt/eplb/expert_location.py; vllm-ascend eplb/core, `_export_tensor_to_file`.
/// - Checked by: BalanceTests.
package enum ExpertMapFile {
    /// The document of a placement.
    ///
    /// - Throws: `TOPO-021` for an engine that reads none.
    package static func document(
        _ placement: ExpertPlacement, _ configuration: BailingMoeV2Configuration, ranks: Int,
        engine: EngineProfile
    ) throws(Failure) -> JSONValue {
        switch engine.parallelism.expertMap {
        case .none:
            throw Failure(
                Finding(
                    .error, .expertMapNotRead, "this engine reads no map of experts",
                    option: "--expert-map", expected: "an engine that does: SGLang, vllm-ascend",
                    found: engine.name,
                    remedy: "--placement linear or round-robin, or balance at run time (--enable-eplb)",
                    cause: engine.parallelism.sources["expert_map"]))
        case .sglang: return physicalToLogical(placement, configuration, ranks)
        case .vllmAscend: return layerList(placement, configuration, ranks)
        }
    }

    /// One row a decoder layer, dense ones included: the expert in each slot, rank after rank.
    private static func physicalToLogical(
        _ placement: ExpertPlacement, _ c: BailingMoeV2Configuration, _ ranks: Int
    ) -> JSONValue {
        let rows = (0..<c.layerCount).map { layer -> JSONValue in
            .array(
                (0..<ranks).flatMap { rank in
                    placement.experts(ofRank: rank, layer: layer, experts: c.expertCount, ranks: ranks)
                }.map { .integer($0) })
        }
        return ["physical_to_logical_map": .array(rows)]
    }

    /// Layers with experts, counted from 0.
    private static func layerList(
        _ placement: ExpertPlacement, _ c: BailingMoeV2Configuration, _ ranks: Int
    ) -> JSONValue {
        let layers = c.expertLayers.enumerated().map { index, layer -> JSONValue in
            let devices = (0..<ranks).map { rank -> JSONValue in
                let experts = placement.experts(
                    ofRank: rank, layer: layer, experts: c.expertCount, ranks: ranks)
                return [
                    "device_id": .integer(rank), "device_expert": .array(experts.map { .integer($0) }),
                ]
            }
            return [
                "layer_id": .integer(index), "device_count": .integer(ranks), "device_list": .array(devices),
            ]
        }
        return ["moe_layer_count": .integer(c.expertLayers.count), "layer_list": .array(layers)]
    }
}
