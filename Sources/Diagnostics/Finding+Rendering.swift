// The two forms of a finding: text for a person, a document for a program.

import Documents

extension Finding {
    /// The text form: a head line with the code at column 74, then one labelled line for each field.
    package var text: String {
        let head = "\(level.rawValue): \(what)"
        let gap = String(repeating: " ", count: max(2, 73 - head.count))
        var lines = [head + gap + code.name]
        lines += subjects.map { Self.line($0.label, $0.value) }
        let fields = [("expected", expected), ("found", found), ("cause", cause), ("try", remedy)]
        for (label, value) in fields {
            if let value { lines.append(Self.line(label, value)) }
        }
        return lines.joined(separator: "\n")
    }

    private static func line(_ label: String, _ value: String) -> String {
        let padded = label + String(repeating: " ", count: max(1, 10 - label.count))
        return "  " + padded + value.replacing("\n", with: "\n            ")
    }

    /// The document form; absent fields are left out.
    package var document: JSONValue {
        var object = JSONObject()
        object["level"] = .string(level.rawValue)
        object["code"] = .string(code.name)
        object["what"] = .string(what)
        for subject in subjects { object[subject.label] = .string(subject.value) }
        object["expected"] = expected.map(JSONValue.string)
        object["found"] = found.map(JSONValue.string)
        object["cause"] = cause.map(JSONValue.string)
        object["remedy"] = remedy.map(JSONValue.string)
        return .object(object)
    }
}
