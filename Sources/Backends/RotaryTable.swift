// Cosines and sines for the positions of a pass.
//
// Legend: R rotating channels of a head.

import Glibc

/// cos and sin of position × frequency, times the attention factor.
///
/// The angle is an F32 product, as in the authors' code: at position 30,000 its rounding is visible in the
/// logits, and a table from exact angles would be another model.
///
/// - Source: BailingMoeV2RotaryEmbedding in inclusionAI/Ling-V2 at af8837e.
/// - Checked by: RotaryTests.
package struct RotaryTable: Sendable {
    /// R/2.
    package let pairs: Int
    /// inv_i, radians for one position, R/2 of them.
    private let inverse: [Float]
    private let factor: Float
    private let format: NumberFormat

    /// - Parameters:
    ///   - inverse: R/2 frequencies.
    ///   - factor: on cos and sin; 1 without YaRN.
    package init(inverse: [Float], factor: Float, numerics: Numerics) {
        pairs = inverse.count
        self.inverse = inverse
        self.factor = factor
        format = numerics.format
    }

    /// Writes cos and sin of one position, R/2 each, rounded.
    func fill(
        position: Int, cosines: UnsafeMutablePointer<Float>, sines: UnsafeMutablePointer<Float>
    ) {
        for pair in 0..<pairs {
            let angle = Double(Float(position) * inverse[pair])
            cosines[pair] = format.rounded(Float(cos(angle)) * factor)
            sines[pair] = format.rounded(Float(sin(angle)) * factor)
        }
    }
}
