// Where a device rounds. Chosen apart from the backend: a backend says how to multiply, the numerics say in
// which numbers, so that one machine can show what another will answer.

/// The numbers a forward pass is done in.
///
/// - Source: inclusionAI/Ling-V2 models/modeling_bailing_moe_v2.py at af8837e, for where `bf16` rounds.
/// - Checked by: NumericsTests, GoldenTests.
package enum Numerics: String, CaseIterable, Sendable {
    /// F32 everywhere; products are summed in F32 or better.
    case f32
    /// Weights and activations are BF16, as in the authors' code on a model of that type: every operation's
    /// result is rounded once, the inside of norms, softmax, router and the sum over experts stays F32.
    case bf16

    /// The nearest number that activations and weights can hold, ties to even.
    @inline(__always)
    package func rounded(_ value: Float) -> Float {
        switch self {
        case .f32: value
        // Written out, as it stands in every loop; NaN stays what it is.
        case .bf16:
            value.isNaN
                ? value
                : Float(
                    bitPattern: (value.bitPattern &+ 0x7FFF &+ (value.bitPattern >> 16 & 1)) & 0xFFFF_0000)
        }
    }

    /// Rounds every element in place.
    package func round(_ matrix: inout Matrix) {
        guard self != .f32 else { return }
        let count = matrix.values.count
        matrix.values.withUnsafeMutableBufferPointer { buffer in
            for index in 0..<count { buffer[index] = rounded(buffer[index]) }
        }
    }
}
