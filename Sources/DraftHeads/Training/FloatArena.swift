// Memory of one training worker: buffers are taken one after another and all let go at once, so that a step
// allocates nothing after the first.

/// Buffers of F32 that live until the next reset.
///
/// One thread at a time uses it.
final class FloatArena {
    private var blocks: [UnsafeMutableBufferPointer<Float>] = []
    private var used = 0
    private var total = 0
    private var peak = 0

    /// Floats in whole cache lines.
    private static let line = 16
    /// Floats of the smallest block, 4 MiB.
    private static let smallest = 1 << 20

    deinit { for block in blocks { block.deallocate() } }

    /// Room for so many floats, its content arbitrary.
    func take(_ count: Int) -> UnsafeMutablePointer<Float> {
        let size = (max(count, 1) + Self.line - 1) / Self.line * Self.line
        total += size
        peak = max(peak, total)
        if blocks.isEmpty || used + size > blocks[blocks.count - 1].count {
            let length = max(size, Self.smallest)
            blocks.append(Self.block(length))
            used = 0
        }
        let block = blocks[blocks.count - 1]
        defer { used += size }
        guard let base = block.baseAddress else { preconditionFailure("a block without memory") }
        return base + used
    }

    /// Room for so many zeros.
    func zeros(_ count: Int) -> UnsafeMutablePointer<Float> {
        let room = take(count)
        room.update(repeating: 0, count: count)
        return room
    }

    /// Where the arena stands, to come back to.
    struct Mark {
        fileprivate let blocks: Int
        fileprivate let used: Int
        fileprivate let total: Int
    }

    /// The place to give to `release`.
    var mark: Mark { Mark(blocks: blocks.count, used: used, total: total) }

    /// Lets go of what was taken since a mark.
    func release(_ mark: Mark) {
        total = mark.total
        // A block that was added since stays current: what lay before it in the older one is past use.
        guard mark.blocks == blocks.count else { return }
        used = mark.used
    }

    /// Lets go of everything; several blocks become one, so that the next round takes none.
    func reset() {
        if blocks.count > 1 {
            for block in blocks { block.deallocate() }
            blocks = [Self.block(peak)]
        }
        used = 0
        total = 0
    }

    private static func block(_ count: Int) -> UnsafeMutableBufferPointer<Float> {
        let raw = UnsafeMutableRawBufferPointer.allocate(byteCount: count * 4, alignment: 64)
        return raw.bindMemory(to: Float.self)
    }
}
