// The JSON scanner in the terms of a header: its errors become header errors, and values that nothing reads
// are passed over under the rules of the reference reader's JSON library.

import Documents

/// A cursor over the text of a header.
struct HeaderCursor {
    private var scanner: JSONScanner

    init(_ bytes: UnsafeRawBufferPointer) { scanner = JSONScanner(bytes) }

    mutating func peek() -> UInt8? { scanner.peek() }

    mutating func enter(_ opening: UInt8) throws(HeaderError) {
        do { try scanner.enter(opening) } catch { throw .notJSON(error) }
    }

    mutating func next(_ closing: UInt8, _ first: inout Bool) throws(HeaderError) -> Bool {
        do { return try scanner.nextMember(closing: closing, first: &first) } catch { throw .notJSON(error) }
    }

    mutating func colon() throws(HeaderError) {
        do { try scanner.take(UInt8(ascii: ":")) } catch { throw .notJSON(error) }
    }

    mutating func string() throws(HeaderError) -> String {
        do { return try scanner.takeString() } catch { throw .notJSON(error) }
    }

    mutating func null() throws(HeaderError) {
        do { try scanner.takeWord("null") } catch { throw .notJSON(error) }
    }

    mutating func unsigned() throws(HeaderError) -> UInt64? {
        do { return try scanner.takeUnsigned() } catch { throw .notJSON(error) }
    }

    mutating func finish() throws(HeaderError) {
        do { try scanner.finish() } catch { throw .notJSON(error) }
    }

    /// Takes a string; the range between its quotes when it has no escapes, so that a comparison needs no
    /// copy, else its value.
    mutating func span() throws(HeaderError) -> Span {
        do {
            let (content, escaped) = try scanner.takeStringRange()
            return escaped ? .value(try scanner.unescape(content)) : .plain(content)
        } catch { throw .notJSON(error) }
    }

    /// A string that may still be only a range of the text.
    enum Span {
        case plain(Range<Int>)
        case value(String)
    }

    func string(_ span: Span) -> String {
        switch span {
        case .plain(let range): scanner.text(range)
        case .value(let value): value
        }
    }

    /// Whether a string has just these bytes.
    ///
    /// Swift's own comparison would take composed characters as equal.
    func matches(_ span: Span, _ word: StaticString) -> Bool {
        switch span {
        case .plain(let range): scanner.matches(range, word)
        case .value(let value):
            value.utf8.elementsEqual(
                UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
        }
    }

    /// Passes over one value of any kind, as valid JSON whose numbers a double can hold.
    mutating func skip() throws(HeaderError) {
        switch peek() {
        case nil: throw .notJSON(JSONError(.unexpectedEnd, at: scanner.position))
        case UInt8(ascii: "{"):
            try enter(UInt8(ascii: "{"))
            var first = true
            while try next(UInt8(ascii: "}"), &first) {
                _ = try span()
                try colon()
                try skip()
            }
        case UInt8(ascii: "["):
            try enter(UInt8(ascii: "["))
            var first = true
            while try next(UInt8(ascii: "]"), &first) { try skip() }
        case UInt8(ascii: "\""): _ = try span()
        case UInt8(ascii: "n"): try null()
        case UInt8(ascii: "t"): try word("true")
        case UInt8(ascii: "f"): try word("false")
        default: try skipNumber()
        }
    }

    private mutating func word(_ word: StaticString) throws(HeaderError) {
        do { try scanner.takeWord(word) } catch { throw .notJSON(error) }
    }

    private mutating func skipNumber() throws(HeaderError) {
        let range: Range<Int>
        do { range = try scanner.takeNumber() } catch { throw .notJSON(error) }
        guard referenceDouble(holds: scanner.text(range)) else {
            throw .numberOutOfRange(offset: range.lowerBound)
        }
    }
}

/// Whether the reference reader's JSON library takes a number, given in the grammar of JSON.
///
/// It follows serde_json's fast conversion rather than the exact value: up to 64 bits of the digits as a
/// significand, then one multiplication or division by a power of ten. Results that round to infinity are
/// refused.
///
/// - Source: serde_json 1.0 `de.rs`: `parse_integer`, `parse_long_integer`, `parse_decimal`,
///   `parse_exponent`, `f64_from_parts`.
func referenceDouble(holds text: String) -> Bool {
    var digits = text.utf8[...]
    if digits.first == UInt8(ascii: "-") { digits.removeFirst() }
    var significand: UInt64 = 0
    var exponent = 0
    var full = false
    var fraction = false
    while let byte = digits.first {
        if byte == UInt8(ascii: ".") {
            fraction = true
        } else if byte &- 0x30 < 10 {
            let (product, carry) = significand.multipliedReportingOverflow(by: 10)
            let (sum, overflow) = product.addingReportingOverflow(UInt64(byte &- 0x30))
            // Integer digits past the 64 bits raise the exponent. A fraction after them is read afresh into
            // the same significand, as serde_json does; fraction digits past them are dropped.
            let past = carry || overflow
            if !fraction {
                full = full || past
                if full { exponent += 1 } else { significand = sum }
            } else if past {
                digits = digits.drop { $0 &- 0x30 < 10 }
                continue
            } else {
                significand = sum
                exponent -= 1
            }
        } else {
            digits.removeFirst()
            break
        }
        digits.removeFirst()
    }
    var raised = 0
    let falls = digits.first == UInt8(ascii: "-")
    for byte in digits where byte &- 0x30 < 10 {
        raised = min(raised * 10 + Int(byte &- 0x30), Int(Int32.max))
    }
    exponent = falls ? exponent - raised : exponent + raised
    var value = Double(significand)
    if value == 0 { return true }
    while exponent < -308 {
        value /= 1e308
        exponent += 308
        if value == 0 { return true }
    }
    guard exponent <= 308 else { return false }
    return exponent <= 0 || (value * (Double("1e\(exponent)") ?? .infinity)).isFinite
}
