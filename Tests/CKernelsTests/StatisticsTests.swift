// The statistics against the plain definition in double, and the counts by hand.
import CKernels
import TestSupport
import Testing

@Suite struct StatisticsTests {
    /// The kernel adds up to 1,024 squares in an F32 lane, whose rounding errors add up to a few 1e-6 of the sum, and
    /// squares a quotient that is itself rounded, 1e-7; 1e-4 leaves room and still shows a lost lane, row or block.
    private let tolerance = 1e-4

    @Test(arguments: availableLevels, [INGOT_SCALE_F32, INGOT_SCALE_UE8M0, INGOT_SCALE_BF16])
    func sumsInDouble(level: ingot_simd_level, rule: ingot_scale_rule) {
        var generator = SeededGenerator(seed: 41)
        let (rows, columns) = (300, 333)
        let floats = (0..<rows * columns).map { index in
            generator.normal() * (index % 1009 == 0 ? 40 : 1) * 0.02 * (index % columns > 128 ? 1e-3 : 1)
        }
        let source = Source(floats, as: INGOT_SOURCE_BF16)
        let call = EncodeCall(source: source, rows: rows, columns: columns, rule: rule, level: level)
        let outcome = call.run()
        var squaredError = 0.0
        var squaredSignal = 0.0
        var largestError = 0.0
        var largestSignal = 0.0
        for (index, code) in outcome.result.codes.enumerated() {
            let scale = outcome.scales[index / columns / 128 * call.blockGridColumns + index % columns / 128]
            let x = Double(source.values[index])
            let error = Double(ReferenceE4M3.decode(code)) * Double(scale) - x
            squaredError += error * error
            squaredSignal += x * x
            largestError = max(largestError, error.magnitude)
            largestSignal = max(largestSignal, x.magnitude)
        }
        let found = outcome.statistics
        #expect(abs(found.squared_error / squaredError - 1) < tolerance)
        #expect(abs(found.squared_signal / squaredSignal - 1) < tolerance)
        #expect(abs(found.largest_error / largestError - 1) < tolerance)
        #expect(found.largest_signal == largestSignal)
        #expect(found.elements == UInt64(rows * columns))
    }

    @Test(arguments: availableLevels)
    func countsOfBlocksAndSaturation(level: ingot_simd_level) {
        // Four blocks of one row: zero, floored, at the floor, above it.
        let floats: [Float] = [0, -0.0, 5e-5, 1e-6, 1e-4, 0, 3, -1]
        let outcome = EncodeCall(
            source: Source(f32: floats), rows: 4, columns: 2, blockRows: 1, blockColumns: 2, floor: 1e-4,
            level: level
        ).run()
        #expect(outcome.statistics.zero_blocks == 1)
        #expect(outcome.statistics.floored_blocks == 1)
        #expect(outcome.statistics.saturated == 0)
        #expect(outcome.statistics.elements == 8)

        // 452 / 448 = 1.0089 becomes 1 + 2^-7 in BF16, by which 452 is 448.5 and 450 is 446.5.
        let saturating = EncodeCall(
            source: Source([452, -452, 450, 1, 0] + [Float](repeating: 1, count: 20), as: INGOT_SOURCE_BF16),
            rows: 1,
            columns: 25, rule: INGOT_SCALE_BF16, level: level
        ).run()
        #expect(saturating.scales == [1.0078125])
        #expect(saturating.statistics.saturated == 2)
        #expect(saturating.result.codes[0..<2] == [0x7E, 0xFE])

        // The log2 form loses these ulp above 2^-20: one quotient above 448, one equal to it.
        let equal: Float = 448 * 0x1p-20
        let atTheLimit = EncodeCall(
            source: Source(f32: [equal.nextUp, equal]), rows: 1, columns: 2, rule: INGOT_SCALE_UE8M0_LOG2,
            level: level
        ).run()
        #expect(atTheLimit.scales == [0x1p-20])
        #expect(atTheLimit.statistics.saturated == 1)
    }
}
