// Matrix products straight from the stored weight by kernels of our own: no decoded copy of it is ever in memory,
// so that a pass of few tokens takes as long as reading its weights does.
//
// Legend: T tokens, N and K rows and columns of a weight.

import CKernels

/// Products from BF16, F32 or E4M3 as stored; what is no product is shared with the others.
///
/// A row of a product is the same bits whatever the number of rows, of threads, and the kind of processor.
package struct FusedBackend: Backend {
    package let name = "fused"
    package let numerics: Numerics
    let workers: Workers
    let floats = ScratchPool<Float>()
    /// For what has no kernel here.
    let dense: OpenBLASBackend

    /// - Parameter threads: that multiply at once; the caller's is one of them.
    package init(numerics: Numerics, threads: Int) {
        self.numerics = numerics
        workers = Workers(count: max(1, threads))
        dense = OpenBLASBackend(numerics: numerics, threads: threads)
    }

    /// Rows of a weight that one thread takes at a time: of a panel of the kernel.
    private static let unitRows = 128

    package func product(_ x: Matrix, _ weight: WeightMatrix) -> Matrix {
        precondition(
            x.columns == weight.columns, "\(x.columns) channels by [\(weight.rows), \(weight.columns)]")
        let (x, weight, roundsElements) = dense.factors(x, weight)
        let rounds = roundsElements && numerics.format != .f32
        let (t, n, k) = (x.rows, weight.rows, weight.columns)
        let crew = t * n * k < OpenBLASBackend.worthThreads ? Workers(count: 1) : workers
        let stored = rounds ? nil : ProductSource(weight)
        let height = stored == nil ? dense.panelHeight(weight, tokens: 1) : Self.unitRows
        let room = stored == nil ? height * k : 0
        var result = Matrix(rows: t, columns: n) { target in
            x.withElements { input in
                crew.run(
                    units: (n + height - 1) / height, pool: floats,
                    elements: ProductSource.panelElements + room
                ) { unit, scratch in
                    let rows = unit * height..<min(n, (unit + 1) * height)
                    if let stored {
                        stored.multiply(input, tokens: t, rows, into: target, stride: n, panel: scratch)
                    } else {
                        // Other numbers than the stored ones, or a format without a kernel.
                        let panel = scratch + ProductSource.panelElements
                        dense.readPanel(weight, rows, into: panel)
                        if rounds { numerics.format.round(panel, count: rows.count * k) }
                        ProductSource(panel, columns: k).multiply(
                            input, tokens: t, 0..<rows.count, into: target + rows.lowerBound, stride: n,
                            panel: scratch)
                    }
                }
            }
        }
        numerics.round(&result)
        return result
    }

    package func attention(queries: Matrix, keyValues: KeyValues, heads: AttentionHeads) -> Matrix {
        dense.attention(queries: queries, keyValues: keyValues, heads: heads)
    }

    package func routerLogits(_ y: Matrix, _ gate: WeightMatrix) -> Matrix { dense.routerLogits(y, gate) }

    package func swiGLU(gate: Matrix, up: Matrix) -> Matrix { dense.swiGLU(gate: gate, up: up) }
}
