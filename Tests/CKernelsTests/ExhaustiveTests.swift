// Every input where the domain is small, against rounding by search.
import CKernels
import Testing

@Suite struct ExhaustiveTests {
    /// Puts an element of known magnitude in front of each row, so that a per-row block has that absmax.
    private func checkAgainstTable(
        _ bits: [UInt16], widen: ([UInt16]) -> Source, largest: UInt16, level: ingot_simd_level
    ) {
        // Rows of 255 values below the leading one; the lead decides the scale.
        let lead = widen([largest]).values[0]
        let finite = bits.filter { widen([$0]).values[0].magnitude <= lead }
        let width = 256
        let rows = (finite.count + width - 2) / (width - 1)
        var elements: [UInt16] = []
        for row in 0..<rows {
            elements.append(largest)
            for column in 0..<width - 1 {
                let index = row * (width - 1) + column
                elements.append(index < finite.count ? finite[index] : 0)
            }
        }
        let source = widen(elements)
        let outcome = EncodeCall(
            source: source, rows: rows, columns: width, blockRows: 1, blockColumns: width, level: level
        ).run()
        let scale = lead / 448
        #expect(outcome.result.status == INGOT_OK)
        #expect(outcome.scales.allSatisfy { $0 == scale })
        let expected = source.values.map { ReferenceE4M3.code($0 / scale) }
        #expect(firstDifference(outcome.result.codes, expected) == nil, "scale \(scale)")
    }

    // 448 (scale 1), 7 x 64, 2^-8 x 448, an odd mantissa, the largest BF16, one just above a power of two.
    @Test(
        arguments: availableLevels,
        [0x43E0, 0x3FE0, 0x4200, 0x3F93, 0x7F7F, 0x4281, 0x3D01, 0x0CAB] as [UInt16])
    func bf16(level: ingot_simd_level, largest: UInt16) {
        checkAgainstTable(
            (0...UInt16.max).map { $0 }, widen: Source.init(bf16:), largest: largest, level: level)
    }

    // 448, the largest F16, 1, an odd mantissa, a subnormal.
    @Test(arguments: availableLevels, [0x5F00, 0x7BFF, 0x3C00, 0x3A57, 0x0123] as [UInt16])
    func f16(level: ingot_simd_level, largest: UInt16) {
        checkAgainstTable(
            (0...UInt16.max).map { $0 }, widen: Source.init(f16:), largest: largest, level: level)
    }

    @Test(arguments: availableLevels)
    func everyTieOfF32AndBothNeighbours(level: ingot_simd_level) {
        var floats: [Float] = [448]
        for code in 0..<126 {
            let tie = Float((ReferenceE4M3.values[code] + ReferenceE4M3.values[code + 1]) / 2)
            let exact = Float(ReferenceE4M3.values[code])
            for value in [tie.nextDown, tie, tie.nextUp, exact.nextDown, exact, exact.nextUp] {
                floats += [value, -value]
            }
        }
        let outcome = EncodeCall(
            source: Source(f32: floats), rows: 1, columns: floats.count, blockRows: 1,
            blockColumns: floats.count,
            level: level
        ).run()
        #expect(outcome.scales == [1])
        #expect(firstDifference(outcome.result.codes, floats.map(ReferenceE4M3.code)) == nil)
    }

    // The last NaN has all bits set, which rounding to BF16 would carry out of.
    @Test(
        arguments: availableLevels,
        [1, 0.0123, -0.0, 0x1p-130, 3e38, .infinity, .nan, Float(bitPattern: 0x7FFF_FFFF)])
    func everyCodeDecoded(level: ingot_simd_level, scale: Float) {
        let codes = (0...UInt8.max).map { $0 }
        var floats = [Float](repeating: 0, count: 256)
        var halves = [UInt16](repeating: 0, count: 256)
        var scale = scale
        func decode(_ target: UnsafeMutableRawPointer, _ type: ingot_target_type) -> ingot_status {
            codes.withUnsafeBufferPointer { codes in
                withUnsafePointer(to: &scale) { scale in
                    var job = ingot_decode_job(
                        codes: codes.baseAddress, rows: 1, columns: 256, codes_stride: 256, block_rows: 1,
                        block_columns: 256, scales: scale, scales_stride: 1, target: target, type: type,
                        target_stride: 256)
                    return ingot_decode(&job, level)
                }
            }
        }
        #expect(decode(&floats, INGOT_TARGET_F32) == INGOT_OK)
        #expect(decode(&halves, INGOT_TARGET_BF16) == INGOT_OK)
        for code in codes {
            let expected = ReferenceE4M3.decode(code) * scale
            let float = floats[Int(code)]
            let half = halves[Int(code)]
            if expected.isNaN {
                #expect(float.isNaN && half & 0x7FFF > 0x7F80, "code \(code)")
            } else {
                #expect(float.bitPattern == expected.bitPattern, "code \(code)")
                #expect(half == ReferenceE4M3.bf16(expected), "code \(code)")
            }
        }
    }

    @Test func powersOfTwoByExponentBits() {
        for exponent in UInt32(1)...245 {  // scales up to the largest finite absmax / 448
            for mantissa: UInt32 in [0, 1, 0x7FFFFF] {
                let scale = Float(bitPattern: exponent << 23 | mantissa)
                let up = Float(bitPattern: (exponent + (mantissa == 0 ? 0 : 1)) << 23)
                #expect(rounded(scale, INGOT_SCALE_UE8M0) == up, "\(exponent) \(mantissa)")
            }
        }
    }
}

/// The scale of a rule where F32 would take this one: finds an absmax whose 448th part it is.
///
/// Nil where there is none,
/// so that the scale does not occur.
func rounded(_ scale: Float, _ rule: ingot_scale_rule) -> Float? {
    let near = scale * 448
    for amax in [near, near.nextUp, near.nextDown] where amax.isFinite && amax / 448 == scale {
        return ingot_block_scale(rule, amax, 0, 1)
    }
    return nil
}
