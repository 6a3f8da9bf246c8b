// Bins for magnitudes: eight to an octave, cut straight from the bits of a float. The edges are fixed, so that two
// histograms add up to the histogram of both.

/// The bins of every magnitude histogram of a calibration.
///
/// Bin 0 holds what is below 2^−24, zero included; bins 1 … 328 hold [2^e·(1 + m/8), 2^e·(1 + (m+1)/8)) for e from
/// −24 to 16; bin 329 holds 2^17 and more, infinities and NaN.
///
/// - Checked by: ObserverTests.
package enum MagnitudeBins {
    /// The exponent of the lowest edge.
    package static let lowestExponent = -24
    /// The exponent of the highest edge.
    package static let highestExponent = 17
    /// Bins of one octave.
    package static let perOctave = 8
    /// All bins, the open ones included.
    package static let count = (highestExponent - lowestExponent) * perOctave + 2

    /// The bin of a value, whatever its sign.
    static func bin(_ value: Float) -> Int {
        // Exponent and three bits of the fraction: consecutive numbers for consecutive bins.
        let place = Int((value.bitPattern & 0x7FFF_FFFF) >> 20) - (127 + lowestExponent) << 3
        return max(-1, min(count - 2, place)) + 1
    }

    /// The lower edge of a bin; of bin 0 it is 0.
    package static func lowerEdge(_ bin: Int) -> Double {
        guard bin > 0 else { return 0 }
        let (octave, step) = (bin - 1).quotientAndRemainder(dividingBy: perOctave)
        let fraction = 1 + Double(step) / Double(perOctave)
        return Double(sign: .plus, exponent: lowestExponent + octave, significand: fraction)
    }

    /// The magnitude that a share of all counted values does not exceed: the upper edge of its bin.
    ///
    /// At most an eighth too large; infinite when it lies beyond the last edge, 0 of an empty histogram.
    ///
    /// - Parameter share: 0 … 1, such as 0.999.
    package static func quantile(_ counts: [Int], _ share: Double) -> Double {
        let total = counts.reduce(0, +)
        let wanted = Double(total) * share
        var seen = 0
        for (bin, count) in counts.enumerated() where count > 0 {
            seen += count
            if Double(seen) >= wanted { return bin + 1 < Self.count ? lowerEdge(bin + 1) : .infinity }
        }
        return 0
    }
}
