// Matrix products by OpenBLAS. A weight is decoded to F32 panel by panel; a panel is multiplied by one thread
// right after, so decoding is parallel too and the bits do not depend on the number of threads.
//
// They do depend, in the last place, on the number of rows multiplied at once, as those of any BLAS: routes
// follow from F64 sums of that, so a token's route can differ only where its margin is of that size.
//
// Legend: T tokens, N and K rows and columns of a weight, E experts, D head dimension, P positions.

import COpenBLAS
import Diagnostics
import Glibc

/// OpenBLAS for products, plain code for the rest.
package struct OpenBLASBackend: Backend {
    package let name = "openblas"
    package let numerics: Numerics
    let workers: Workers
    let floats = ScratchPool<Float>()
    private let doubles = ScratchPool<Double>()

    /// - Parameter threads: that multiply at once; the caller's is one of them.
    package init(numerics: Numerics, threads: Int) {
        self.numerics = numerics
        workers = Workers(count: threads)
    }

    /// The processor whose kernels multiply, such as SkylakeX.
    ///
    /// OPENBLAS_CORETYPE in the environment overrides the choice and may halve the speed.
    package static var coreName: String { String(cString: ingot_blas_core()) }

    /// Opens the library, which the first product would do as well.
    ///
    /// - Throws: NUMERICS-003 where there is none.
    package static func openLibrary() throws(Failure) {
        guard let reason = ingot_blas_missing() else { return }
        throw Failure(
            Finding(
                .error, .noOpenBLAS, "OpenBLAS cannot be opened",
                expected: "libopenblas.so.0, or the file that INGOT_OPENBLAS names",
                found: String(cString: reason),
                remedy:
                    "install it (apt-get install libopenblas0), or name its file in INGOT_OPENBLAS; --backend "
                    + "fused does without, training a draft head does not"))
    }

    // MARK: Products

    /// Rows of a weight in one panel for a few tokens: still in the cache when it is multiplied (1 MiB at K = 4096).
    private static let lowPanel = 64
    /// Tokens up to which panels are low.
    private static let fewTokens = 8
    /// Rows of a panel for more tokens, which the library packs once a panel (8 MiB at K = 4096).
    private static let tallPanel = 512
    /// Tokens from which panels are as tall as they may be: [4096, 4096] in panels of 1,024 rows takes 1 to 3 %
    /// longer than in panels of 2,048.
    private static let manyTokens = 256
    /// Elements of the tallest panel: 40 MiB.
    private static let panelElements = 10 << 20
    /// Rows that panels for many tokens are a multiple of: blocks of scales, and tiles of the library's kernels.
    private static let panelStep = 128

    /// Numbers between the rows of a panel, a cache line: the library reads sixteen rows side by side, which the
    /// cache would hold in the same few places where they are a power of two apart.
    private static let panelPadding = 16

    /// Multiplications below which waking a second thread costs more than it saves (about 0.1 ms).
    static let worthThreads = 1 << 20

    package func product(_ x: Matrix, _ weight: WeightMatrix) -> Matrix {
        precondition(
            x.columns == weight.columns, "\(x.columns) channels by [\(weight.rows), \(weight.columns)]")
        let (x, weight, roundsElements) = factors(x, weight)
        let (t, n, k) = (x.rows, weight.rows, weight.columns)
        let height = panelHeight(weight, tokens: t)
        let crew = t * n * k < Self.worthThreads ? Workers(count: 1) : workers
        let stored = weight.floats
        var result = Matrix(rows: t, columns: n) { target in
            x.withElements { input in
                let stride = k + Self.panelPadding
                crew.run(units: (n + height - 1) / height, pool: floats, elements: height * stride) {
                    unit, panel in
                    let rows = unit * height..<min(n, (unit + 1) * height)
                    if let stored, !roundsElements {
                        return multiply(
                            input, stored + rows.lowerBound * k, stride: k, into: target + rows.lowerBound,
                            stride: n, t, rows.count, k)
                    }
                    weight.decodeQuickly(rows: rows, into: panel, stride: stride)
                    if roundsElements {
                        for row in 0..<rows.count { numerics.format.round(panel + row * stride, count: k) }
                    }
                    multiply(
                        input, panel, stride: stride, into: target + rows.lowerBound, stride: n, t,
                        rows.count, k)
                }
            }
        }
        numerics.round(&result)
        return result
    }

    /// Rows of one panel: whole blocks of scales, no more than the weight has.
    func panelHeight(_ weight: WeightMatrix, tokens: Int) -> Int {
        let wanted =
            switch tokens {
            case ...Self.fewTokens: Self.lowPanel
            case ..<Self.manyTokens: Self.tallPanel
            default: Self.evenHeight(weight)
            }
        guard case .e4m3(let scales) = weight.format else { return min(wanted, weight.rows) }
        return min(max(1, wanted / scales.blockRows) * scales.blockRows, weight.rows)
    }

    /// Rows of the tallest panels that split a weight into an even number of equal ones: two threads end together,
    /// and the height, which the bits depend on, does not depend on how many there are.
    private static func evenHeight(_ weight: WeightMatrix) -> Int {
        let pairs = 1 + weight.rows * weight.columns / (2 * panelElements + 1)
        let height = (weight.rows + 2 * pairs - 1) / (2 * pairs)
        return (height + panelStep - 1) / panelStep * panelStep
    }

    /// C = A · Bᵀ for A [t, k], B [n, k] and C [t, n], their rows strides apart.
    private func multiply(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, stride: Int,
        into c: UnsafeMutablePointer<Float>, stride targetStride: Int, _ t: Int, _ n: Int, _ k: Int
    ) {
        let (t32, n32, k32) = (Int32(t), Int32(n), Int32(k))
        if t == 1 {
            ingot_blas_sgemv(n32, k32, b, Int32(stride), a, c)
        } else {
            ingot_blas_sgemm(
                false, true, t32, n32, k32, a, k32, b, Int32(stride), 0, c, Int32(targetStride))
        }
    }

    /// What to multiply in F32, and whether the weight's elements are rounded to the format first.
    ///
    /// A scale of a whole sum may as well be in every element: code × scale is exact for a rounded scale, and
    /// one rounding of F32 for another, as the scale of activations is.
    func factors(
        _ x: Matrix, _ weight: WeightMatrix
    ) -> (x: Matrix, weight: WeightMatrix, roundsElements: Bool) {
        let format = numerics.format
        switch (weight.format, numerics.codeProducts) {
        case (.e4m3(let scales), .roundedScales):
            return (x, weight.roundingScales(to: format), !scales.isPerRow)
        case (.e4m3(let scales), .activationCodes(let rule)):
            return (rule.codes(of: x, beside: scales, inputScale: weight.inputScale).decoded, weight, false)
        // A weight stored in the format is what it is; others lose what the format cannot hold.
        case (.bf16, _): return (x, weight, format != .bf16)
        case (.f16, _): return (x, weight, format != .f16)
        default: return (x, weight, true)
        }
    }

    // MARK: Router

    /// Tokens whose logits are made at once: 8 MiB of F64 at H = 4096.
    private static let routerRows = 256

    package func routerLogits(_ y: Matrix, _ gate: WeightMatrix) -> Matrix {
        let (t, e, k) = (y.rows, gate.rows, gate.columns)
        let weight = readRows(gate, 0..<e).map(Double.init)
        let height = Self.routerRows
        return Matrix(rows: t, columns: e) { target in
            weight.withUnsafeBufferPointer { weight in
                y.withElements { input in
                    workers.run(
                        units: (t + height - 1) / height,
                        pool: doubles, elements: height * (k + e)
                    ) { unit, room in
                        let first = unit * height
                        let rows = min(height, t - first)
                        let logits = room + height * k
                        for index in 0..<rows * k { room[index] = Double(input[first * k + index]) }
                        ingot_blas_dgemm(
                            Int32(rows), Int32(e), Int32(k), room, Int32(k), weight.baseAddress, Int32(k),
                            logits, Int32(e))
                        for index in 0..<rows * e { target[first * e + index] = Float(logits[index]) }
                    }
                }
            }
        }
    }

    // MARK: Gated unit

    package func swiGLU(gate: Matrix, up: Matrix) -> Matrix {
        precondition(gate.rows == up.rows && gate.columns == up.columns, "gate and up differ in shape")
        let (rows, width) = (gate.rows, gate.columns)
        let format = numerics.format
        return Matrix(rows: rows, columns: width) { target in
            gate.withElements { gate in
                up.withElements { up in
                    let crew = rows * width < Self.worthThreads / 16 ? Workers(count: 1) : workers
                    crew.run(units: rows) { row, _ in
                        for index in row * width..<(row + 1) * width {
                            let gate = gate[index]
                            target[index] = format.rounded(
                                format.rounded(gate / (1 + expf(-gate))) * up[index])
                        }
                    }
                }
            }
        }
    }
}
