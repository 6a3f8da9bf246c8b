// The block rope_parameters, in which transformers 5 writes what rope_theta, rope_scaling and partial_rotary_factor
// say. Engines on transformers 5 read the block and others the keys, so the two must say one thing.

import Diagnostics
import Documents

/// The check of `rope_parameters` against the keys it stands for.
///
/// - Source: transformers 5.19.0 modeling_rope_utils.py (standardize_rope_params), which keeps a block that is
///   written; vLLM 0.33.0 bailing_moe.py passes it to its rotary embedding.
enum RopeParameters {
    private static let field = "rope_parameters"

    /// - Parameters:
    ///   - scaling: what `rope_scaling` says.
    ///   - theta: what `rope_theta` says.
    ///   - headDimension: what `head_dim` says.
    static func check(
        _ reader: inout ConfigurationReader, scaling: RopeScaling?, theta: Double?, headDimension: Int?
    ) {
        guard let value = reader.value(field) else { return }
        guard case .object(var object) = value else {
            reader.mismatch(field, "an object, as transformers 5 writes it", value)
            return
        }
        var inner = ConfigurationReader(object, file: reader.file)
        // Where rotary_dim alone says it, the share of the head that it is.
        let share = reader.integer("rotary_dim").flatMap { rotary in
            headDimension.map { Double(rotary) / Double($0) }
        }
        let written: [(key: String, elsewhere: Double?)] = [
            ("rope_theta", theta),
            ("partial_rotary_factor", reader.number("partial_rotary_factor") ?? share),
        ]
        for (key, elsewhere) in written {
            if let number = inner.number(key), let elsewhere, number != elsewhere {
                disagree(key, expected: "\(elsewhere), as \(key) says", found: "\(number)", &inner)
            }
            object[key] = nil
        }
        var block: RopeScaling?
        let kind = inner.string("rope_type") ?? inner.string("type")
        if let kind, kind != "default" {
            var document = JSONObject()
            document["rope_scaling"] = .object(object)
            var rest = ConfigurationReader(document, file: reader.file)
            block = RopeScaling.read(&rest)
            inner.findings.add(rest.findings.findings)
        }
        if !inner.findings.hasErrors, !isSame(block, scaling) {
            disagree(
                "rope_type",
                expected: scaling == nil ? "default, as rope_scaling is null" : "what rope_scaling says",
                found: kind ?? "no such key", &inner)
        }
        reader.findings.add(inner.findings.findings.map { $0.inside(field) })
    }

    private static func isSame(_ a: RopeScaling?, _ b: RopeScaling?) -> Bool {
        guard let a, let b else { return a == nil && b == nil }
        return a.buildsSameTable(as: b)
    }

    private static func disagree(
        _ key: String, expected: String, found: String, _ reader: inout ConfigurationReader
    ) {
        reader.report(
            .ropeScalingAmbiguous,
            "rope_parameters disagrees with the keys it stands for: engines on transformers 5 would rotate otherwise",
            field: key, expected: expected, found: found,
            remedy: "write the same in both, or remove rope_parameters")
    }
}
