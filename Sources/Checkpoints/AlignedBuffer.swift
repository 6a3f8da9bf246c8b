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
        bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: Self.alignment)
    }

    deinit { bytes.deallocate() }
}

/// The next multiple of the transfer alignment.
package func alignedUp(_ value: Int) -> Int {
    (value + AlignedBuffer.alignment - 1) & ~(AlignedBuffer.alignment - 1)
}

/// The last multiple of the transfer alignment.
package func alignedDown(_ value: Int) -> Int { value & ~(AlignedBuffer.alignment - 1) }

/// Gives memory that was freed back to the system: what planning took does not count beside the buffers.
package func releaseFreeMemory() { ingot_release_memory() }
