// The one source of randomness in tests: SplitMix64, so that a seed gives the same numbers on every machine.

/// Random numbers that repeat: the same seed gives the same sequence everywhere.
///
/// SplitMix64: a counter with a fixed odd step, mixed by two multiplications. Good enough for test data and nothing else.
///
/// - Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
package struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    /// A generator at the start of its sequence.
    package init(seed: UInt64) {
        state = seed
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number of roughly normal distribution, mean 0 and variance 1: twelve uniform ones added up, so within ±6.
    package mutating func normal() -> Float {
        var sum: Float = -6
        for _ in 0..<12 {
            sum += Float(next() >> 40) * 0x1p-24
        }
        return sum
    }
}
