import CKernels
import Testing

/// The levels that the machine of this run has; each test goes through all of them.
let availableLevels: [ingot_simd_level] = [
    INGOT_SIMD_PLAIN, INGOT_SIMD_NEON, INGOT_SIMD_AVX2, INGOT_SIMD_AVX512,
]
.filter { ingot_simd_available($0) != 0 }

@Suite struct SimdLevelTests {
    @Test func plainIsAlwaysAvailableAndTheBestIsAvailable() {
        #expect(ingot_simd_available(INGOT_SIMD_PLAIN) == 1)
        #expect(availableLevels.last == ingot_simd_best())
        #expect(ingot_simd_available(ingot_simd_level(rawValue: 77)) == 0)
    }
}
