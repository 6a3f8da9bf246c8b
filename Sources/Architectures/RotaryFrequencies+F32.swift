// The frequencies as F32 arithmetic gives them. At position p an ulp of a frequency is p ulps of an angle, so
// a table that wants the authors' logits at long positions takes their roundings too.
//
// Legend: d rotary dimensions, b rope_theta, f the effective factor.

import Glibc

extension RotaryFrequencies {
    /// inv_i, i = 0 … d/2 − 1, each operation rounded to F32 as in the authors' stack.
    ///
    /// Plain: 1 / b^(2i/d). YaRN: 1/(f · b^(2i/d)) · ramp + 1/b^(2i/d) · (1 − ramp), ramp from
    /// `YaRN.correctionRange`.
    ///
    /// - Source: transformers 4.56.2 modeling_rope_utils, `_compute_yarn_parameters`.
    /// - Checked by: RotaryTests, bit for bit against recorded frequencies.
    package static func single(
        _ configuration: BailingMoeV2Configuration, generation: RopeGeneration
    ) -> [Float] {
        let d = configuration.rotaryDimensions
        let theta = configuration.ropeTheta
        let powers = (0..<d / 2).map { powf(Float(theta), Float(2 * $0) / Float(d)) }
        guard let scaling = configuration.ropeScaling else { return powers.map { 1 / $0 } }
        let factor = Float(
            YaRN.effectiveFactor(
                scaling, contextLength: configuration.contextLength, generation: generation))
        let (low, high) = YaRN.correctionRange(scaling, dimensions: d, theta: theta)
        return powers.enumerated().map { index, power in
            let ramp = min(max((Float(index) - Float(low)) / Float(high - low), 0), 1)
            let kept = 1 - ramp
            return 1 / (factor * power) * (1 - kept) + 1 / power * kept
        }
    }
}
