// E4M3FN by its definition: the values of all codes, and rounding by search among them. Slow, and independent of the
// kernels.
import CKernels

enum ReferenceE4M3 {
    /// Values of the codes 0x00 ...
    ///
    /// 0x7E, ascending.
    static let values: [Double] = (0..<127).map { code in
        let exponent = code >> 3
        let mantissa = Double(code & 7)
        return exponent == 0 ? mantissa * 0x1p-9 : (1 + mantissa / 8) * power(exponent - 7)
    }

    private static func power(_ exponent: Int) -> Double {
        Double(sign: .plus, exponent: exponent, significand: 1)
    }

    /// Nearest code, ties to the even code, saturating, with the sign of the argument.
    static func code(_ value: Float) -> UInt8 {
        let sign: UInt8 = value.sign == .minus ? 0x80 : 0
        let magnitude = Double(value.magnitude)
        guard magnitude < 448 else { return sign | 0x7E }
        var low = 0
        var high = 126  // values[low] <= magnitude < values[high]
        while high - low > 1 {
            let middle = (low + high) / 2
            if values[middle] <= magnitude { low = middle } else { high = middle }
        }
        let below = magnitude - values[low]
        let above = values[high] - magnitude
        let nearest = below < above || (below == above && low % 2 == 0) ? low : high
        return sign | UInt8(nearest)
    }

    /// Value of a code; NaN for 0x7F and 0xFF.
    static func decode(_ code: UInt8) -> Float {
        guard code & 0x7F != 0x7F else { return .nan }
        let magnitude = Float(values[Int(code & 0x7F)])
        return code & 0x80 == 0 ? magnitude : -magnitude
    }

    /// The F32 rounded to BF16, nearest even, as its 16 bits; NaN not expected.
    static func bf16(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        return UInt16(truncatingIfNeeded: (UInt64(bits) + 0x7FFF + UInt64(bits >> 16 & 1)) >> 16)
    }
}

/// A source matrix in bytes, with its meaning as F32.
struct Source {
    var type: ingot_source_type
    var bytes: [UInt8]
    var values: [Float]

    init(bf16 bits: [UInt16]) {
        type = INGOT_SOURCE_BF16
        bytes = bits.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
        values = bits.map { Float(bitPattern: UInt32($0) << 16) }
    }

    init(f16 bits: [UInt16]) {
        type = INGOT_SOURCE_F16
        bytes = bits.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
        values = bits.map(Self.widen)
    }

    init(f32 floats: [Float]) {
        type = INGOT_SOURCE_F32
        bytes = floats.flatMap { value in
            (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> ($0 * 8)) }
        }
        values = floats
    }

    /// The values rounded towards zero to the type; out of the range of F16 becomes its largest.
    init(_ floats: [Float], as type: ingot_source_type) {
        switch type {
        case INGOT_SOURCE_BF16: self.init(bf16: floats.map { UInt16($0.bitPattern >> 16) })
        case INGOT_SOURCE_F16: self.init(f16: floats.map(Self.narrow))
        default: self.init(f32: floats)
        }
    }

    /// F16 is not a type of Swift on every platform: by the definition of the format.
    static func widen(_ bits: UInt16) -> Float {
        let exponent = Int(bits >> 10 & 31)
        let mantissa = Float(bits & 1023)
        let magnitude: Float =
            exponent == 31
            ? (mantissa == 0 ? .infinity : .nan)
            : exponent == 0
                ? mantissa * 0x1p-24
                : (1 + mantissa / 1024) * Float(sign: .plus, exponent: exponent - 15, significand: 1)
        return bits & 0x8000 == 0 ? magnitude : -magnitude
    }

    private static func narrow(_ value: Float) -> UInt16 {
        let sign: UInt16 = value.sign == .minus ? 0x8000 : 0
        let magnitude = value.magnitude
        if magnitude >= 65504 { return sign | 0x7BFF }
        if magnitude < 0x1p-14 { return sign | UInt16(magnitude * 0x1p24) }
        let exponent = Int(magnitude.exponent)
        return sign | UInt16(exponent + 15) << 10 | UInt16(magnitude.significandBitPattern >> 13)
    }
}
