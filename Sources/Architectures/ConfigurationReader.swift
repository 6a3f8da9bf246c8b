// Reads the members of a config and collects what is wrong instead of stopping at the first problem.
// Absent keys become findings that say what a silent default would do; kinds are checked once, here.

import Diagnostics
import Documents

/// Asks for the members of one JSON object by name and collects findings.
struct ConfigurationReader {
    let object: JSONObject
    let file: String
    var findings = FindingCollector()
    private(set) var asked: Set<String> = []

    init(_ object: JSONObject, file: String) {
        self.object = object
        self.file = file
    }

    /// The member, or nil when it is absent or null.
    mutating func value(_ key: String) -> JSONValue? {
        asked.insert(key)
        guard let value = object[key], value != .null else { return nil }
        return value
    }

    /// An integer that must be there; `otherwise` says what a reader would do without it.
    mutating func integer(_ key: String, otherwise: String) -> Int? {
        guard let value = required(key, "an integer", otherwise) else { return nil }
        return integer(value, key)
    }

    /// An integer that may be absent.
    mutating func integer(_ key: String) -> Int? { value(key).flatMap { integer($0, key) } }

    /// A finite number that must be there.
    mutating func number(_ key: String, otherwise: String) -> Double? {
        guard let value = required(key, "a number", otherwise) else { return nil }
        return number(value, key)
    }

    /// A finite number that may be absent.
    mutating func number(_ key: String) -> Double? { value(key).flatMap { number($0, key) } }

    /// A boolean that must be there.
    mutating func flag(_ key: String, otherwise: String) -> Bool? {
        guard let value = required(key, "true or false", otherwise) else { return nil }
        return flag(value, key)
    }

    /// A boolean that may be absent.
    mutating func flag(_ key: String) -> Bool? { value(key).flatMap { flag($0, key) } }

    /// A string that must be there.
    mutating func string(_ key: String, otherwise: String) -> String? {
        guard let value = required(key, "a string", otherwise) else { return nil }
        return string(value, key)
    }

    /// A string that may be absent.
    mutating func string(_ key: String) -> String? { value(key).flatMap { string($0, key) } }

    /// Adds an error about one field of this file.
    mutating func report(
        _ code: DiagnosticCode, _ what: String, field: String, expected: String? = nil, found: String? = nil,
        remedy: String? = nil
    ) {
        report(.error, code, what, field: field, expected: expected, found: found, remedy: remedy)
    }

    /// Adds a finding of any level about one field of this file.
    mutating func report(
        _ level: Finding.Level, _ code: DiagnosticCode, _ what: String, field: String,
        expected: String? = nil, found: String? = nil, remedy: String? = nil
    ) {
        findings.add(
            Finding(
                level, code, what, file: file, field: field, expected: expected, found: found, remedy: remedy)
        )
    }

    // MARK: Kinds

    private mutating func required(_ key: String, _ kind: String, _ otherwise: String) -> JSONValue? {
        if let value = value(key) { return value }
        let others = object.keys.filter { !asked.contains($0) }
        let near = nearMiss(key, among: others)
        report(
            .configKeyMissing, "a key is missing, and a default would give another model: \(otherwise)",
            field: key, expected: kind, found: near.map { "no such key, but \"\($0)\"" } ?? "no such key",
            remedy: "copy \"\(key)\" from the config of the checkpoint this one was made from")
        return nil
    }

    private mutating func integer(_ value: JSONValue, _ key: String) -> Int? {
        if case .number(let number) = value {
            if let integer = number.integer { return integer }
            // 600000.0 and 3.2e4 are integers too; Python writes both forms.
            if let double = number.double, double == double.rounded(), abs(double) < 0x1p53 {
                return Int(double)
            }
        }
        mismatch(key, "an integer", value)
        return nil
    }

    private mutating func number(_ value: JSONValue, _ key: String) -> Double? {
        if case .number(let number) = value, let double = number.double, double.isFinite { return double }
        mismatch(key, "a finite number", value)
        return nil
    }

    private mutating func flag(_ value: JSONValue, _ key: String) -> Bool? {
        if case .bool(let flag) = value { return flag }
        mismatch(key, "true or false", value)
        return nil
    }

    private mutating func string(_ value: JSONValue, _ key: String) -> String? {
        if case .string(let text) = value { return text }
        mismatch(key, "a string", value)
        return nil
    }

    /// Adds the finding for a member of the wrong kind.
    mutating func mismatch(_ key: String, _ expected: String, _ value: JSONValue) {
        report(
            .configMalformed, "a value of the wrong kind", field: key, expected: expected,
            found: spelling(value))
    }
}

/// A scalar as it was written, a container by its kind.
func spelling(_ value: JSONValue) -> String {
    switch value {
    case .string(let text): "\"\(text)\""
    case .number(let number): number.literal
    case .bool(let flag): "\(flag)"
    case .null, .array, .object: value.kind
    }
}
