// What every backend must do, against the reference one in the same numerics.

import Backends
import Tensors
import Testing

/// How far a backend may be from the reference, by numerics.
package struct BackendTolerance: Sendable {
    /// Of an element, relative to the largest of its matrix: different orders of summation.
    package let relative: Float

    package init(_ numerics: Numerics) {
        switch numerics.format {
        case .f32: relative = 2e-6
        // One step of the format, where two sums lie on either side of a tie.
        case .bf16: relative = 0x1p-7
        case .f16: relative = 0x1p-10
        }
    }
}

/// Runs every operation of a backend on shapes that end nowhere in particular.
package func checkBackend(_ backend: any Backend) throws {
    let reference = ReferenceBackend(numerics: backend.numerics)
    let check = BackendCheck(backend: backend, reference: reference)
    check.products()
    check.elements()
    check.attention()
    check.router()
}

private struct BackendCheck {
    let backend: any Backend
    let reference: ReferenceBackend

    func products() {
        for (n, k) in [(1, 1), (5, 17), (96, 320), (257, 128), (300, 256), (1024, 64)] {
            for weight in weights(n, k) {
                for t in [1, 2, 3, 17, 70] {
                    let x = rounded(random(t, k, seed: t * 31 + n))
                    expectEqual(
                        backend.product(x, weight), reference.product(x, weight),
                        "[\(t), \(k)] by [\(n), \(k)] \(weight.format.title)")
                }
            }
        }
    }

    func elements() {
        let x = rounded(random(7, 96, seed: 1))
        let y = rounded(random(7, 96, seed: 2))
        for width in [96, 32] {
            let weight = weights(1, width)[1]
            expectEqual(
                backend.rmsNorm(x, weight: weight, epsilon: 1e-6),
                reference.rmsNorm(x, weight: weight, epsilon: 1e-6), "norm of \(width)")
        }
        expectEqual(backend.add(x, y), reference.add(x, y), "sum")
        expectEqual(backend.swiGLU(gate: x, up: y), reference.swiGLU(gate: x, up: y), "gated unit")
        expectEqual(
            backend.rounded(random(3, 5, seed: 3)), reference.rounded(random(3, 5, seed: 3)), "rounding")
        let table = RotaryTable(inverse: [1, 0.3, 0.01], factor: 1.25, numerics: backend.numerics)
        let positions = [0, 1, 2, 40, 500, 8, 7]
        var (a, b) = (x, x)
        backend.rotate(&a, headDimension: 8, table: table, positions: positions)
        reference.rotate(&b, headDimension: 8, table: table, positions: positions)
        expectEqual(a, b, "rotation")
        for weight in weights(9, 24) {
            expectEqual(
                backend.rows([8, 0, 0, 3], of: weight), reference.rows([8, 0, 0, 3], of: weight), "rows")
        }
        var (sum, other) = (Matrix(rows: 7, columns: 96), Matrix(rows: 7, columns: 96))
        for tokens in [[0, 2, 6], [2, 3]] {
            let part = y.gathered(tokens)
            let shares = tokens.map { Float($0) + 0.5 }
            backend.accumulate(part, weights: shares, tokens: tokens, into: &sum)
            reference.accumulate(part, weights: shares, tokens: tokens, into: &other)
        }
        expectEqual(sum, other, "weighted sum")
    }

    func attention() {
        let shapes = [(4, 2, 64), (3, 3, 20), (8, 1, 32)]
        for (a, g, d) in shapes {
            let heads = AttentionHeads(queryCount: a, keyValueCount: g, dimension: d)
            for (past, t) in [(0, 1), (0, 5), (70, 1), (130, 66), (0, 200)] {
                var store = KeyValues(width: g * d)
                store.append(
                    keys: rounded(random(past + t, g * d, seed: 5)),
                    values: rounded(random(past + t, g * d, seed: 6)))
                let queries = rounded(random(t, a * d, seed: 7))
                expectEqual(
                    backend.attention(queries: queries, keyValues: store, heads: heads),
                    reference.attention(queries: queries, keyValues: store, heads: heads),
                    "attention of \(a)/\(g) heads of \(d), \(t) tokens after \(past)")
            }
        }
    }

    func router() {
        let rule = RouterRule(groupCount: 4, groupsKept: 2, expertsPerToken: 3, scalingFactor: 2.5)
        let bias = random(1, 24, seed: 9).values.map { $0 * 0.1 }
        for t in [1, 6, 300] {
            let y = rounded(random(t, 128, seed: 10))
            let gate = weights(24, 128)[1]
            let logits = backend.routerLogits(y, gate)
            let expected = reference.routerLogits(y, gate)
            // F64 sums: equal to the last bit but for ties of the final rounding.
            let agreement = Agreement(logits, expected)
            #expect(!agreement.isBroken && agreement.relative < 1e-7, "router of \(t) tokens: \(agreement)")
            let routes = backend.selectExperts(logits: expected, bias: bias, rule: rule)
            #expect(routes == reference.selectExperts(logits: expected, bias: bias, rule: rule))
        }
    }

    private func expectEqual(_ made: Matrix, _ expected: Matrix, _ what: String) {
        let agreement = Agreement(made, expected)
        let largest = expected.values.reduce(0) { max($0, abs($1)) }
        let limit = BackendTolerance(backend.numerics).relative * max(largest, 0x1p-126)
        #expect(
            !agreement.isBroken && agreement.worst <= limit,
            "\(backend.name), \(backend.numerics.name), \(what): \(agreement), limit \(limit)")
    }

    private func rounded(_ matrix: Matrix) -> Matrix { reference.rounded(matrix) }

    private func random(_ rows: Int, _ columns: Int, seed: Int) -> Matrix {
        var generator = SeededGenerator(seed: UInt64(seed))
        return Matrix(
            rows: rows, columns: columns, values: (0..<rows * columns).map { _ in generator.normal() })
    }

    /// One matrix in every format; the first is F32, the second BF16.
    private func weights(_ n: Int, _ k: Int) -> [WeightMatrix] {
        let values = random(n, k, seed: n * 1000 + k).values.map { $0 / Float(k).squareRoot() }
        func bytes(_ values: [some FixedWidthInteger]) -> [UInt8] {
            values.flatMap { value in withUnsafeBytes(of: value.littleEndian) { Array($0) } }
        }
        func codes(_ rows: Int, _ columns: Int) -> WeightMatrix {
            let count = (n + rows - 1) / rows * ((k + columns - 1) / columns)
            let scales = (0..<count).map { Float(1 + $0 % 7) * 0x1p-9 }
            return WeightMatrix(
                format: .e4m3(
                    BlockScales(values: scales, blockRows: rows, blockColumns: columns, columns: k)),
                rows: n, columns: k, bytes: values.map { E4M3.encode($0 * 64) })
        }
        return [
            WeightMatrix(format: .f32, rows: n, columns: k, bytes: bytes(values.map(\.bitPattern))),
            WeightMatrix(format: .bf16, rows: n, columns: k, bytes: bytes(values.map(BF16.encode))),
            WeightMatrix(format: .f16, rows: n, columns: k, bytes: bytes(values.map(F16.encode))),
            codes(128, 128), codes(48, 16), codes(1, k),
        ]
    }
}

extension WeightMatrix.Format {
    fileprivate var title: String {
        switch self {
        case .f32: "F32"
        case .bf16: "BF16"
        case .f16: "F16"
        case .e4m3(let scales): "E4M3 \(scales.blockRows)×\(scales.blockColumns)"
        }
    }
}
