// Strict decoding of documents: every key is asked for by name, a key nobody asked for is an error with a
// near-miss hint, and every error says where it stands. Swift's synthesised decoding ignores property
// defaults and accepts unknown keys, so nothing here uses it.

/// Something a document should not say, or should say and does not.
package struct DocumentError: Error, Equatable, Sendable {
    /// Where, as a path of keys: `weights.block_shape[1]`.
    package var path: String
    package var what: String
    package var expected: String?
    package var found: String?
    package var remedy: String?

    package init(
        path: String, what: String, expected: String? = nil, found: String? = nil, remedy: String? = nil
    ) {
        self.path = path
        self.what = what
        self.expected = expected
        self.found = found
        self.remedy = remedy
    }
}

/// Reads the members of one object by name and remembers which were read.
///
/// Call `finish()` last: it throws on any member that was never asked for.
package final class StrictReader {
    package let path: String
    private let object: JSONObject
    private var asked: Set<String> = []

    package init(_ value: JSONValue, path: String = "") throws(DocumentError) {
        guard case .object(let object) = value else {
            throw DocumentError(
                path: path, what: "this is not an object", expected: "an object", found: value.kind)
        }
        self.object = object
        self.path = path
    }

    /// The member, or nil when the key is absent.
    ///
    /// An explicit null is a value.
    package func value(_ key: String) -> JSONValue? {
        asked.insert(key)
        return object[key]
    }

    package func required(_ key: String) throws(DocumentError) -> JSONValue {
        guard let value = value(key) else {
            let near = nearMiss(key, among: object.keys.filter { !asked.contains($0) })
            throw DocumentError(
                path: place(key), what: "a required key is missing", expected: "\"\(key)\"",
                found: near.map { "no such key, but \"\($0)\"" } ?? "no such key",
                remedy: near.map { "rename \"\($0)\" to \"\(key)\"" })
        }
        return value
    }

    package func string(_ key: String) throws(DocumentError) -> String {
        guard case .string(let text) = try required(key) else { throw mismatch(key, "a string") }
        return text
    }

    package func integer(_ key: String) throws(DocumentError) -> Int {
        guard case .number(let number) = try required(key), let integer = number.integer else {
            throw mismatch(key, "an integer")
        }
        return integer
    }

    package func double(_ key: String) throws(DocumentError) -> Double {
        guard case .number(let number) = try required(key), let double = number.double, double.isFinite else {
            throw mismatch(key, "a finite number")
        }
        return double
    }

    package func bool(_ key: String) throws(DocumentError) -> Bool {
        guard case .bool(let flag) = try required(key) else { throw mismatch(key, "true or false") }
        return flag
    }

    package func strings(_ key: String) throws(DocumentError) -> [String] {
        guard case .array(let elements) = try required(key) else {
            throw mismatch(key, "an array of strings")
        }
        var strings: [String] = []
        for element in elements {
            guard case .string(let text) = element else { throw mismatch(key, "an array of strings") }
            strings.append(text)
        }
        return strings
    }

    package func integers(_ key: String) throws(DocumentError) -> [Int] {
        guard case .array(let elements) = try required(key) else {
            throw mismatch(key, "an array of integers")
        }
        var integers: [Int] = []
        for element in elements {
            guard case .number(let number) = element, let integer = number.integer else {
                throw mismatch(key, "an array of integers")
            }
            integers.append(integer)
        }
        return integers
    }

    /// A nested object, to be finished by the caller.
    package func object(_ key: String) throws(DocumentError) -> StrictReader {
        try StrictReader(try required(key), path: place(key))
    }

    /// A list of nested objects, each to be finished by the caller.
    package func objects(_ key: String) throws(DocumentError) -> [StrictReader] {
        guard case .array(let elements) = try required(key) else {
            throw mismatch(key, "an array of objects")
        }
        var readers: [StrictReader] = []
        for (index, element) in elements.enumerated() {
            readers.append(try StrictReader(element, path: "\(place(key))[\(index)]"))
        }
        return readers
    }

    /// Whether the key stands here with anything but null.
    package func has(_ key: String) -> Bool {
        guard let value = value(key) else { return false }
        return value != .null
    }

    /// The keys nobody asked for, in their order.
    package var unread: [String] { object.keys.filter { !asked.contains($0) } }

    /// Throws on the first key nobody asked for.
    package func finish() throws(DocumentError) {
        guard let stray = unread.first else { return }
        let near = nearMiss(stray, among: asked.subtracting(object.keys).sorted())
        throw DocumentError(
            path: place(stray), what: "this key is not known here",
            expected: "one of " + asked.sorted().map { "\"\($0)\"" }.joined(separator: ", "),
            found: "\"\(stray)\"", remedy: near.map { "did you mean \"\($0)\"?" } ?? "remove it")
    }

    /// The error for a member of the wrong kind or value.
    package func mismatch(_ key: String, _ expected: String) -> DocumentError {
        let found =
            switch object[key] {
            case .none: "no such key"
            case .string(let text)?: "\"\(text)\""
            case .number(let number)?: number.literal
            case .bool(let flag)?: "\(flag)"
            case let value?: value.kind
            }
        return DocumentError(
            path: place(key), what: "a value of the wrong kind", expected: expected, found: found)
    }

    func place(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
}
