// What can be wrong with a JSON text, with the byte where it was seen.

/// A rule of JSON (RFC 8259), or a bound of ours, that a text breaks.
package struct JSONError: Error, Equatable, Sendable {
    /// The rule, one case each.
    package enum Rule: Equatable, Sendable {
        case unexpectedEnd
        case unexpectedByte(UInt8)
        case malformedNumber
        case malformedEscape
        case loneSurrogate
        case controlCharacter(UInt8)
        case notUTF8
        /// As some editors write it before the text.
        case byteOrderMark
        case tooDeep(limit: Int)
        case trailingBytes
        case duplicateKey(String)
    }

    package var rule: Rule
    /// Bytes from the start of the text.
    package var offset: Int

    package init(_ rule: Rule, at offset: Int) {
        self.rule = rule
        self.offset = offset
    }

    /// One clause for a person, without the position.
    package var message: String {
        switch rule {
        case .unexpectedEnd: "the text ends inside a value"
        case .unexpectedByte(let byte):
            (0x21...0x7E).contains(byte)
                ? "unexpected '\(Character(UnicodeScalar(byte)))'" : "unexpected byte \(hexadecimal(byte))"
        case .malformedNumber: "malformed number"
        case .malformedEscape: "malformed escape in a string"
        case .loneSurrogate: "half of a surrogate pair in a string"
        case .controlCharacter(let byte): "raw control character \(hexadecimal(byte)) in a string"
        case .notUTF8: "bytes that are not UTF-8"
        case .byteOrderMark: "a byte order mark (EF BB BF)"
        case .tooDeep(let limit): "nested deeper than \(limit) levels"
        case .trailingBytes: "bytes after the end of the value"
        case .duplicateKey(let key): "key \"\(key)\" stands twice in one object"
        }
    }
}

private func hexadecimal(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return "0x" + (digits.count == 1 ? "0" : "") + digits
}
