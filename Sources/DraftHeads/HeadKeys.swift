// Asks for the members of a head's config by name and collects what is wrong, so that one reading tells all of it.

import Diagnostics
import Documents

/// Members of one object of a head's config.
struct HeadKeys {
    let object: JSONObject
    let file: String
    /// Keys before this object's, with a dot at the end.
    let path: String
    var findings: [Finding] = []
    private var asked: Set<String> = []

    /// Larger than any size of a model, small enough that products of three of them fit.
    static let largest = 1 << 20

    init(_ object: JSONObject, file: String, path: String = "") {
        self.object = object
        self.file = file
        self.path = path
    }

    /// Members nobody asked for, in their order.
    var others: JSONObject { JSONObject(object.members.filter { !asked.contains($0.key) }) }

    /// The member; nil when it is absent or null.
    mutating func value(_ key: String) -> JSONValue? {
        asked.insert(key)
        guard let value = object[key], value != .null else { return nil }
        return value
    }

    /// A number of channels, heads, tokens or rows, from 1; nil with a finding when it is wrong, or absent
    /// without a default.
    mutating func size(_ key: String, otherwise: Int? = nil) -> Int? {
        guard let value = value(key) else {
            if otherwise == nil { missing(key, "a whole number from 1") }
            return otherwise
        }
        if case .number(let number) = value, let size = number.integer, (1...Self.largest).contains(size) {
            return size
        }
        mismatch(key, "a whole number from 1 to \(grouped(Self.largest))", value)
        return nil
    }

    /// A positive number.
    mutating func positive(_ key: String, otherwise: Double? = nil) -> Double? {
        guard let value = value(key) else {
            if otherwise == nil { missing(key, "a positive number") }
            return otherwise
        }
        if case .number(let number) = value, let double = number.double, double > 0, double.isFinite {
            return double
        }
        mismatch(key, "a positive number", value)
        return nil
    }

    /// A flag with a default.
    mutating func flag(_ key: String, otherwise: Bool) -> Bool {
        guard let value = value(key) else { return otherwise }
        if case .bool(let flag) = value { return flag }
        mismatch(key, "true or false", value)
        return otherwise
    }

    /// A text, nil when absent.
    mutating func text(_ key: String) -> String? {
        guard let value = value(key) else { return nil }
        if case .string(let text) = value { return text }
        mismatch(key, "a string", value)
        return nil
    }

    /// Texts, none when absent.
    mutating func texts(_ key: String) -> [String] {
        guard let value = value(key) else { return [] }
        if case .array(let elements) = value {
            let texts = elements.compactMap { if case .string(let text) = $0 { text } else { nil } }
            if texts.count == elements.count { return texts }
        }
        mismatch(key, "an array of strings", value)
        return []
    }

    /// Whole numbers, nil when absent.
    mutating func integers(_ key: String) -> [Int]? {
        guard let value = value(key) else { return nil }
        if case .array(let elements) = value {
            let numbers = elements.compactMap { element -> Int? in
                if case .number(let number) = element { number.integer } else { nil }
            }
            if numbers.count == elements.count { return numbers }
        }
        mismatch(key, "an array of whole numbers", value)
        return nil
    }

    /// An object; nil when absent.
    mutating func object(_ key: String) -> HeadKeys? {
        guard let value = value(key) else { return nil }
        if case .object(let object) = value { return HeadKeys(object, file: file, path: path + key + ".") }
        mismatch(key, "an object", value)
        return nil
    }

    /// Adds a finding about a part that is not computed here.
    mutating func unsupported(_ key: String, expected: String, found: String) {
        findings.append(
            Finding(
                .error, .headUnsupported, "this head has a part that is not computed here", file: file,
                field: path + key, expected: expected, found: found,
                remedy: "heads of one Llama layer without biases are read"))
    }

    private mutating func missing(_ key: String, _ kind: String) {
        let near = nearMiss(key, among: object.keys.filter { !asked.contains($0) })
        findings.append(
            Finding(
                .error, .headConfigMalformed, "a key is missing", file: file, field: path + key,
                expected: kind, found: near.map { "no such key, but \"\($0)\"" } ?? "no such key",
                remedy: "copy it from the config that the head was trained with"))
    }

    private mutating func mismatch(_ key: String, _ expected: String, _ value: JSONValue) {
        findings.append(
            Finding(
                .error, .headConfigMalformed, "a value of the wrong kind", file: file, field: path + key,
                expected: expected, found: value.text(.compact),
                remedy: "copy it from the config that the head was trained with"))
    }
}
