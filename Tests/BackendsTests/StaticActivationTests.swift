// Activations as codes by a scale that is stored beside the weight: cut where they are larger than it expects, the same in
// every backend.

import Backends
import Tensors
import TestSupport
import Testing

struct StaticActivationTests {
    private func weight(_ inputScale: Float?) -> WeightMatrix {
        var generator = SeededGenerator(seed: 3)
        let codes = (0..<40 * 48).map { _ in E4M3.encode(generator.normal()) }
        let scales = BlockScales(
            values: Array(repeating: 0.25, count: 40), blockRows: 1, blockColumns: 48, columns: 48)
        return WeightMatrix(
            format: .e4m3(scales), rows: 40, columns: 48, bytes: codes, inputScale: inputScale)
    }

    private func x() -> Matrix {
        var generator = SeededGenerator(seed: 4)
        var values = (0..<5 * 48).map { _ in generator.normal() }
        values[7] = 1000
        return Matrix(rows: 5, columns: 48, values: values)
    }

    @Test func codesFollowTheStoredScale() throws {
        let numerics = try NumericsProfile.named("f32-w8a8").numerics
        guard case .activationCodes(let rule) = numerics.codeProducts,
            case .e4m3(let scales) = weight(nil).format
        else {
            Issue.record("f32-w8a8 has no rule for activations")
            return
        }
        let (x, scale) = (x(), Float(0.01))
        let made = rule.codes(of: x, beside: scales, inputScale: scale)
        #expect(
            Array(made.values.values)
                == x.values.map { E4M3.decode(E4M3.encode(max(-448, min(448, $0 * (1 / scale))))) })
        #expect(made.values.values[7] == 448 && made.scales.values.allSatisfy { $0 == scale })
        #expect(rule.codes(of: x, beside: scales).values.values != made.values.values)
    }

    @Test(arguments: ["f32-w8a8", "h20-w8a8"]) func everyBackendCutsAlike(_ name: String) throws {
        let numerics = try NumericsProfile.named(name).numerics
        let (x, scale) = (x(), Float(0.01))
        let cut = Matrix(
            rows: 5, columns: 48,
            values: x.values.map { E4M3.decode(E4M3.encode(max(-448, min(448, $0 * (1 / scale))))) * scale })
        let exact = ReferenceBackend(numerics: .f32).product(cut, weight(nil))
        let largest = exact.values.map(abs).max() ?? 1
        let backends: [any Backend] = [
            ReferenceBackend(numerics: numerics), OpenBLASBackend(numerics: numerics, threads: 2),
            FusedBackend(numerics: numerics, threads: 2),
        ]
        let limit: Float = numerics.format == .f32 ? 1e-6 : 5e-3
        for backend in backends {
            let made = backend.product(x, weight(scale))
            let worst = zip(made.values, exact.values).map { abs($0 - $1) }.max() ?? 0
            #expect(worst < limit * largest, "\(backend.name): \(worst) of \(largest)")
            let free = backend.product(x, weight(nil))
            #expect(free.values != made.values, "\(backend.name) does not use the scale")
        }
        // Numerics that decode weights leave activations alone.
        let plain = ReferenceBackend(numerics: .f32)
        #expect(plain.product(x, weight(scale)).values == plain.product(x, weight(nil)).values)
    }
}
