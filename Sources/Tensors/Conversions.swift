// Exact conversions between F32 and the narrow formats, one element at a time: the readable form. Bulk work
// is in CKernels, which is tested against tables made from these.

/// BF16: the upper half of an F32.
package enum BF16 {
    package static func decode(_ bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

    /// Round to nearest, ties to even; NaN stays NaN (quiet).
    ///
    /// - Source: as torch's `float` to `bfloat16` cast.
    package static func encode(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        if value.isNaN { return UInt16(truncatingIfNeeded: bits >> 16) | 0x0040 }
        let rounded = bits &+ 0x7FFF &+ (bits >> 16 & 1)
        return UInt16(truncatingIfNeeded: rounded >> 16)
    }
}

/// IEEE half precision.
package enum F16 {
    package static func decode(_ bits: UInt16) -> Float {
        let sign = UInt32(bits & 0x8000) << 16
        let exponent = UInt32(bits >> 10 & 0x1F)
        let mantissa = UInt32(bits & 0x3FF)
        switch (exponent, mantissa) {
        case (0, 0): return Float(bitPattern: sign)
        case (0, _):
            let magnitude = Float(mantissa) * 0x1p-24
            return Float(bitPattern: sign | magnitude.bitPattern)
        case (0x1F, _): return Float(bitPattern: sign | 0x7F80_0000 | mantissa << 13)
        default: return Float(bitPattern: sign | (exponent + 112) << 23 | mantissa << 13)
        }
    }

    /// Round to nearest, ties to even; beyond 65,519.99 to infinity; NaN stays NaN.
    package static func encode(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        let sign = UInt16(truncatingIfNeeded: bits >> 16 & 0x8000)
        let magnitude = bits & 0x7FFF_FFFF
        if magnitude > 0x7F80_0000 { return sign | 0x7E00 }
        if magnitude >= 0x477F_F000 { return sign | 0x7C00 }
        if magnitude < 0x3880_0000 {
            // Subnormal: adding 0.5 leaves the rounded multiple of 2^-24 in the low mantissa bits.
            let sum = Float(bitPattern: magnitude) + 0.5
            return sign | UInt16(truncatingIfNeeded: sum.bitPattern &- Float(0.5).bitPattern)
        }
        let rounded = magnitude &+ 0xFFF &+ (magnitude >> 13 & 1)
        return sign | UInt16(truncatingIfNeeded: (rounded &- 0x3800_0000) >> 13)
    }
}

/// FP8 with 4 exponent and 3 mantissa bits, no infinities (E4M3FN): bias 7, largest 448, NaN 0x7F and 0xFF.
///
/// - Source: OCP 8-bit floating point specification 1.0; torch `float8_e4m3fn`.
package enum E4M3 {
    package static let largest: Float = 448

    package static func decode(_ code: UInt8) -> Float {
        let exponent = Int(code >> 3 & 0xF)
        let mantissa = Float(code & 7)
        let sign: Float = code & 0x80 == 0 ? 1 : -1
        if code & 0x7F == 0x7F { return .nan }
        if exponent == 0 { return sign * mantissa * 0x1p-9 }
        return sign * (1 + mantissa / 8) * Float(sign: .plus, exponent: exponent - 7, significand: 1)
    }

    /// Saturating round to nearest, ties to even code; the sign of zero is kept; NaN gives 0x7F or 0xFF.
    ///
    /// - Source: torch 2.13 CPU cast, checked on all BF16 values and all ties.
    package static func encode(_ value: Float) -> UInt8 {
        let sign: UInt8 = value.sign == .minus ? 0x80 : 0
        if value.isNaN { return sign | 0x7F }
        let magnitude = min(abs(value), largest)
        // Adding 2^(E+20) leaves the mantissa rounded at the place of the result, normal or subnormal.
        let exponent = magnitude < 0x1p-6 ? -6 : Int(magnitude.exponent)
        let magic = Float(sign: .plus, exponent: exponent + 20, significand: 1)
        let steps = (magnitude + magic).bitPattern &- magic.bitPattern
        return sign | UInt8(truncatingIfNeeded: UInt32((exponent + 6) * 8) + steps)
    }
}

/// FP8 with 5 exponent and 2 mantissa bits: bias 15, largest 57,344, infinities and NaN as IEEE.
package enum E5M2 {
    package static func decode(_ code: UInt8) -> Float { F16.decode(UInt16(code) << 8) }
}

/// A power of two in one byte: 2^(code − 127); 0xFF is NaN.
///
/// There is no zero and no sign.
///
/// - Source: OCP microscaling formats specification 1.0.
package enum E8M0 {
    package static func decode(_ code: UInt8) -> Float {
        if code == 0xFF { return .nan }
        return code == 0 ? 0x1p-127 : Float(bitPattern: UInt32(code) << 23)
    }
}

/// Two's complement four-bit integers, two in a byte, the low half first.
package enum I4 {
    package static func decode(_ byte: UInt8) -> (low: Int8, high: Int8) {
        (Int8(bitPattern: byte << 4) >> 4, Int8(bitPattern: byte) >> 4)
    }
}
