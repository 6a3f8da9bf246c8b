// The scales of inputs and of the cache, from headers: engines take the place of one that is missing with 1.0, and drop
// one that nobody asked for, mostly without a word.

import Diagnostics
import Tensors

/// Judges the stored scales that are of no weight.
enum StoredScaleAudit {
    static func findings(_ match: InventoryMatch) -> [Finding] {
        let asked = match.quantised.storedScales
        var findings: [Finding] = []
        let missing = asked.filter { match.header(of: $0) == nil }
        if let first = missing.first {
            let names = missing.prefix(6).map(match.quantised.name).joined(separator: "\n")
            findings.append(
                Finding(
                    .error, .storedScaleMissing, "scales that the config asks for are not there",
                    tensor: names + (missing.count > 6 ? "\nand \(grouped(missing.count - 6)) more" : ""),
                    expected: "\(match.quantised.name(of: first)) \(StoredScale.shape) F32"
                        + (missing.count > 1 ? " and \(grouped(missing.count - 1)) more like it" : ""),
                    found: "no such tensor in \(grouped(match.headers.shards.count)) shards",
                    remedy: "quantise again with --calibration"))
        }
        let wanted = Set(asked)
        for (scale, index) in match.stored.sorted(by: { $0.value < $1.value }) {
            let header = match.headers.tensors[index]
            if !wanted.contains(scale) { findings.append(unasked(scale, header, match)) }
            let isScalar = header.shape.rank == 0 || header.shape == StoredScale.shape
            if !isScalar || !StoredScale.dtypes.contains(header.dtype) {
                findings.append(
                    Finding(
                        .error, .scaleMalformed,
                        "a scale is of another shape or element type than its readers take",
                        file: match.headers.file(of: header), tensor: header.name,
                        expected: "\(StoredScale.shape) "
                            + StoredScale.dtypes.map(\.rawValue).joined(separator: " or "),
                        found: "\(header.shape) \(header.dtype.rawValue)"))
            }
        }
        return findings
    }

    private static func unasked(
        _ scale: StoredScale, _ header: TensorHeader, _ match: InventoryMatch
    ) -> Finding {
        let file = match.headers.file(of: header)
        guard case .input(let entry) = scale else {
            // vLLM's fp8 method reads these by themselves, where a model's attention asks it.
            return Finding(
                .warning, .storedScaleUnasked,
                "a scale of the cache is here and the config names no FP8 cache",
                file: file, tensor: header.name,
                expected: "kv_cache_scheme or kv_cache_quant_algo in quantization_config", found: "neither",
                remedy: "quantise again with --kv-scales, or leave the scale out")
        }
        let holdsCodes = match.weight(at: entry)?.dtype.isCode ?? false
        return Finding(
            .error, .storedScaleUnasked,
            holdsCodes
                ? "a scale of inputs is here and the config says that activations are scaled as they come"
                : "a scale of inputs stands beside a weight that holds no codes",
            file: file, tensor: header.name,
            expected: holdsCodes ? "static input_activations in quantization_config" : "no such tensor",
            found: match.quantised.layout.fp8.map { "\($0.activations.rawValue) activations" } ?? "no layout",
            remedy: "leave the scale out, or quantise again with --scheme fp8-tensor-static")
    }
}
