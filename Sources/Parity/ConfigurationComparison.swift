// Whether two configs describe one function. Names, dtypes and quantisation may differ: how numbers are stored
// is for the other levels to judge.

import Architectures
import Backends
import Diagnostics

/// Compares two configs.
enum ConfigurationComparison {
    /// A finding for every number that changes the function.
    static func findings(
        _ left: BailingMoeV2Configuration, _ right: BailingMoeV2Configuration
    ) -> [Finding] {
        zip(left.functionFields, right.functionFields).filter { $0 != $1 }.map { a, b in
            let isRotary = a.key == "partial_rotary_factor"
            return Finding(
                .error, .configsDiffer, "the two configs describe different functions: \(a.effect)",
                field: a.key, expected: isRotary ? "\(a.value) rotating channels" : a.value,
                found: isRotary ? "\(b.value)" : b.value,
                remedy: "take this value of the left side's config.json, unless the change is meant")
        }
    }

    /// A finding when a recording's rotary frequencies are not those of the model.
    ///
    /// - Parameter tolerance: relative, of a frequency and of the factor: F32 rounding of a power.
    static func findings(
        frequencies recorded: (inverse: [Float], factor: Float), of configuration: BailingMoeV2Configuration,
        rope: RopeGeneration, file: String
    ) -> [Finding] {
        let own = RotaryFrequencies.single(configuration, generation: rope)
        let factor = Float(
            RotaryFrequencies(configuration: configuration, generation: rope).attentionFactor)
        return findings((own, factor), recorded, file: file)
    }

    /// Findings when two sets of rotary frequencies are not the same.
    static func findings(
        _ expected: (inverse: [Float], factor: Float), _ recorded: (inverse: [Float], factor: Float),
        file: String
    ) -> [Finding] {
        let (own, factor) = expected
        // Powers and logarithms of F32 differ in the last places between libraries.
        let slack: Float = 1e-5
        func close(_ a: Float, _ b: Float) -> Bool { abs(a - b) <= slack * max(abs(a), abs(b)) }
        var result: [Finding] = []
        if own.count != recorded.inverse.count {
            result.append(
                Finding(
                    .error, .frequenciesDiffer, "another number of channels turns with the position",
                    file: file, field: "rope.inv_freq", expected: "\(own.count) frequencies",
                    found: "\(recorded.inverse.count)",
                    remedy: "compare partial_rotary_factor and head_dim of both sides"))
        } else if let place = own.indices.first(where: { !close(own[$0], recorded.inverse[$0]) }) {
            result.append(
                Finding(
                    .error, .frequenciesDiffer, "rotary frequencies differ", file: file,
                    field: "rope.inv_freq[\(place)]", expected: "\(own[place])",
                    found: "\(recorded.inverse[place])",
                    remedy: "compare rope_theta and rope_scaling of both sides"))
        }
        if !close(factor, recorded.factor) {
            result.append(
                Finding(
                    .error, .frequenciesDiffer, "the factor on cosines and sines differs", file: file,
                    field: "rope.attention_scaling", expected: "\(factor)", found: "\(recorded.factor)",
                    remedy: "compare rope_scaling of both sides: an engine that ignores YaRN has 1"))
        }
        return result
    }
}
