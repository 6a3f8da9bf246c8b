// Matrix products straight from the stored weight by kernels of our own: no decoded copy of it is ever in memory,
// so that a pass of few tokens takes as long as reading its weights does.
//
// Legend: T tokens, N and K rows and columns of a weight.

import CKernels

/// Products from BF16, F32 or E4M3 as stored; what is no product is shared with the others.
///
/// A token's numbers are the same bits whatever the number of tokens, of threads, and the kind of processor: a
/// batch is its sequences, and a prompt is its tokens one by one.
///
/// - Checked by: BatchTests, ConformanceTests, ProductTests.
package struct FusedBackend: Backend {
    package let name = "fused"
    package let numerics: Numerics
    let workers: Workers
    let floats = ScratchPool<Float>()
    /// For what is no sum.
    let dense: OpenBLASBackend

    /// - Parameter threads: that multiply at once; the caller's is one of them.
    package init(numerics: Numerics, threads: Int) {
        self.numerics = numerics
        workers = Workers(count: threads)
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
        let stored = ProductSource(weight, rounding: rounds ? numerics.format : .f32)
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
                        weight.decodeQuickly(rows: rows, into: panel)
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

    /// Experts that one thread takes at a time.
    private static let routerRows = 32

    package func routerLogits(_ y: Matrix, _ gate: WeightMatrix) -> Matrix {
        let (t, e, k) = (y.rows, gate.rows, gate.columns)
        let height = Self.routerRows
        let crew = t * e * k < OpenBLASBackend.worthThreads ? Workers(count: 1) : workers
        return Matrix(rows: t, columns: e) { target in
            y.withElements { input in
                crew.run(units: (e + height - 1) / height, pool: floats, elements: height * k) {
                    unit, panel in
                    let rows = unit * height..<min(e, (unit + 1) * height)
                    if case .e4m3 = gate.format {
                        // No checkpoint has it so; these rows may start in the middle of a block.
                        gate.decode(rows: rows, into: panel)
                    } else {
                        gate.decodeQuickly(rows: rows, into: panel)
                    }
                    numerics.format.round(panel, count: rows.count * k)
                    var job = ingot_wide_job()
                    job.x = input
                    job.tokens = t
                    job.columns = k
                    job.x_stride = k
                    job.weight = UnsafePointer(panel)
                    job.rows = rows.count
                    job.weight_stride = k
                    job.target = target + rows.lowerBound
                    job.target_stride = e
                    let status = ingot_wide_product(&job, ingot_simd_best())
                    precondition(status == INGOT_OK, "logits that their own shapes describe")
                }
            }
        }
    }

    package func swiGLU(gate: Matrix, up: Matrix) -> Matrix { dense.swiGLU(gate: gate, up: up) }
}
