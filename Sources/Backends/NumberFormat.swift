// The three formats that activations come in, and how an F32 number is rounded to one of them. Written out bit
// by bit, as these functions stand in every loop of a pass.

/// A format of activations and weights; the numbers themselves are F32 that the format can hold.
///
/// - Checked by: RoundingTests, against the conversions of Tensors.
package enum NumberFormat: String, CaseIterable, Sendable {
    case f32
    case bf16
    case f16

    /// The largest finite number.
    package var largest: Float {
        switch self {
        case .f32: .greatestFiniteMagnitude
        case .bf16: 0x1.FEp127
        case .f16: 65_504
        }
    }

    /// The nearest number of the format, ties to even; beyond the largest infinity; NaN stays what it is.
    @inline(__always)
    package func rounded(_ value: Float) -> Float {
        switch self {
        case .f32: value
        case .bf16: Self.bf16(value)
        case .f16: Self.f16(value)
        }
    }

    /// Rounds numbers in place.
    package func round(_ values: UnsafeMutablePointer<Float>, count: Int) {
        // One loop for each format, so that each is a loop without a branch.
        switch self {
        case .f32: break
        case .bf16: for index in 0..<count { values[index] = Self.bf16(values[index]) }
        case .f16: for index in 0..<count { values[index] = Self.f16(values[index]) }
        }
    }

    /// Rounds every element in place.
    package func round(_ matrix: inout Matrix) {
        guard self != .f32 else { return }
        matrix.values.withUnsafeMutableBufferPointer { buffer in
            if let base = buffer.baseAddress { round(base, count: buffer.count) }
        }
    }

    @inline(__always)
    private static func bf16(_ value: Float) -> Float {
        let bits = value.bitPattern
        let rounded = (bits &+ 0x7FFF &+ (bits >> 16 & 1)) & 0xFFFF_0000
        return Float(bitPattern: value.isNaN ? bits : rounded)
    }

    @inline(__always)
    private static func f16(_ value: Float) -> Float {
        let magnitude = value.bitPattern & 0x7FFF_FFFF
        let normal = (magnitude &+ 0xFFF &+ (magnitude >> 13 & 1)) & 0xFFFF_E000
        // Below 2⁻¹⁴ the step is 2⁻²⁴, that of the F32 numbers from 0.5 on.
        let subnormal = (Float(bitPattern: magnitude) + 0.5 - 0.5).bitPattern
        let finite = magnitude < 0x3880_0000 ? subnormal : normal
        // From 65,520 on, halfway between the largest number and the next, the result is infinity.
        let wide: UInt32 = magnitude > 0x7F80_0000 ? magnitude : 0x7F80_0000
        return Float(
            bitPattern: value.bitPattern & 0x8000_0000 | (magnitude >= 0x477F_F000 ? wide : finite))
    }
}
