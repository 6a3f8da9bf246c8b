// The few string methods of Python that the chat template uses, over bytes: Swift's own compare by canonical
// equivalence and take "\r\n" for one character.

/// Text as UTF-8 bytes, for exact searching and trimming.
struct ByteText {
    private(set) var bytes: ArraySlice<UInt8>

    init(_ text: String) { bytes = ArraySlice(text.utf8) }

    private init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    var text: String { String(decoding: bytes, as: UTF8.self) }

    func hasPrefix(_ text: String) -> Bool { bytes.starts(with: text.utf8) }

    func hasSuffix(_ text: String) -> Bool { bytes.reversed().starts(with: text.utf8.reversed()) }

    /// What stands before the first occurrence; nil when there is none.
    func before(first mark: String) -> ByteText? {
        let mark = Array(mark.utf8)
        for start in places(mark) where bytes[start..<start + mark.count].elementsEqual(mark) {
            return ByteText(bytes[..<start])
        }
        return nil
    }

    /// What stands after the last occurrence; nil when there is none.
    func after(last mark: String) -> ByteText? {
        let mark = Array(mark.utf8)
        for start in places(mark).reversed() where bytes[start..<start + mark.count].elementsEqual(mark) {
            return ByteText(bytes[(start + mark.count)...])
        }
        return nil
    }

    /// Without the newlines at its beginning.
    func droppingLeadingNewlines() -> ByteText { ByteText(bytes.drop { $0 == 0x0A }) }

    /// Without the newlines at its end.
    func droppingTrailingNewlines() -> ByteText {
        var bytes = bytes
        while bytes.last == 0x0A { bytes.removeLast() }
        return ByteText(bytes)
    }

    private func places(_ mark: [UInt8]) -> Range<Int> {
        bytes.startIndex..<max(bytes.startIndex, bytes.endIndex - mark.count + 1)
    }
}
