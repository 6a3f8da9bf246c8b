// Every backend through the same suite.

import Backends
import Tensors
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

/// Products of so many tokens that panels of weights are tall, of weights whose blocks do not fit them.
struct ManyTokensTests {
    @Test(arguments: [255, 256, 301], [(33, 90), (128, 128), (700, 64)])
    func everyFormat(tokens: Int, shape: (rows: Int, columns: Int)) throws {
        var generator = SeededGenerator(seed: UInt64(tokens))
        let (n, k) = shape
        let x = Matrix(rows: tokens, columns: k, values: (0..<tokens * k).map { _ in generator.normal() })
        let values = (0..<n * k).map { _ in generator.normal() }
        let wide = values.flatMap { value in withUnsafeBytes(of: value.bitPattern) { Array($0) } }
        let upper = values.flatMap { value in
            withUnsafeBytes(of: UInt16(value.bitPattern >> 16)) { Array($0) }
        }
        let half = values.flatMap { value in withUnsafeBytes(of: F16.encode(value)) { Array($0) } }
        var weights = [
            WeightMatrix(format: .f32, rows: n, columns: k, bytes: wide),
            WeightMatrix(format: .bf16, rows: n, columns: k, bytes: upper),
            WeightMatrix(format: .f16, rows: n, columns: k, bytes: half),
        ]
        // Blocks of any height, ragged at both edges.
        for (high, broad) in [(128, 128), (48, 20), (20, 7), (1, k)] {
            let grid = ((n + high - 1) / high) * ((k + broad - 1) / broad)
            let scales = BlockScales(
                values: (0..<grid).map { _ in abs(generator.normal()) + 0.1 }, blockRows: high,
                blockColumns: broad, columns: k)
            weights.append(
                WeightMatrix(
                    format: .e4m3(scales), rows: n, columns: k, bytes: values.map { E4M3.encode($0) }))
        }
        for numerics in [Numerics.f32, .bf16] {
            let backends: [any Backend] = [
                OpenBLASBackend(numerics: numerics, threads: 2), FusedBackend(numerics: numerics, threads: 2),
            ]
            for weight in weights {
                let expected = ReferenceBackend(numerics: numerics).product(x, weight)
                let largest = expected.values.reduce(0) { max($0, abs($1)) }
                for backend in backends {
                    let made = backend.product(x, weight)
                    let worst = zip(made.values, expected.values).map { abs($0 - $1) }.max() ?? 0
                    #expect(
                        worst < largest * (numerics == .f32 ? 1e-5 : 1e-2),
                        "\(backend.name) of \(weight.format): \(worst) of \(largest)")
                }
            }
        }
    }

    /// More than two panels of the tallest, the last one lower than the others.
    @Test func severalPanels() {
        let (tokens, n, k) = (256, 5223, 4100)
        let row = (0..<k).map { Float($0 * 7919 % 1000) / 500 - 1 }
        let bytes = (0..<n).flatMap { index in
            // Row by row another scale: a row in the place of another shows.
            row.flatMap {
                withUnsafeBytes(of: UInt16(($0 * Float(index + 1)).bitPattern >> 16)) { Array($0) }
            }
        }
        let weight = WeightMatrix(format: .bf16, rows: n, columns: k, bytes: bytes)
        var generator = SeededGenerator(seed: 5)
        let x = Matrix(rows: tokens, columns: k, values: (0..<tokens * k).map { _ in generator.normal() })
        let made = OpenBLASBackend(numerics: .f32, threads: 3).product(x, weight)
        let expected = FusedBackend(numerics: .f32, threads: 2).product(x, weight)
        for column in 0..<n {
            for token in stride(from: 0, to: tokens, by: 17) {
                let place = token * n + column
                let difference = abs(made.values[place] - expected.values[place])
                #expect(difference < 1e-3 * Float(column + 1), "token \(token), row \(column)")
            }
        }
        #expect(made == OpenBLASBackend(numerics: .f32, threads: 1).product(x, weight))
    }
}
