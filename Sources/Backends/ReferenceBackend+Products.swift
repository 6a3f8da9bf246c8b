// The products of the reference backend, one function for each place where a scale can be applied.
//
// Legend: T tokens, N and K rows and columns of a weight, S width of a block of scales.

extension ReferenceBackend {
    /// Σ x · w over elements rounded to the format, the sum rounded.
    func elementProduct(_ x: Matrix, _ weight: WeightMatrix) -> Matrix {
        eachSum(x, weight, elements: readRows) { input, row, k, _, _ in dot(input, row, k) }
    }

    /// (Σ x · code) × the row's scale.
    func codeProduct(_ x: Matrix, _ weight: WeightMatrix, rowScales scales: BlockScales) -> Matrix {
        eachSum(x, weight, elements: codes) { input, codes, k, _, row in
            dot(input, codes, k) * scales.values[row]
        }
    }

    /// Σ over blocks of (Σ code · code) × (scale × scale): each block of S columns is summed alone, then
    /// multiplied by its scales and added in F32.
    func codeProduct(_ x: ActivationCodes, _ weight: WeightMatrix, _ scales: BlockScales) -> Matrix {
        eachSum(x.values, weight, elements: codes) { input, codes, k, token, row in
            var sum: Float = 0
            for block in 0..<scales.stride {
                let first = block * x.width
                let part = dot(input + first, codes + first, min(x.width, k - first))
                let scale = x.scales.values[token * scales.stride + block]
                sum += part * (scale * scales[row: row, column: first])
            }
            return sum
        }
    }

    /// The codes of some rows as numbers, without scales.
    private func codes(_ weight: WeightMatrix, _ rows: Range<Int>) -> [Float] {
        let (first, count) = (rows.lowerBound * weight.columns, rows.count * weight.columns)
        return weight.bytes[first..<first + count].map { E4M3Table.values[Int($0)] }
    }

    /// [T, N] of a function of a token's channels and a weight's row, rounded.
    @inline(__always)
    private func eachSum(
        _ x: Matrix, _ weight: WeightMatrix, elements: (WeightMatrix, Range<Int>) -> [Float],
        _ sum: (
            _ input: UnsafePointer<Float>, _ row: UnsafePointer<Float>, _ k: Int, _ token: Int, _ index: Int
        ) -> Float
    ) -> Matrix {
        let (n, k) = (weight.rows, weight.columns)
        // Weight rows read at a time: a few, so that they stay in the cache while all tokens use them.
        let strip = 16
        var result = Matrix(rows: x.rows, columns: n) { target in
            x.withElements { input in
                for first in stride(from: 0, to: n, by: strip) {
                    let rows = first..<min(first + strip, n)
                    let strip = Matrix(rows: rows.count, columns: k, values: elements(weight, rows))
                    strip.withElements { strip in
                        for token in 0..<x.rows {
                            for row in rows {
                                target[token * n + row] = sum(
                                    input + token * k, strip + (row - first) * k, k, token, row)
                            }
                        }
                    }
                }
            }
        }
        numerics.round(&result)
        return result
    }
}
