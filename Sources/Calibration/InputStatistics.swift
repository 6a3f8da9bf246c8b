// What is remembered of the inputs of one matrix, or of the same matrix of every expert of a layer. Everything is a
// maximum, a count or an exact sum: the order of tokens, batches and runs changes no bit.
//
// Legend: S slots (experts of the layer, else 1), K input channels, G runs of 128 channels, B bins.

import Backends

/// Statistics of the inputs of one kind of matrix at one layer.
///
/// - Checked by: ObserverTests, VectorTests.
package struct InputStatistics: Equatable, Sendable {
    /// Channels of one group.
    package static let groupWidth = 128
    /// The smallest magnitude that float16 rounds to infinity.
    package static let halfOverflow: Float = 65520

    package let slots: Int
    package let channels: Int
    package var groups: Int { (channels + Self.groupWidth - 1) / Self.groupWidth }

    /// Rows seen, [S].
    package var tokens: [Int]
    /// Elements that float16 would make infinite, [S].
    package var halfOverflows: [Int]
    /// Elements that are infinite or no number, [S]: in no maximum and no sum.
    package var notFinite: [Int]
    /// The largest magnitude of each channel, [S, K]; empty where it is not observed.
    package var absmax: [Float]
    /// Σ x² of each channel in units of ExactSum, [S, K].
    package var squares: [Int128]
    /// The largest of the groups' largest magnitudes of a token, [S, G].
    package var groupLargest: [Float]
    /// The smallest, [S, G]; infinite before the first token.
    package var groupSmallest: [Float]
    /// Their sum in units of ExactSum, [S, G].
    package var groupSums: [Int128]
    /// Magnitudes in bins, [S, B].
    package var histogram: [Int]

    /// Statistics of no token.
    package init(slots: Int, channels: Int, observers: Set<Observer>) {
        self.slots = slots
        self.channels = channels
        let groups = (channels + Self.groupWidth - 1) / Self.groupWidth
        func wanted(_ observer: Observer, _ width: Int) -> Int {
            observers.contains(observer) ? slots * width : 0
        }
        tokens = Array(repeating: 0, count: slots)
        halfOverflows = tokens
        notFinite = tokens
        absmax = Array(repeating: 0, count: wanted(.ranges, channels))
        squares = Array(repeating: 0, count: wanted(.moments, channels))
        groupLargest = Array(repeating: 0, count: wanted(.groups, groups))
        groupSmallest = Array(repeating: .infinity, count: wanted(.groups, groups))
        groupSums = Array(repeating: 0, count: wanted(.groups, groups))
        histogram = Array(repeating: 0, count: wanted(.histograms, MagnitudeBins.count))
    }

    /// Bytes of memory that statistics of this size take.
    static func bytes(slots: Int, channels: Int, observers: Set<Observer>) -> Int {
        let groups = (channels + groupWidth - 1) / groupWidth
        var each = 24
        if observers.contains(.ranges) { each += 4 * channels }
        if observers.contains(.moments) { each += 16 * channels }
        if observers.contains(.groups) { each += 24 * groups }
        if observers.contains(.histograms) { each += 8 * MagnitudeBins.count }
        return slots * each
    }

    // MARK: Observing

    /// Takes in some inputs of a slot, [rows, K].
    package mutating func observe(_ x: Matrix, slot: Int) {
        precondition(x.columns == channels && slot < slots, "an input of another matrix")
        guard x.rows > 0 else { return }
        tokens[slot] += x.rows
        x.values.withUnsafeBufferPointer { values in
            countExtremes(values, slot)
            if !absmax.isEmpty { observeRanges(values, x.rows, slot) }
            if !squares.isEmpty { observeSquares(values, x.rows, slot) }
            if !groupSums.isEmpty { observeGroups(values, x.rows, slot) }
            if !histogram.isEmpty { observeBins(values, slot) }
        }
    }

    private mutating func countExtremes(_ values: UnsafeBufferPointer<Float>, _ slot: Int) {
        var (large, broken) = (0, 0)
        for value in values where !(abs(value) < Self.halfOverflow) {
            if !value.isFinite { broken += 1 }
            if !value.isNaN { large += 1 }
        }
        halfOverflows[slot] += large
        notFinite[slot] += broken
    }

    private mutating func observeRanges(_ values: UnsafeBufferPointer<Float>, _ rows: Int, _ slot: Int) {
        let first = slot * channels
        absmax.withUnsafeMutableBufferPointer { absmax in
            for row in 0..<rows {
                let start = row * channels
                for channel in 0..<channels {
                    let magnitude = finiteMagnitude(values[start + channel])
                    absmax[first + channel] = max(absmax[first + channel], magnitude)
                }
            }
        }
    }

    private mutating func observeSquares(_ values: UnsafeBufferPointer<Float>, _ rows: Int, _ slot: Int) {
        let first = slot * channels
        squares.withUnsafeMutableBufferPointer { squares in
            for row in 0..<rows {
                let start = row * channels
                for channel in 0..<channels {
                    // Below the limit: a square is under 2^42. Squares of floats are exact as doubles.
                    let magnitude = min(
                        finiteMagnitude(values[start + channel]), ExactSum.largestMagnitude.nextDown)
                    let square = Double(magnitude) * Double(magnitude)
                    squares[first + channel] &+= ExactSum.units(square)
                }
            }
        }
    }

    private mutating func observeGroups(_ values: UnsafeBufferPointer<Float>, _ rows: Int, _ slot: Int) {
        let groups = groups
        for row in 0..<rows {
            for group in 0..<groups {
                let start = row * channels + group * Self.groupWidth
                let end = min(start + Self.groupWidth, (row + 1) * channels)
                var largest: Float = 0
                for index in start..<end { largest = max(largest, finiteMagnitude(values[index])) }
                let place = slot * groups + group
                groupLargest[place] = max(groupLargest[place], largest)
                groupSmallest[place] = min(groupSmallest[place], largest)
                groupSums[place] &+= ExactSum.units(
                    Double(min(largest, ExactSum.largestMagnitude.nextDown)))
            }
        }
    }

    private mutating func observeBins(_ values: UnsafeBufferPointer<Float>, _ slot: Int) {
        let first = slot * MagnitudeBins.count
        histogram.withUnsafeMutableBufferPointer { histogram in
            for value in values { histogram[first + MagnitudeBins.bin(value)] += 1 }
        }
    }
}

/// A magnitude, 0 where the value is infinite or no number: those are counted and take part in nothing.
@inline(__always)
func finiteMagnitude(_ value: Float) -> Float {
    let magnitude = abs(value)
    return magnitude < .infinity ? magnitude : 0
}
