// Buffers that go round: fresh pages are slow on virtual machines, recycled ones are not.

import Checkpoints
import Synchronization

/// Lends page-aligned buffers and takes them back.
final class BufferPool: Sendable {
    /// A buffer on loan: it goes back to the pool with the last reference.
    final class Loan: Sendable {
        let buffer: AlignedBuffer
        private let pool: BufferPool

        fileprivate init(_ buffer: AlignedBuffer, _ pool: BufferPool) {
            self.buffer = buffer
            self.pool = pool
        }

        deinit { pool.takeBack(buffer) }
    }

    /// Buffers kept for the next loan: a few experts' worth of matrices.
    private static let limit = 9
    private let idle = Mutex<[AlignedBuffer]>([])

    /// Lends a buffer of at least so many bytes, the smallest idle one of no more than twice that.
    func lend(capacity: Int) -> Loan {
        let found = idle.withLock { idle -> AlignedBuffer? in
            let fitting = idle.indices.filter {
                idle[$0].bytes.count >= capacity && idle[$0].bytes.count <= 2 * max(capacity, 1 << 16)
            }
            guard let best = fitting.min(by: { idle[$0].bytes.count < idle[$1].bytes.count }) else {
                return nil
            }
            return idle.remove(at: best)
        }
        return Loan(found ?? AlignedBuffer(capacity: capacity), self)
    }

    private func takeBack(_ buffer: AlignedBuffer) {
        idle.withLock { idle in
            idle.append(buffer)
            // The oldest goes: what comes next is of the sizes that came last.
            if idle.count > Self.limit { idle.removeFirst() }
        }
    }
}
