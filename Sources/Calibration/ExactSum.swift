// Sums that do not depend on the order of their terms: each term is cut to a multiple of 2^−60 and added as an
// integer of 128 bits. Floating sums would differ with batch size and with the place where a run was cut in two.

/// Sums as integers, in units of 2^−60.
///
/// A term keeps all bits that are worth 2^−60 or more. Terms below 2^42 and 2^25 of them stay inside the integer.
///
/// - Checked by: ObserverTests.
package enum ExactSum {
    /// The exponent of the unit.
    package static let fractionBits = 60
    /// Magnitudes that squares are taken of stop here: 2^21.
    static let largestMagnitude: Float = 0x1p21
    /// Terms that a sum can take.
    package static let termLimit = 1 << 25

    /// A term, not negative and below 2^42, in units; digits below a unit are cut off.
    @inline(__always)
    static func units(_ term: Double) -> Int128 {
        let scaled = term * 0x1p60
        if scaled < 0x1p62 { return Int128(Int64(scaled)) }
        // Both parts are exact: the high one is a whole multiple of 2^40 units.
        let high = Int64(scaled * 0x1p-40)
        let low = Int64(scaled - Double(high) * 0x1p40)
        return Int128(high) << 40 + Int128(low)
    }

    /// The nearest double to a sum.
    package static func value(_ sum: Int128) -> Double { Double(sum) * 0x1p-60 }
}
