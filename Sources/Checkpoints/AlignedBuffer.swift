// Memory for bulk reading and writing: page-aligned for transfers past the page cache, allocated once and
// used again and again (fresh pages are slow on virtual machines, recycled ones are not).

import CSystem
import Glibc

/// Page-aligned memory of a fixed size, owned by one thread at a time.
package final class AlignedBuffer: @unchecked Sendable {
    /// What direct transfers must be aligned to: the largest logical block size met in practice.
    package static let alignment = 4096

    package let bytes: UnsafeMutableRawBufferPointer

    /// - Parameter capacity: bytes, rounded up to the alignment.
    package init(capacity: Int) {
        let size = alignedUp(max(capacity, 1))
        // Straight from the system: freed buffers go back to it, whatever the allocator would keep.
        let pages = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let pages, pages != MAP_FAILED else {
            preconditionFailure("out of memory for a buffer of \(size) bytes")
        }
        bytes = UnsafeMutableRawBufferPointer(start: pages, count: size)
    }

    deinit { munmap(bytes.baseAddress, bytes.count) }

}

/// The next multiple of the transfer alignment.
package func alignedUp(_ value: Int) -> Int {
    (value + AlignedBuffer.alignment - 1) & ~(AlignedBuffer.alignment - 1)
}

/// The last multiple of the transfer alignment.
package func alignedDown(_ value: Int) -> Int { value & ~(AlignedBuffer.alignment - 1) }

/// Gives memory that was freed back to the system: what planning took does not count beside the buffers.
package func releaseFreeMemory() { ingot_release_memory() }

/// Makes large pieces of freed memory go back to the system at once; to be called once, at the start.
package func returnLargeMemory() { ingot_return_large_memory() }

/// Keeps freed pieces of up to 32 MiB, at most 512 MiB of them at the heap's end, for the next ones of their size.
///
/// For a pass, which makes and frees a matrix for each operation: clearing fresh pages is a fifth of its time.
package func keepLargeMemory() { ingot_keep_large_memory() }
