// The sums, bins and maxima of a calibration, each against the plain definition.

import Backends
import Calibration
import Foundation
import TestSupport
import Testing

struct ObserverTests {
    /// Numbers of very different sizes, with zeros.
    static func matrix(rows: Int, columns: Int, seed: UInt64) -> Matrix {
        var generator = SeededGenerator(seed: seed)
        let values = (0..<rows * columns).map { _ -> Float in
            let unit = Float(Int64(generator.next() >> 40)) / 0x1p23 - 1
            return generator.next() % 11 == 0 ? 0 : unit * Float(exp2(Double(generator.next() % 40) - 24))
        }
        return Matrix(rows: rows, columns: columns, values: values)
    }

    static func statistics(_ parts: [Matrix], channels: Int) -> InputStatistics {
        var made = InputStatistics(slots: 2, channels: channels, observers: Set(Observer.allCases))
        for part in parts { made.observe(part, slot: 1) }
        return made
    }

    @Test func sumsAreExactToTheirUnit() throws {
        let x = Self.matrix(rows: 50, columns: 200, seed: 3)
        let made = Self.statistics([x], channels: 200)
        for channel in 0..<200 {
            let column = (0..<50).map { Double(x.values[$0 * 200 + channel]) }
            let sum = ExactSum.value(made.squares[200 + channel])
            let expected = column.reduce(0) { $0 + $1 * $1 }
            #expect(abs(sum - expected) <= 1e-13 * expected + 50 * 0x1p-60, "channel \(channel)")
            #expect(Double(made.absmax[200 + channel]) == column.map(abs).max())
        }
        #expect(made.tokens == [0, 50])
        #expect(made.histogram.reduce(0, +) == 50 * 200)
        #expect(made.squares[..<200].allSatisfy { $0 == 0 })
    }

    @Test func orderAndPiecesChangeNoBit() throws {
        let x = Self.matrix(rows: 60, columns: 130, seed: 5)
        let whole = Self.statistics([x], channels: 130)
        let pieces = [x.rows(41..<60), x.rows(0..<1), x.rows(1..<41)]
        #expect(Self.statistics(pieces, channels: 130) == whole)
    }

    @Test func groupsAreRunsOf128() throws {
        let x = Self.matrix(rows: 9, columns: 300, seed: 8)
        let made = Self.statistics([x], channels: 300)
        for group in 0..<3 {
            let tops = (0..<9).map { row in
                x.row(row).dropFirst(group * 128).prefix(128).map(abs).max() ?? 0
            }
            #expect(made.groupLargest[3 + group] == tops.max())
            #expect(made.groupSmallest[3 + group] == tops.min())
            let mean = tops.reduce(0) { $0 + Double($1) }
            #expect(abs(ExactSum.value(made.groupSums[3 + group]) - mean) <= 1e-12 * mean)
        }
    }

    @Test func everyValueLiesInItsBin() throws {
        var made = InputStatistics(slots: 1, channels: 1, observers: [.histograms])
        var values: [Float] = [0, -0.0, 1, -1, 0x1p-24, 0x1p17, 131071.99, .infinity, .nan]
        values.append(.leastNonzeroMagnitude)
        values += Self.matrix(rows: 1, columns: 1000, seed: 2).values
        for value in values {
            let before = made.histogram
            made.observe(Matrix(rows: 1, columns: 1, values: [value]), slot: 0)
            let bin = try #require(before.indices.first { before[$0] != made.histogram[$0] })
            let magnitude = Double(abs(value))
            if value.isNaN {
                #expect(bin == MagnitudeBins.count - 1)
                continue
            }
            #expect(MagnitudeBins.lowerEdge(bin) <= magnitude)
            if bin + 1 < MagnitudeBins.count { #expect(magnitude < MagnitudeBins.lowerEdge(bin + 1)) }
        }
        #expect(MagnitudeBins.lowerEdge(MagnitudeBins.count - 1) == 0x1p17)
        #expect(MagnitudeBins.lowerEdge(1) == 0x1p-24)
    }

    @Test func quantilesAreUpperEdges() {
        var counts = Array(repeating: 0, count: MagnitudeBins.count)
        counts[100] = 99
        counts[200] = 1
        #expect(MagnitudeBins.quantile(counts, 0.99) == MagnitudeBins.lowerEdge(101))
        #expect(MagnitudeBins.quantile(counts, 1) == MagnitudeBins.lowerEdge(201))
    }

    @Test func extremesAreCountedAndLeftOut() {
        let x = Matrix(rows: 1, columns: 6, values: [65519, 65520, -.infinity, .nan, 3e38, 1])
        let made = Self.statistics([x], channels: 6)
        #expect(made.halfOverflows == [0, 3])
        #expect(made.notFinite == [0, 2])
        #expect(Array(made.absmax[6...]) == [65519, 65520, 0, 0, 3e38, 1])
        #expect(ExactSum.value(made.squares[6 + 4]) <= 0x1p42)
    }

    @Test func headsAreKeptApart() {
        var cache = CacheStatistics(heads: 2)
        cache.observe(
            keys: Matrix(rows: 2, columns: 4, values: [1, -3, 2, 2, 0, 0, 0, 500]),
            values: Matrix(rows: 2, columns: 4, values: [0, 0, 0, 1, 449, -600, 1, 1]))
        #expect(cache.keys == [3, 500])
        #expect(cache.keysBeyond == [0, 1])
        #expect(cache.values == [600, 1])
        #expect(cache.valuesBeyond == [2, 0])
    }

    @Test func namesOfStatisticsAreChecked() throws {
        #expect(try Observer.list("ranges, routes") == [.ranges, .routes])
        for text in ["", "range", "ranges,,nothing"] {
            #expect(throws: (any Error).self) { try Observer.list(text) }
        }
    }
}
