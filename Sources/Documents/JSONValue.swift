// A JSON document as a value that forgets nothing: member order and the spelling of numbers survive a round
// trip, so that keys Ingot does not know are passed on as they were. Duplicate keys are refused.

/// A JSON value.
///
/// Numbers are kept as written.
package enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// Reads one JSON text.
    ///
    /// Throws on any departure from RFC 8259 and on duplicate keys.
    package init(parsing bytes: UnsafeRawBufferPointer) throws(JSONError) {
        guard isUTF8(bytes) else { throw JSONError(.notUTF8, at: 0) }
        guard !bytes.starts(with: [0xEF, 0xBB, 0xBF]) else { throw JSONError(.byteOrderMark, at: 0) }
        var scanner = JSONScanner(bytes)
        self = try Self.read(&scanner)
        try scanner.finish()
    }

    /// Reads one JSON text from a byte array.
    package init(parsing bytes: [UInt8]) throws(JSONError) {
        let result: Result<JSONValue, JSONError> = bytes.withUnsafeBytes { buffer in
            do throws(JSONError) { return .success(try JSONValue(parsing: buffer)) } catch {
                return .failure(error)
            }
        }
        self = try result.get()
    }

    /// Reads the value at the cursor, of whatever kind.
    package static func read(_ scanner: inout JSONScanner) throws(JSONError) -> JSONValue {
        guard let lead = scanner.peek() else { throw JSONError(.unexpectedEnd, at: scanner.position) }
        switch lead {
        case UInt8(ascii: "{"): return .object(try readObject(&scanner))
        case UInt8(ascii: "["):
            try scanner.enter(lead)
            var elements: [JSONValue] = []
            var first = true
            while try scanner.nextMember(closing: UInt8(ascii: "]"), first: &first) {
                elements.append(try read(&scanner))
            }
            return .array(elements)
        case UInt8(ascii: "\""): return .string(try scanner.takeString())
        case UInt8(ascii: "n"):
            try scanner.takeWord("null")
            return .null
        case UInt8(ascii: "t"):
            try scanner.takeWord("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try scanner.takeWord("false")
            return .bool(false)
        default: return .number(JSONNumber(literal: scanner.text(try scanner.takeNumber())))
        }
    }

    private static func readObject(_ scanner: inout JSONScanner) throws(JSONError) -> JSONObject {
        try scanner.enter(UInt8(ascii: "{"))
        var members: [JSONObject.Member] = []
        var seen: Set<ExactString> = []
        var first = true
        while try scanner.nextMember(closing: UInt8(ascii: "}"), first: &first) {
            let at = scanner.position
            let key = try scanner.takeString()
            guard seen.insert(ExactString(key)).inserted else { throw JSONError(.duplicateKey(key), at: at) }
            try scanner.take(UInt8(ascii: ":"))
            members.append(JSONObject.Member(key: key, value: try read(&scanner)))
        }
        return JSONObject(members)
    }

    /// The word for its kind, with the article, for messages.
    package var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

/// A number as it was written.
package struct JSONNumber: Equatable, Sendable {
    package let literal: String

    package init(literal: String) { self.literal = literal }

    /// The integer it spells; nil for a fraction, an exponent or a value outside Int.
    package var integer: Int? { Int(literal) }

    /// The nearest double.
    package var double: Double? { Double(literal) }
}

/// The members of an object, in their order.
///
/// Keys are unique, by their bytes.
package struct JSONObject: Equatable, Sendable {
    /// One key with its value.
    package struct Member: Equatable, Sendable {
        package var key: String
        package var value: JSONValue
    }

    package private(set) var members: [Member]

    package init(_ members: [Member] = []) { self.members = members }

    package var keys: [String] { members.map(\.key) }

    /// Reads, replaces in place, appends, or (nil) removes a member.
    ///
    /// - Complexity: linear in the number of members; objects here have tens.
    package subscript(key: String) -> JSONValue? {
        get { members.first { $0.key.utf8.elementsEqual(key.utf8) }?.value }
        set {
            let index = members.firstIndex { $0.key.utf8.elementsEqual(key.utf8) }
            switch (index, newValue) {
            case (let index?, let value?): members[index].value = value
            case (let index?, nil): members.remove(at: index)
            case (nil, let value?): members.append(Member(key: key, value: value))
            case (nil, nil): break
            }
        }
    }
}

// MARK: Literals, so that documents read like documents in code

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(nilLiteral: ()) { self = .null }
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(JSONObject(elements.map { JSONObject.Member(key: $0.0, value: $0.1) }))
    }

    /// An integer as a JSON number.
    package static func integer(_ value: some BinaryInteger) -> JSONValue {
        .number(JSONNumber(literal: String(value)))
    }

    /// A finite double in its shortest spelling that reads back equal; null when it is not finite.
    package static func real(_ value: Double) -> JSONValue {
        value.isFinite ? .number(JSONNumber(literal: String(value))) : .null
    }

    /// A string, or null.
    package static func optional(_ value: String?) -> JSONValue { value.map(JSONValue.string) ?? .null }
}
