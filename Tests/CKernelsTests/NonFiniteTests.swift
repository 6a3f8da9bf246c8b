// What must be found: NaN and infinity on the way in, NaN codes, and bytes that are not zero.
import CKernels
import TestSupport
import Testing

@Suite struct NonFiniteTests {
    private static let types = [INGOT_SOURCE_BF16, INGOT_SOURCE_F16, INGOT_SOURCE_F32]

    @Test(arguments: availableLevels, types)
    func encoderNamesTheFirstInRowMajorOrder(level: ingot_simd_level, type: ingot_source_type) {
        var generator = SeededGenerator(seed: 7)
        let (rows, columns) = (70, 90)
        let clean = (0..<rows * columns).map { _ in generator.normal() }
        for offender: Float in [.nan, .infinity, -.infinity] {
            for _ in 0..<20 {
                let places = (0..<3).map { _ in Int.random(in: 0..<rows * columns, using: &generator) }
                var call = EncodeCall(
                    source: source(clean, offender, at: places, as: type), rows: rows, columns: columns,
                    blockRows: 32,
                    blockColumns: 16, level: level)
                call.padding = 1
                let result = call.run().result
                let first = places.min()!
                #expect(result.status == INGOT_NON_FINITE)
                #expect(result.position == [first / columns, first % columns])
            }
        }
    }

    private func source(_ clean: [Float], _ offender: Float, at places: [Int], as type: ingot_source_type)
        -> Source
    {
        if type == INGOT_SOURCE_F16 {
            var source = Source(clean, as: type)
            for place in places {  // infinity, or a NaN with one low bit
                source.bytes[2 * place] = offender.isNaN ? 1 : 0
                source.bytes[2 * place + 1] = offender.sign == .minus ? 0xFC : 0x7C
            }
            return source
        }
        var floats = clean
        for place in places { floats[place] = offender }
        return Source(floats, as: type)
    }

    @Test(arguments: availableLevels, types)
    func everyPlaceOfABufferIsScanned(level: ingot_simd_level, type: ingot_source_type) {
        let count = 300
        let largest: Float = type == INGOT_SOURCE_F16 ? 65504 : .greatestFiniteMagnitude
        let clean = (0..<count).map { $0 % 2 == 0 ? largest : -largest }
        for (offset, offender) in [(0, Float.nan), (1, .infinity), (3, -.infinity)] {
            for place in 0...count {
                let places = place == count ? [] : [place, count - 1]
                let bytes =
                    [UInt8](repeating: 0xFF, count: offset)
                    + source(clean, offender, at: places, as: type).bytes
                let found = bytes.withUnsafeBytes {
                    ingot_first_non_finite($0.baseAddress! + offset, type, count, level)
                }
                #expect(Int(found) == place)
            }
        }
        #expect(ingot_first_non_finite([UInt8](), type, 0, level) == 0)
    }

    @Test(arguments: availableLevels)
    func nanCodesAndBytesThatAreNotZero(level: ingot_simd_level) {
        let count = 600
        let clean = (0..<count).map { UInt8($0 % 127) | ($0 % 3 == 0 ? 0x80 : 0) }
        #expect(Int(ingot_first_nan_code(clean, count, level)) == count)
        let zeros = [UInt8](repeating: 0, count: count)
        #expect(ingot_all_zero(zeros, count, level) == 1)
        #expect(ingot_all_zero(zeros, 0, level) == 1)
        for place in 0..<count {
            for code: UInt8 in [0x7F, 0xFF] {
                var codes = clean
                codes[place] = code
                codes[count - 1] = 0x7F
                #expect(Int(ingot_first_nan_code(codes, count, level)) == place)
            }
            var one = zeros
            one[place] = 1 << UInt8(place % 8)
            #expect(ingot_all_zero(one, count, level) == 0)
        }
    }

    @Test func argumentsThatMakeNoSenseAreRefused() {
        let source = Source(f32: [1, 2, 3, 4])
        var call = EncodeCall(source: source, rows: 2, columns: 2)
        call.rule = INGOT_SCALE_BF16
        #expect(call.run().result.status == INGOT_BAD_ARGUMENT)
        for floor: Float in [-1, .nan, .infinity] {
            #expect(
                EncodeCall(source: source, rows: 2, columns: 2, floor: floor).run().result.status
                    == INGOT_BAD_ARGUMENT)
        }
    }
}
