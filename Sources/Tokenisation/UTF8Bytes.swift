// Reading scalars out of UTF-8 that is known to be well formed: the bytes of a Swift string.

/// Bytes of well-formed UTF-8.
typealias UTF8Bytes = UnsafeBufferPointer<UInt8>

extension UTF8Bytes {
    /// The scalar that starts at an index and the bytes it takes.
    @inline(__always)
    func scalar(at index: Int) -> (value: UInt32, length: Int) {
        let lead = UInt32(self[index])
        if lead < 0x80 { return (lead, 1) }
        let second = UInt32(self[index + 1]) & 0x3F
        if lead < 0xE0 { return ((lead & 0x1F) << 6 | second, 2) }
        let third = UInt32(self[index + 2]) & 0x3F
        if lead < 0xF0 { return ((lead & 0x0F) << 12 | second << 6 | third, 3) }
        return ((lead & 0x07) << 18 | second << 12 | third << 6 | UInt32(self[index + 3]) & 0x3F, 4)
    }

    /// Where the scalar before an index starts; the index is above zero.
    func startOfScalar(before index: Int) -> Int {
        var start = index - 1
        while start > 0, self[start] & 0xC0 == 0x80 { start -= 1 }
        return start
    }

    /// The scalar that starts at an index.
    func unicodeScalar(at index: Int) -> Unicode.Scalar {
        Unicode.Scalar(scalar(at: index).value) ?? "\u{FFFD}"
    }
}
