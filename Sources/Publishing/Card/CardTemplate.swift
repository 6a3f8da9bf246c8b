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

    private static func parse(
        _ rest: inout Substring, until name: String?, file: String
    ) throws(Failure) -> [Part] {
        var parts: [Part] = []
        while let start = rest.firstRange(of: "{{") {
            parts.append(.text(String(rest[..<start.lowerBound])))
            guard let end = rest[start.upperBound...].firstRange(of: "}}") else {
                throw wrong(
                    file, "a mark that is not closed", "}}", String(rest[start.lowerBound...].prefix(40)))
            }
            let tag = rest[start.upperBound..<end.lowerBound].split(separator: " ").joined(separator: " ")
            rest = rest[end.upperBound...]
            let word = String(tag.dropFirst())
            switch tag.first {
            case "#", "^":
                // A line that holds nothing but the mark leaves no empty line.
                if rest.first == "\n", atLineStart(parts) { rest = rest.dropFirst() }
                parts.append(
                    .section(word, isInverted: tag.first == "^", try parse(&rest, until: word, file: file)))
            case "/":
                guard word == name else {
                    throw wrong(
                        file, "a section ends that did not begin", name.map { "{{/\($0)}}" } ?? "no end",
                        "{{\(tag)}}")
                }
                if rest.first == "\n", atLineStart(parts) { rest = rest.dropFirst() }
                return parts
            default: parts.append(.value(tag))
            }
        }
        if let name {
            throw wrong(file, "a section that does not end", "{{/\(name)}}", "the end of the file")
        }
        parts.append(.text(String(rest)))
        return parts
    }

    private static func atLineStart(_ parts: [Part]) -> Bool {
        guard case .text(let text)? = parts.last else { return parts.isEmpty }
        return text.isEmpty ? parts.count == 1 : text.hasSuffix("\n")
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
