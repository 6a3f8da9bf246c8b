// One scale for parts of a larger block, and the absmax it follows from: the same as encoding the whole at once.
import CKernels
import TestSupport
import Testing

@Suite struct SharedAbsmaxTests {
    private static let types = [INGOT_SOURCE_BF16, INGOT_SOURCE_F16, INGOT_SOURCE_F32]

    @Test(arguments: types, availableLevels)
    func absmaxIsTheLargestMagnitude(type: ingot_source_type, level: ingot_simd_level) {
        var generator = SeededGenerator(seed: 5)
        for count in [0, 1, 15, 16, 17, 33, 100, 4099] {
            let drawn = (0..<count).map { _ in generator.normal() * 3 }
            let source = Source(drawn, as: type)
            let found = source.bytes.withUnsafeBytes { ingot_absmax($0.baseAddress, type, count, level) }
            #expect(found == source.values.map(abs).max() ?? 0, "\(count)")
        }
        // Infinity and a NaN, between numbers, little-endian.
        let broken: [[UInt8]] =
            type == INGOT_SOURCE_BF16
            ? [[0x80, 0x7F], [0xC0, 0xFF]]
            : type == INGOT_SOURCE_F16
                ? [[0x00, 0x7C], [0x00, 0xFE]] : [[0, 0, 0x80, 0x7F], [0, 0, 0xC0, 0xFF]]
        for element in broken {
            let bytes = [UInt8](repeating: 0x3C, count: 20 * element.count) + element
            let found = bytes.withUnsafeBytes { ingot_absmax($0.baseAddress, type, 21, level) }
            #expect(!found.isFinite)
        }
    }

    @Test(arguments: types, availableLevels)
    func partsAreTheWhole(type: ingot_source_type, level: ingot_simd_level) {
        var generator = SeededGenerator(seed: 6)
        let (rows, columns) = (150, 203)
        var drawn = (0..<rows * columns).map { _ in generator.normal() }
        drawn[140 * columns + 7] = -9
        let source = Source(drawn, as: type)
        for rule in [INGOT_SCALE_F32, INGOT_SCALE_UE8M0, INGOT_SCALE_BF16]
        where rule != INGOT_SCALE_BF16 || type == INGOT_SOURCE_BF16 {
            var whole = EncodeCall(
                source: source, rows: rows, columns: columns, blockRows: rows, blockColumns: columns,
                rule: rule, level: level)
            whole.floor = 0
            var parts = EncodeCall(
                source: source, rows: rows, columns: columns, blockRows: 32, blockColumns: 64, rule: rule,
                level: level)
            parts.sharedAbsmax = source.values.map(abs).max() ?? 0
            parts.cuts = [64, 96]
            let (one, many) = (whole.run(), parts.run())
            #expect(one.result.codes == many.result.codes)
            #expect(many.scales.allSatisfy { $0 == one.scales[0] } && many.scales.count == 5 * 4)
            #expect(many.statistics.largest_signal == one.statistics.largest_signal)
            #expect(many.statistics.elements == one.statistics.elements)
            #expect(abs(many.statistics.squared_error / one.statistics.squared_error - 1) < 1e-5)
        }
    }
}
