// Bytes of numbers sorted by their place in the number: first the first byte of each, then the second, and so on.
// Exponents of neighbours are alike and fractions are not: apart from each other they pack better.

/// How the bytes of a frame are ordered before they are packed.
///
/// A file that uses planes says so in its first frame, which zstd skips: magic 50 2A 4D 18, four bytes to come, the
/// letters `IPL`, and the width of an element. What zstd itself unpacks are the planes, frame by frame.
///
/// - Checked by: SeekableFramesTests.
package struct BytePlanes: Equatable, Sendable {
    /// Bytes of an element: 1 for bytes as they are, or 2, 4, 8, 16.
    package let width: Int

    /// Bytes as they are.
    package static let none = BytePlanes(known: 1)

    private init(known width: Int) { self.width = width }

    /// - Parameter width: bytes of an element; nil for one that is not 1, 2, 4, 8 or 16.
    package init?(width: Int) {
        guard [1, 2, 4, 8, 16].contains(width) else { return nil }
        self.width = width
    }

    static let frameBytes = 12
    private static let head: [UInt8] = [0x50, 0x2A, 0x4D, 0x18, 4, 0, 0, 0, 0x49, 0x50, 0x4C]

    /// The frame that says so.
    var frame: [UInt8] { Self.head + [UInt8(width)] }

    /// Reads such a frame; nil when it is another.
    init?(frame: [UInt8]) {
        guard frame.count == Self.frameBytes, Array(frame.dropLast()) == Self.head, frame[11] > 1 else {
            return nil
        }
        self.init(width: Int(frame[11]))
    }

    /// Puts the bytes of whole elements in planes; bytes beyond the last whole element stay at the end.
    ///
    /// - Complexity: one pass for each plane.
    func split(_ from: UnsafeRawBufferPointer, into to: UnsafeMutableRawBufferPointer) {
        guard let source = from.baseAddress, let target = to.baseAddress else { return }
        let count = from.count / width
        let (x, y) = (
            source.assumingMemoryBound(to: UInt8.self), target.assumingMemoryBound(to: UInt8.self)
        )
        for plane in 0..<width {
            let part = y + plane * count
            for index in 0..<count { part[index] = x[index &* width &+ plane] }
        }
        let whole = count * width
        (target + whole).copyMemory(from: source + whole, byteCount: from.count - whole)
    }

    /// Undoes `split`.
    func join(_ from: UnsafeRawBufferPointer, into to: UnsafeMutableRawBufferPointer) {
        guard let source = from.baseAddress, let target = to.baseAddress else { return }
        let count = from.count / width
        let (x, y) = (
            source.assumingMemoryBound(to: UInt8.self), target.assumingMemoryBound(to: UInt8.self)
        )
        for plane in 0..<width {
            let part = x + plane * count
            for index in 0..<count { y[index &* width &+ plane] = part[index] }
        }
        let whole = count * width
        (target + whole).copyMemory(from: source + whole, byteCount: from.count - whole)
    }
}
