// Every backend through the same suite.

import Backends
import TestSupport
import Testing

struct ConformanceTests {
    @Test(arguments: Numerics.allCases, [1, 2, 3])
    func openBLAS(numerics: Numerics, threads: Int) throws {
        try checkBackend(OpenBLASBackend(numerics: numerics, threads: threads))
    }

    @Test(arguments: Numerics.allCases, [1, 2, 3])
    func fused(numerics: Numerics, threads: Int) throws {
        try checkBackend(FusedBackend(numerics: numerics, threads: threads))
    }

    @Test func theNumberOfThreadsChangesNoBit() {
        var generator = SeededGenerator(seed: 3)
        let x = Matrix(rows: 37, columns: 96, values: (0..<37 * 96).map { _ in generator.normal() })
        let bytes = (0..<700 * 96).flatMap { _ in
            withUnsafeBytes(of: generator.normal().bitPattern) { Array($0) }
        }
        let weight = WeightMatrix(format: .f32, rows: 700, columns: 96, bytes: bytes)
        let one = OpenBLASBackend(numerics: .f32, threads: 1).product(x, weight)
        #expect(OpenBLASBackend(numerics: .f32, threads: 2).product(x, weight) == one)
        #expect(OpenBLASBackend(numerics: .f32, threads: 5).product(x, weight) == one)
        let fused = FusedBackend(numerics: .f32, threads: 1).product(x, weight)
        #expect(FusedBackend(numerics: .f32, threads: 2).product(x, weight) == fused)
        #expect(FusedBackend(numerics: .f32, threads: 5).product(x, weight) == fused)
    }
}
