// What quantising a tensor cost, from the sums the kernel keeps.

import CKernels
import Diagnostics
import Documents

#if canImport(Glibc)
    import Glibc
#endif

/// The error of one quantised tensor against its source.
package struct EncodeStatistics: Sendable, Equatable {
    /// Σ (code × scale − x)².
    package var squaredError = 0.0
    /// Σ x².
    package var squaredSignal = 0.0
    /// Largest |code × scale − x|.
    package var largestError = 0.0
    /// Largest |x|.
    package var largestSignal = 0.0
    package var elements = 0
    /// Elements whose quotient was above 448 before clamping.
    package var saturated = 0
    package var zeroBlocks = 0
    /// Blocks under the amax floor but not zero.
    package var flooredBlocks = 0

    package init() {}

    /// - Parameter isOneBlock: the blocks of the sums are parts of one.
    init(_ sums: ingot_encode_statistics, isOneBlock: Bool = false) {
        squaredError = sums.squared_error
        squaredSignal = sums.squared_signal
        largestError = sums.largest_error
        largestSignal = sums.largest_signal
        elements = Int(sums.elements)
        saturated = Int(sums.saturated)
        zeroBlocks = isOneBlock ? min(1, Int(sums.zero_blocks)) : Int(sums.zero_blocks)
        flooredBlocks = isOneBlock ? min(1, Int(sums.floored_blocks)) : Int(sums.floored_blocks)
    }

    /// √(Σ error² / Σ x²); 0 for an all-zero tensor.
    package var relativeRMS: Double { squaredSignal > 0 ? (squaredError / squaredSignal).squareRoot() : 0 }

    /// Signal to quantisation noise, decibels; nil where there is no error or no signal.
    package var sqnr: Double? {
        squaredSignal > 0 && squaredError > 0 ? 10 * log10(squaredSignal / squaredError) : nil
    }

    /// Sums over two disjoint sets of elements.
    package mutating func add(_ other: EncodeStatistics) {
        squaredError += other.squaredError
        squaredSignal += other.squaredSignal
        largestError = max(largestError, other.largestError)
        largestSignal = max(largestSignal, other.largestSignal)
        elements += other.elements
        saturated += other.saturated
        zeroBlocks += other.zeroBlocks
        flooredBlocks += other.flooredBlocks
    }

    // MARK: Document

    package var document: JSONValue {
        [
            "relative_rms": .real(relativeRMS), "sqnr_db": sqnr.map(JSONValue.real) ?? .null,
            "largest_error": .real(largestError), "amax": .real(largestSignal),
            "elements": .integer(elements), "saturated": .integer(saturated),
            "zero_blocks": .integer(zeroBlocks), "floored_blocks": .integer(flooredBlocks),
            "squared_error": .real(squaredError), "squared_signal": .real(squaredSignal),
        ]
    }

    package init(document: JSONValue) throws(DocumentError) {
        let reader = try StrictReader(document)
        squaredError = try reader.double("squared_error")
        squaredSignal = try reader.double("squared_signal")
        largestError = try reader.double("largest_error")
        largestSignal = try reader.double("amax")
        elements = try reader.integer("elements")
        saturated = try reader.integer("saturated")
        zeroBlocks = try reader.integer("zero_blocks")
        flooredBlocks = try reader.integer("floored_blocks")
        for derived in ["relative_rms", "sqnr_db"] { _ = try reader.required(derived) }
        try reader.finish()
    }
}
