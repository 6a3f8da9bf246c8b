// Matrix products on memory that the training owns, each by the thread that asks.

import COpenBLAS

/// A row-major matrix somewhere in memory.
struct Block {
    let base: UnsafeMutablePointer<Float>
    /// Elements from one row to the next.
    let stride: Int

    init(_ base: UnsafeMutablePointer<Float>, _ stride: Int) {
        self.base = base
        self.stride = stride
    }
}

/// C = A · Bᵀ, or C += A · Bᵀ: [m, k] by [n, k].
@inline(__always)
func multiply(_ a: Block, _ b: Block, into c: Block, _ m: Int, _ n: Int, _ k: Int, adding: Bool = false) {
    guard m > 0 else { return }
    ingot_blas_sgemm(
        false, true, Int32(m), Int32(n), Int32(k), a.base, Int32(a.stride), b.base, Int32(b.stride),
        adding ? 1 : 0, c.base, Int32(c.stride))
}

/// C = A · B, or C += A · B: [m, k] by [k, n].
@inline(__always)
func multiplyPlain(_ a: Block, _ b: Block, into c: Block, _ m: Int, _ n: Int, _ k: Int, adding: Bool = false)
{
    guard m > 0 else { return }
    ingot_blas_sgemm(
        false, false, Int32(m), Int32(n), Int32(k), a.base, Int32(a.stride), b.base, Int32(b.stride),
        adding ? 1 : 0, c.base, Int32(c.stride))
}

/// C += Aᵀ · B: [k, m] by [k, n], the gradient of a weight from k rows.
@inline(__always)
func multiplyRows(_ a: Block, _ b: Block, into c: Block, _ m: Int, _ n: Int, _ k: Int) {
    guard k > 0 else { return }
    ingot_blas_sgemm(
        true, false, Int32(m), Int32(n), Int32(k), a.base, Int32(a.stride), b.base, Int32(b.stride),
        1, c.base, Int32(c.stride))
}
