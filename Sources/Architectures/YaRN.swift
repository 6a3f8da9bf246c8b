// Rotary frequencies, plain and stretched by YaRN, and which factor each engine generation really uses.
//
// Legend: d rotary dimensions, b rope_theta, L original context length, f the effective factor.

import Diagnostics
import Glibc

/// The rotary table of a model under one engine generation's reading of its config.
///
/// - Source: YaRN, arXiv 2309.00071, as written in transformers modeling_rope_utils.
/// - Checked by: YaRNTests, against values worked out by hand for Ling-flash-2.0.
package struct RotaryFrequencies: Equatable, Sendable {
    /// inv_i for i = 0 … d/2 − 1, radians for one token.
    package let inverse: [Double]
    /// The factor on cos and sin; 1 without YaRN.
    package let attentionFactor: Double

    /// Frequencies for a config and an effective factor.
    ///
    /// inv_i = b^(−2i/d) · (ramp_i/f + 1 − ramp_i), ramp from `YaRN.correctionRange`; a nil block is plain.
    package init(configuration: BailingMoeV2Configuration, generation: RopeGeneration) {
        self.init(
            dimensions: configuration.rotaryDimensions, theta: configuration.ropeTheta,
            scaling: configuration.ropeScaling, contextLength: configuration.contextLength,
            generation: generation)
    }

    /// Frequencies for the numbers themselves.
    package init(
        dimensions: Int, theta: Double, scaling: RopeScaling?, contextLength: Int, generation: RopeGeneration
    ) {
        let plain = (0..<dimensions / 2).map { pow(theta, -2 * Double($0) / Double(dimensions)) }
        guard let scaling else {
            inverse = plain
            attentionFactor = 1
            return
        }
        let factor = YaRN.effectiveFactor(scaling, contextLength: contextLength, generation: generation)
        let (low, high) = YaRN.correctionRange(scaling, dimensions: dimensions, theta: theta)
        inverse = plain.enumerated().map { index, frequency in
            let ramp = min(max((Double(index) - low) / (high - low), 0), 1)
            return frequency * (ramp / factor + 1 - ramp)
        }
        attentionFactor = YaRN.attentionFactor(scaling, factor: factor)
    }
}

/// The ways in which engines choose f.
///
/// - Source: three stored copies of transformers modeling_rope_utils, of which that of 4.56.2 was run; which release
///   carries the others is the project's recollection.
package enum RopeGeneration: String, CaseIterable, Sendable {
    /// Releases of transformers between 4.47 and 4.55: the written factor is ignored for
    /// max_position_embeddings / original.
    case lengthRatio = "length-ratio"
    /// transformers from 4.56.2, vLLM, SGLang, llama.cpp: the written factor is used.
    case writtenFactor = "written-factor"

    /// The engines of this generation, for messages.
    package var engines: String {
        switch self {
        case .lengthRatio: "releases of transformers between 4.47 and 4.55"
        case .writtenFactor: "transformers from 4.56.2, vLLM, SGLang and llama.cpp"
        }
    }
}

/// The pieces of the YaRN formula.
package enum YaRN {
    /// Rotations above which a channel is left alone, when the block does not say.
    ///
    /// Source: arXiv 2309.00071.
    package static let defaultBetaFast = 32.0
    /// Rotations below which a channel is fully stretched, when the block does not say.
    package static let defaultBetaSlow = 1.0
    /// The largest attention factor that makes sense; that of the largest factor is below 4.
    static let attentionFactorLimit = 100.0
    /// The weight of ln f in the attention factor.
    ///
    /// Source: arXiv 2309.00071, equation 22.
    package static let attentionSlope = 0.1

    /// The factor a generation uses.
    package static func effectiveFactor(
        _ scaling: RopeScaling, contextLength: Int, generation: RopeGeneration
    ) -> Double {
        switch generation {
        case .lengthRatio: Double(contextLength) / Double(scaling.originalContextLength)
        case .writtenFactor: scaling.factor
        }
    }

    /// The channels between which the ramp rises, whole numbers clamped to [0, d − 1].
    ///
    /// corr(r) = d · ln(L / 2πr) / (2 · ln b); low = ⌊corr(β_fast)⌋, high = ⌈corr(β_slow)⌉. Equal ends are
    /// set 0.001 apart, as upstream does, so that the ramp is defined.
    package static func correctionRange(
        _ scaling: RopeScaling, dimensions: Int, theta: Double
    ) -> (low: Double, high: Double) {
        func correction(_ rotations: Double) -> Double {
            Double(dimensions) * log(Double(scaling.originalContextLength) / (rotations * 2 * .pi))
                / (2 * log(theta))
        }
        let low = max(correction(scaling.betaFast ?? defaultBetaFast).rounded(.down), 0)
        let high = min(correction(scaling.betaSlow ?? defaultBetaSlow).rounded(.up), Double(dimensions - 1))
        return (low, low == high ? high + 0.001 : high)
    }

    /// The factor on cos and sin: as given, or from two constants, or 0.1 · ln f + 1.
    package static func attentionFactor(_ scaling: RopeScaling, factor: Double) -> Double {
        if let given = scaling.attentionFactor { return given }
        func scale(_ weight: Double) -> Double {
            factor <= 1 ? 1 : attentionSlope * weight * log(factor) + 1
        }
        if let above = scaling.mscale, let below = scaling.mscaleAllDimensions, above != 0, below != 0 {
            return scale(above) / scale(below)
        }
        return scale(1)
    }

    /// A warning when generations would build different tables from the same block.
    static func disagreement(_ scaling: RopeScaling, contextLength: Int, file: String) -> Finding? {
        let ratio = effectiveFactor(scaling, contextLength: contextLength, generation: .lengthRatio)
        guard ratio != scaling.factor else { return nil }
        let stretched = Int((Double(scaling.originalContextLength) * scaling.factor).rounded())
        let effect = ratio <= 1 ? "there YaRN does nothing" : "there the factor is \(ratio)"
        return Finding(
            .warning, .ropeScalingAmbiguous,
            "engines stretch positions differently: \(RopeGeneration.lengthRatio.engines) ignore the factor, \(effect)",
            file: file, field: "max_position_embeddings",
            expected: "\(stretched), so that it is factor × original_max_position_embeddings",
            found: "\(contextLength), which is \(ratio) × \(scaling.originalContextLength)",
            remedy: "set max_position_embeddings to \(stretched)")
    }
}
