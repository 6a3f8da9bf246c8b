// Every backend through the same suite.

import Backends
import TestSupport
import Testing

struct ConformanceTests {
    @Test(arguments: NumericsProfile.names(), [1, 2, 3])
    func openBLAS(name: String, threads: Int) throws {
        let numerics = try NumericsProfile.named(name).numerics
        try checkBackend(OpenBLASBackend(numerics: numerics, threads: threads))
    }

    @Test(arguments: NumericsProfile.names(), [1, 2, 3])
    func fused(name: String, threads: Int) throws {
        let numerics = try NumericsProfile.named(name).numerics
        try checkBackend(FusedBackend(numerics: numerics, threads: threads))
    }

    @Test(arguments: NumericsProfile.names())
    func watched(name: String) throws {
        let numerics = try NumericsProfile.named(name).numerics
        let watch = OverflowWatch()
        try checkBackend(
            WatchedBackend(OpenBLASBackend(numerics: numerics, threads: 1), watch: watch))
        #expect(watch.drain().count == WatchedOperation.allCases.count)
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
