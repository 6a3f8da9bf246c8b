// Scales: against torch's way through log2, and at the edges of the rules.
import CKernels
import Testing

@Suite struct ScaleRuleTests {
    @Test func log2FormNearEveryPowerOfTwo() throws {
        let file = try SafetensorsFixture("log2-scales")
        let largestLost = file.integers("largest_lost")
        #expect(largestLost.count == 254)
        var checked = 0
        for (index, lost) in largestLost.enumerated() where index < 245 {
            let exponent = UInt32(index + 1)
            for ulp in UInt32(0)...64 {
                let scale = Float(bitPattern: exponent << 23 | ulp)
                guard let found = rounded(scale, INGOT_SCALE_UE8M0_LOG2) else { continue }
                let expected = Float(bitPattern: (exponent + (Int(ulp) <= lost ? 0 : 1)) << 23)
                #expect(found == expected, "2^\(Int(exponent) - 127) + \(ulp) ulp")
                checked += 1
            }
        }
        #expect(checked > 15_000)
    }

    @Test func log2FormOfRandomScales() throws {
        let file = try SafetensorsFixture("log2-scales")
        let scales = file.floats("random.scales")
        let expected = file.floats("random.rounded")
        var checked = 0
        for (scale, expected) in zip(scales, expected) {
            guard let found = rounded(scale, INGOT_SCALE_UE8M0_LOG2) else { continue }
            #expect(found == expected, "\(scale)")
            checked += 1
        }
        #expect(checked > 3_000)
    }

    @Test func formsDifferOneUlpAboveAPowerOfTwo() {
        let scale = (0x1p-20 as Float).nextUp
        #expect(rounded(scale, INGOT_SCALE_UE8M0) == 0x1p-19)
        #expect(rounded(scale, INGOT_SCALE_UE8M0_LOG2) == 0x1p-20)
        #expect(rounded(scale, INGOT_SCALE_F32) == scale)
    }

    @Test(arguments: [INGOT_SCALE_F32, INGOT_SCALE_UE8M0, INGOT_SCALE_UE8M0_LOG2])
    func aScaleThatWouldBeSubnormalIsTheZeroScale(rule: ingot_scale_rule) {
        #expect(ingot_block_scale(rule, 0, 0, 0.5) == 0.5)
        #expect(ingot_block_scale(rule, (448 * 0x1p-126 as Float).nextDown, 0, 0.5) == 0.5)
        #expect(ingot_block_scale(rule, 448 * 0x1p-126, 0, 0.5) == 0x1p-126)
        #expect(ingot_block_scale(rule, 0, 448, 0.5) == 1)
        #expect(ingot_block_scale(rule, 1, 448, 0.5) == 1)
        #expect(ingot_block_scale(rule, 896, 448, 0.5) == 2)
    }

    @Test func bf16ScaleOfZeroIsTwoToTheMinusSeven() {
        #expect(ingot_block_scale(INGOT_SCALE_BF16, 0, 1e-4, 1) == 0.0078125)
        #expect(ingot_block_scale(INGOT_SCALE_BF16, 448, 1e-4, 1) == 1)
        // 1.00446 is nearer to 1 + 2^-7 than to 1.
        #expect(ingot_block_scale(INGOT_SCALE_BF16, 450, 0, 1) == 1.0078125)
    }

    @Test(arguments: availableLevels)
    func negativeUnderflowAndZeroBlocksKeepSigns(level: ingot_simd_level) {
        let floats: [Float] = [-0.0, 0, 0x1p-133, -0x1p-133, -0x1p-149, 0x1p-149]
        for scale: Float in [1, 0] {
            let outcome = EncodeCall(
                source: Source(f32: floats), rows: 2, columns: 3, blockRows: 1, blockColumns: 3,
                zeroScale: scale,
                level: level
            ).run()
            #expect(outcome.result.codes == [0x80, 0, 0, 0x80, 0x80, 0])
            #expect(outcome.scales == [scale, scale])
        }
        let underflow = EncodeCall(
            source: Source(f32: [448, -0x1p-10, -0x1p-40, 0x1p-10]), rows: 1, columns: 4, level: level
        ).run()
        #expect(underflow.result.codes == [0x7E, 0x80, 0x80, 0])
    }
}
