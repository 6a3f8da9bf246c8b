// The template of a card: Markdown with `{{name}}` for values, `{{#name}} … {{/name}}` for what stands only where
// there is a value, `{{^name}} … {{/name}}` for what stands where there is none. A small part of Mustache,
// without escaping, since what it makes is Markdown.

import Diagnostics
import Documents

/// A template that a person can edit.
package struct CardTemplate: Sendable {
    private indirect enum Part: Sendable {
        case text(String)
        case value(String)
        case section(String, isInverted: Bool, [Part])
    }

    private let parts: [Part]
    private let file: String

    /// Reads a template.
    package init(_ text: String, file: String) throws(Failure) {
        self.file = file
        var rest = text[...]
        parts = try Self.parse(&rest, until: nil, file: file)
    }

    /// - Parameter isFresh: whether the text begins a line.
    private static func parse(
        _ rest: inout Substring, until name: String?, isFresh: Bool = true, file: String
    ) throws(Failure) -> [Part] {
        var parts: [Part] = []
        var isFresh = isFresh
        while let start = rest.firstRange(of: "{{") {
            let before = rest[..<start.lowerBound]
            parts.append(.text(String(before)))
            guard let end = rest[start.upperBound...].firstRange(of: "}}") else {
                throw wrong(
                    file, "a mark that is not closed", "}}", String(rest[start.lowerBound...].prefix(40)))
            }
            let tag = rest[start.upperBound..<end.lowerBound].split(separator: " ").joined(separator: " ")
            let isAtStart = before.isEmpty ? isFresh : before.hasSuffix("\n")
            rest = rest[end.upperBound...]
            isFresh = false
            guard let sign = tag.first, "#^/".contains(sign) else {
                parts.append(.value(tag))
                continue
            }
            // A line that holds nothing but the mark of a section leaves no line behind.
            if rest.first == "\n", isAtStart {
                rest = rest.dropFirst()
                isFresh = true
            }
            let word = String(tag.dropFirst())
            if sign == "/" {
                guard word == name else {
                    throw wrong(
                        file, "a section that ends and did not begin", name.map { "{{/\($0)}}" } ?? "no end",
                        "{{\(tag)}}")
                }
                return parts
            }
            let inner = try parse(&rest, until: word, isFresh: isFresh, file: file)
            parts.append(.section(word, isInverted: sign == "^", inner))
            isFresh = true
        }
        if let name {
            throw wrong(file, "a section that does not end", "{{/\(name)}}", "the end of the file")
        }
        parts.append(.text(String(rest)))
        return parts
    }

    private static func wrong(_ file: String, _ what: String, _ expected: String, _ found: String) -> Failure
    {
        Failure(
            Finding(
                .error, .templateWrong, "the template has \(what)", file: file, expected: expected,
                found: found,
                remedy: "ingot publish prepare --help names the template's marks"))
    }

    /// Fills in values.
    ///
    /// - Parameter values: every name the program knows; an empty text counts as none.
    package func render(_ values: [String: String]) throws(Failure) -> String {
        var text = ""
        try render(parts, values, to: &text)
        return text
    }

    private func render(_ parts: [Part], _ values: [String: String], to text: inout String) throws(Failure) {
        func value(_ name: String) throws(Failure) -> String {
            if let value = values[name] { return value }
            throw Failure(
                Finding(
                    .error, .templateWrong, "the template asks for a value that there is not", file: file,
                    field: name, expected: "one of " + values.keys.sorted().joined(separator: ", "),
                    found: "{{\(name)}}",
                    remedy: nearMiss(name, among: values.keys.sorted()).map { "did you mean {{\($0)}}?" }))
        }
        for part in parts {
            switch part {
            case .text(let piece): text += piece
            case .value(let name): text += try value(name)
            case .section(let name, let isInverted, let inner):
                if try value(name).isEmpty == isInverted { try render(inner, values, to: &text) }
            }
        }
    }
}
