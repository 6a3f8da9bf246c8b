// F32 numbers whose memory begins with a cache line. An array's elements begin 32 bytes after what the allocator
// gives: every sixteen of them then lie across two lines, and a product by OpenBLAS into them takes 2 % longer.

/// Memory that goes with its last reference.
@usableFromInline
package final class FloatStorage: @unchecked Sendable {
    @usableFromInline package let base: UnsafeMutablePointer<Float>
    private let room: UnsafeMutableRawPointer

    @usableFromInline
    package init(count: Int) {
        // Not the allocator's own alignment: glibc then asks for more than it gives back, so that a freed piece is
        // too small for the next one of its size, and a pass takes a third more memory.
        room = .allocate(byteCount: count * 4 + Self.line, alignment: MemoryLayout<Float>.alignment)
        base = room.alignedUp(toMultipleOf: Self.line).bindMemory(to: Float.self, capacity: max(1, count))
    }

    deinit { room.deallocate() }

    /// Bytes of a cache line.
    private static var line: Int { 64 }
}

/// F32 numbers in memory of their own, copied where one of several holders changes them.
package struct AlignedFloats: Sendable {
    @usableFromInline var storage: FloatStorage
    package let count: Int

    /// Numbers that the body fills to the last.
    package init(count: Int, filledBy body: (UnsafeMutablePointer<Float>) -> Void) {
        precondition(count >= 0, "\(count) numbers")
        self.count = count
        storage = FloatStorage(count: count)
        if count > 0 { body(storage.base) }
    }

    /// A copy of numbers that lie elsewhere.
    package init(_ numbers: some Collection<Float>) {
        self.init(count: numbers.count) { base in
            _ = UnsafeMutableBufferPointer(start: base, count: numbers.count).initialize(
                fromContentsOf: numbers)
        }
    }

    @inlinable
    mutating func makeUnique() {
        guard !isKnownUniquelyReferenced(&storage) else { return }
        let copy = FloatStorage(count: count)
        copy.base.update(from: storage.base, count: count)
        storage = copy
    }

    /// Lends the numbers.
    @inlinable
    package func withUnsafeBufferPointer<Result, Failure: Error>(
        _ body: (UnsafeBufferPointer<Float>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(storage) {} }
        return try body(UnsafeBufferPointer(start: storage.base, count: count))
    }

    /// Lends the bytes of the numbers.
    @inlinable
    package func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(storage) {} }
        return try body(UnsafeRawBufferPointer(start: storage.base, count: count * 4))
    }

    /// Lends the numbers to be changed.
    @inlinable
    package mutating func withUnsafeMutableBufferPointer<Result, Failure: Error>(
        _ body: (UnsafeMutableBufferPointer<Float>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        makeUnique()
        defer { withExtendedLifetime(storage) {} }
        return try body(UnsafeMutableBufferPointer(start: storage.base, count: count))
    }
}

extension AlignedFloats: RandomAccessCollection, MutableCollection {
    @inlinable package var startIndex: Int { 0 }
    @inlinable package var endIndex: Int { count }

    @inlinable package subscript(index: Int) -> Float {
        get {
            precondition(index >= 0 && index < count, "number \(index) of \(count)")
            return storage.base[index]
        }
        set {
            precondition(index >= 0 && index < count, "number \(index) of \(count)")
            makeUnique()
            storage.base[index] = newValue
        }
    }

    @inlinable
    package func withContiguousStorageIfAvailable<Result>(
        _ body: (UnsafeBufferPointer<Float>) throws -> Result
    ) rethrows -> Result? {
        try withUnsafeBufferPointer(body)
    }
}

extension AlignedFloats: ExpressibleByArrayLiteral {
    package init(arrayLiteral elements: Float...) { self.init(elements) }
}

extension AlignedFloats: Equatable {
    package static func == (a: Self, b: Self) -> Bool { a.elementsEqual(b) }
}
