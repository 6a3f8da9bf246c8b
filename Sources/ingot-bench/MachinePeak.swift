// What the machine can do at most, on as many threads as the subject has.

import CKernels
import Dispatch

/// Loops that a measurement is compared with; each takes as long as the machine at its best.
struct MachinePeak: Sendable {
    let threads: Int

    /// So many floating-point operations of F32, as fused multiply-adds in registers.
    func multiplyAdd(operations: Int) {
        let rounds = max(1, operations / (2 * Int(INGOT_MULTIPLY_ADDS) * threads))
        DispatchQueue.concurrentPerform(iterations: threads) { _ in
            _ = ingot_multiply_add(rounds, ingot_simd_best())
        }
    }

    /// Reads bytes once, each thread a part of its own.
    func read(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else { return }
        let start = Int(bitPattern: base)
        let part = bytes.count / threads
        DispatchQueue.concurrentPerform(iterations: threads) { index in
            _ = ingot_read(UnsafeRawPointer(bitPattern: start + index * part), part, ingot_simd_best())
        }
    }
}
