// The YAML at the head of a card, between two lines of three dashes: read as the hubs read it, kept in order, and
// written so that every YAML reader gives the same values back.

import Diagnostics
import Documents
import Yams

/// A card: its front matter and what follows.
package struct FrontMatter: Sendable {
    /// In the order of the file.
    package var values: JSONObject
    /// The Markdown below.
    package let body: String

    /// What is wrong with a head that cannot be read.
    package struct Fault: Error, Sendable {
        package let isMissing: Bool
        package let message: String
    }

    /// A front matter is a page at most; anything larger is something else.
    private static let limit = 1 << 18

    /// Reads the text of a README.md.
    package init(_ text: String) throws(Fault) {
        let lines = text.lines
        func isFence(_ line: Substring) -> Bool { line == "---" }
        guard let first = lines.first, isFence(first),
            let end = lines.dropFirst().firstIndex(where: isFence)
        else { throw Fault(isMissing: true, message: "the file does not begin with front matter") }
        let yaml = lines[1..<end].joined(separator: "\n")
        body = lines[(end + 1)...].joined(separator: "\n")
        guard yaml.utf8.count <= Self.limit else {
            throw Fault(isMissing: false, message: "\(grouped(yaml.utf8.count)) bytes of front matter")
        }
        guard case .object(let object) = try Self.parse(yaml) else {
            throw Fault(isMissing: false, message: "the front matter is not a mapping")
        }
        values = object
    }

    /// Reads any YAML document as values.
    ///
    /// Dates and other tagged scalars stay the text they are.
    static func parse(_ yaml: String) throws(Fault) -> JSONValue {
        let node: Node?
        do { node = try compose(yaml: yaml) } catch {
            throw Fault(
                isMissing: false,
                message: "\(error)".split(separator: "\n").prefix(3).joined(separator: " "))
        }
        guard let node else { return .null }
        var budget = 50_000
        return try value(node, depth: 0, &budget)
    }

    private static func value(_ node: Node, depth: Int, _ budget: inout Int) throws(Fault) -> JSONValue {
        budget -= 1
        guard depth < 32, budget > 0 else {
            throw Fault(isMissing: false, message: "nested deeper or longer than a card can be")
        }
        switch node {
        case .scalar(let scalar):
            let tag = node.tag
            if tag == Tag(.null) { return .null }
            if tag == Tag(.bool) { return .bool(node.bool ?? false) }
            if tag == Tag(.int) { return node.int.map { .integer($0) } ?? .string(scalar.string) }
            if tag == Tag(.float) { return node.float.map { .real($0) } ?? .string(scalar.string) }
            return .string(scalar.string)
        case .sequence(let sequence):
            var elements: [JSONValue] = []
            for element in sequence { elements.append(try value(element, depth: depth + 1, &budget)) }
            return .array(elements)
        case .mapping(let mapping):
            var object = JSONObject()
            for (key, element) in mapping {
                guard let key = key.string else {
                    throw Fault(isMissing: false, message: "a key that is not a text")
                }
                guard object[key] == nil else {
                    throw Fault(isMissing: false, message: "\(key) stands twice")
                }
                object[key] = try value(element, depth: depth + 1, &budget)
            }
            return .object(object)
        case .alias: throw Fault(isMissing: false, message: "an alias, which the hubs' readers differ about")
        }
    }

    /// A member as a list of texts: a text alone is a list of one; nil when it is neither.
    package func texts(_ key: String) -> [String]? {
        switch values[key] {
        case .string(let text)?: return [text]
        case .array(let elements)?:
            var texts: [String] = []
            for element in elements {
                guard case .string(let text) = element else { return nil }
                texts.append(text)
            }
            return texts
        default: return nil
        }
    }

    /// A member that is a text.
    package func text(_ key: String) -> String? {
        if case .string(let text)? = values[key] { text } else { nil }
    }

    // MARK: Writing

    /// The whole card again.
    package static func render(_ values: JSONObject, body: String) -> String {
        "---\n" + yaml(.object(values)) + "---\n" + body
    }

    /// A YAML document of values, members in their order, non-ASCII text as it is.
    package static func yaml(_ value: JSONValue) -> String {
        (try? serialize(node: node(value), width: -1, allowUnicode: true)) ?? ""
    }

    private static func node(_ value: JSONValue) -> Node {
        switch value {
        case .null: return Node("null", Tag(.null))
        case .bool(let flag): return Node(flag ? "true" : "false", Tag(.bool))
        case .number(let number):
            return Node(number.literal, Tag(number.integer == nil ? .float : .int))
        case .string(let text):
            // A text that would read as something else is quoted: `no`, `1.10`, `2026-01-01`.
            let isPlain = Node(text).tag == Tag(.str) && !needsQuotes(text)
            return Node(text, Tag(.str), isPlain ? .plain : .doubleQuoted)
        case .array(let elements):
            return .sequence(Node.Sequence(elements.map(node), Tag(.seq), .block))
        case .object(let object):
            return .mapping(
                Node.Mapping(object.members.map { (Node($0.key), node($0.value)) }, Tag(.map), .block))
        }
    }

    /// Words that YAML 1.1 readers take for booleans, and texts that are no plain scalar.
    private static func needsQuotes(_ text: String) -> Bool {
        text.isEmpty || text.contains("\n") || text.contains(": ") || text.contains(" #")
            || ["y", "n", "yes", "no", "on", "off"].contains(text.lowercased())
            || "!&*-?|>@`\"'%{}[],#: ".contains(text.first ?? " ") || text.hasSuffix(":")
            || text.hasSuffix(" ")
    }
}
