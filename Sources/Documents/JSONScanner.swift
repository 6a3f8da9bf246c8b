// The one JSON tokeniser of the project: a cursor over bytes that never reads outside them, never
// recurses without a bound and keeps numbers as text. Headers, indexes, configs, profiles and records are
// all read through it; what a document means is left to its reader.

import Glibc

/// A cursor over the bytes of one JSON text.
///
/// It borrows the bytes: use it inside the closure that lent them.
/// Objects and arrays are walked by the caller; see `JSONValue.init(parsing:)` for the pattern.
///
/// - Source: RFC 8259; the depth limit is serde_json's (128), so that `reference` mode of the safetensors
///   reader agrees with it.
package struct JSONScanner {
    /// The nesting at which serde_json gives up.
    package static let depthLimit = 128

    @usableFromInline let bytes: UnsafeBufferPointer<UInt8>
    package internal(set) var position: Int
    @usableFromInline var depth = 0

    @inlinable package init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes.bindMemory(to: UInt8.self)
        position = 0
    }

    // MARK: Structure

    /// Skips white space and gives the next byte without taking it; nil at the end of the text.
    @inlinable package mutating func peek() -> UInt8? {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return bytes[position]
            }
        }
        return nil
    }

    /// Takes one given punctuation byte, or throws.
    @inlinable package mutating func take(_ byte: UInt8) throws(JSONError) {
        guard let found = peek() else { throw JSONError(.unexpectedEnd, at: position) }
        guard found == byte else { throw JSONError(.unexpectedByte(found), at: position) }
        position += 1
    }

    /// Enters an object or an array: takes its opening byte and counts the level.
    @inlinable package mutating func enter(_ opening: UInt8) throws(JSONError) {
        try take(opening)
        depth += 1
        // serde_json counts down from 128 and fails when it reaches zero.
        guard depth < Self.depthLimit else { throw JSONError(.tooDeep(limit: Self.depthLimit), at: position) }
    }

    /// Says whether another member follows, taking the comma or the closing byte on the way.
    ///
    /// `first` is true right after `enter` and is cleared by the call.
    @inlinable package mutating func nextMember(closing: UInt8, first: inout Bool) throws(JSONError) -> Bool {
        guard let found = peek() else { throw JSONError(.unexpectedEnd, at: position) }
        if found == closing {
            position += 1
            depth -= 1
            return false
        }
        if first {
            first = false
            return true
        }
        guard found == UInt8(ascii: ",") else { throw JSONError(.unexpectedByte(found), at: position) }
        position += 1
        guard let next = peek() else { throw JSONError(.unexpectedEnd, at: position) }
        if next == closing { throw JSONError(.unexpectedByte(next), at: position) }
        return true
    }

    /// Throws unless only white space is left.
    @inlinable package mutating func finish() throws(JSONError) {
        if peek() != nil { throw JSONError(.trailingBytes, at: position) }
    }

    // MARK: Scalars

    /// Takes `null`, `true` or `false` when that very word stands here.
    package mutating func takeWord(_ word: StaticString) throws(JSONError) {
        _ = peek()
        let length = word.utf8CodeUnitCount
        for index in 0..<length {
            guard position + index < bytes.count else { throw JSONError(.unexpectedEnd, at: bytes.count) }
            let byte = bytes[position + index]
            guard byte == word.utf8Start[index] else {
                throw JSONError(.unexpectedByte(byte), at: position + index)
            }
        }
        position += length
    }

    /// Takes a number and gives its text, checked against the grammar.
    @inlinable package mutating func takeNumber() throws(JSONError) -> Range<Int> {
        _ = peek()
        let start = position
        if byte(at: position) == UInt8(ascii: "-") { position += 1 }
        guard let lead = byte(at: position) else { throw JSONError(.unexpectedEnd, at: position) }
        guard isDigit(lead) else {
            throw JSONError(position == start ? .unexpectedByte(lead) : .malformedNumber, at: position)
        }
        position += 1
        if lead == UInt8(ascii: "0") {
            if let next = byte(at: position), isDigit(next) {
                throw JSONError(.malformedNumber, at: position)
            }
        } else {
            skipDigits()
        }
        if byte(at: position) == UInt8(ascii: ".") {
            position += 1
            try takeDigits()
        }
        if let mark = byte(at: position), mark | 0x20 == UInt8(ascii: "e") {
            position += 1
            if let sign = byte(at: position), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") {
                position += 1
            }
            try takeDigits()
        }
        return start..<position
    }

    /// Takes a number that must be a plain non-negative integer; nil when it is a number of another kind.
    ///
    /// The cursor passes the number either way. `-0`, a fraction, an exponent and anything above
    /// 2^64 − 1 are of another kind, as for serde_json reading an unsigned integer.
    @inlinable package mutating func takeUnsigned() throws(JSONError) -> UInt64? {
        if let value = takeShortUnsigned() { return value }
        let range = try takeNumber()
        var value: UInt64 = 0
        for index in range {
            let byte = bytes[index]
            guard isDigit(byte) else { return nil }
            let (product, carry) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow) = product.addingReportingOverflow(UInt64(byte &- 0x30))
            if carry || overflow { return nil }
            value = sum
        }
        return value
    }

    /// Takes a whole number of at most 19 digits, which cannot overflow, where nothing but one can stand.
    @inlinable mutating func takeShortUnsigned() -> UInt64? {
        guard let lead = peek() else { return nil }
        var value: UInt64 = 0
        var index = position
        while index < bytes.count, index - position < 19, isDigit(bytes[index]) {
            value = value &* 10 &+ UInt64(bytes[index] &- 0x30)
            index += 1
        }
        guard index > position, index < bytes.count, lead != UInt8(ascii: "0") || index == position + 1 else {
            return nil
        }
        let next = bytes[index]
        guard !isDigit(next), next != UInt8(ascii: "."), next | 0x20 != UInt8(ascii: "e") else { return nil }
        position = index
        return value
    }

    /// The text of a range this scanner gave.
    @inlinable package func text(_ range: Range<Int>) -> String {
        String(decoding: UnsafeBufferPointer(rebasing: bytes[range]), as: UTF8.self)
    }

    // MARK: Strings

    /// Takes a string and gives its value.
    @inlinable package mutating func takeString() throws(JSONError) -> String {
        let (content, escaped) = try takeStringRange()
        return escaped ? try unescape(content) : text(content)
    }

    /// Takes a string and gives the range between its quotes, and whether it holds escapes.
    @inlinable package mutating func takeStringRange() throws(JSONError) -> (
        content: Range<Int>, escaped: Bool
    ) {
        try take(UInt8(ascii: "\""))
        let start = position
        var escaped = false
        while true {
            skipPlainBytes()
            guard position < bytes.count else { throw JSONError(.unexpectedEnd, at: bytes.count) }
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                position += 1
                return (start..<(position - 1), escaped)
            }
            if byte < 0x20 { throw JSONError(.controlCharacter(byte), at: position) }
            if byte == UInt8(ascii: "\\") {
                escaped = true
                position += 1
            }
            position += 1
        }
    }

    /// Moves to the next quote, backslash or control character while eight bytes are left to look at.
    ///
    /// Each test sets the top bit of the lowest byte that meets it; a borrow can only set bits above that one.
    @inlinable mutating func skipPlainBytes() {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let raw = UnsafeRawBufferPointer(bytes)
        while position + 8 <= bytes.count {
            let word = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: position, as: UInt64.self))
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5C)
            let found =
                ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)
                | ((word &- (ones &* 0x20)) & ~word)
            let marks = found & (ones &* 0x80)
            guard marks == 0 else {
                position += marks.trailingZeroBitCount >> 3
                return
            }
            position += 8
        }
    }

    /// Compares the bytes of a range with a word, without making a string of them.
    @inlinable package func matches(_ range: Range<Int>, _ word: StaticString) -> Bool {
        guard range.count == word.utf8CodeUnitCount, let base = bytes.baseAddress else { return false }
        return memcmp(base + range.lowerBound, word.utf8Start, range.count) == 0
    }

    /// The value of a string with escapes.
    package func unescape(_ content: Range<Int>) throws(JSONError) -> String {
        var output: [UInt8] = []
        output.reserveCapacity(content.count)
        var index = content.lowerBound
        while index < content.upperBound {
            let byte = bytes[index]
            index += 1
            guard byte == UInt8(ascii: "\\") else {
                output.append(byte)
                continue
            }
            guard index < content.upperBound else { throw JSONError(.malformedEscape, at: index) }
            let escape = bytes[index]
            index += 1
            switch escape {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): output.append(escape)
            case UInt8(ascii: "b"): output.append(0x08)
            case UInt8(ascii: "f"): output.append(0x0C)
            case UInt8(ascii: "n"): output.append(0x0A)
            case UInt8(ascii: "r"): output.append(0x0D)
            case UInt8(ascii: "t"): output.append(0x09)
            case UInt8(ascii: "u"):
                let scalar = try codePoint(&index, end: content.upperBound)
                output.append(contentsOf: Array(String(scalar).utf8))
            default: throw JSONError(.malformedEscape, at: index - 1)
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    private func codePoint(_ index: inout Int, end: Int) throws(JSONError) -> Unicode.Scalar {
        let first = try hexUnit(&index, end: end)
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard (0xD800..<0xDC00).contains(first), index + 1 < end, bytes[index] == UInt8(ascii: "\\"),
            bytes[index + 1] == UInt8(ascii: "u")
        else { throw JSONError(.loneSurrogate, at: index) }
        index += 2
        let second = try hexUnit(&index, end: end)
        guard (0xDC00..<0xE000).contains(second) else { throw JSONError(.loneSurrogate, at: index) }
        let joined = 0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00)
        guard let scalar = Unicode.Scalar(joined) else { throw JSONError(.loneSurrogate, at: index) }
        return scalar
    }

    private func hexUnit(_ index: inout Int, end: Int) throws(JSONError) -> UInt16 {
        guard index + 4 <= end else { throw JSONError(.malformedEscape, at: index) }
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = Character(UnicodeScalar(bytes[index])).hexDigitValue, bytes[index] < 0x80 else {
                throw JSONError(.malformedEscape, at: index)
            }
            value = value << 4 | UInt16(digit)
            index += 1
        }
        return value
    }

    // MARK: Digits

    @inlinable func byte(at index: Int) -> UInt8? { index < bytes.count ? bytes[index] : nil }

    @inlinable func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    @inlinable mutating func skipDigits() {
        while position < bytes.count, isDigit(bytes[position]) { position += 1 }
    }

    @inlinable mutating func takeDigits() throws(JSONError) {
        guard let lead = byte(at: position) else { throw JSONError(.unexpectedEnd, at: position) }
        guard isDigit(lead) else { throw JSONError(.malformedNumber, at: position) }
        skipDigits()
    }
}

/// Says whether bytes are well-formed UTF-8, eight at a time while they are ASCII.
///
/// - Complexity: one pass.
package func isUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var index = 0
    while index + 8 <= bytes.count,
        bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
    {
        index += 8
    }
    guard index < bytes.count else { return true }
    return String(validating: bytes[index...], as: UTF8.self) != nil
}
