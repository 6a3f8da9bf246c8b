// JSON text from values: two-space indentation as the hub's files have it, or one line.

extension JSONValue {
    /// How a document is laid out.
    package enum Layout: Sendable {
        /// Two spaces for each level, a member a line.
        case indented
        /// One line, no spaces.
        case compact
    }

    /// The text of this value.
    ///
    /// Member order is kept; the text ends without a newline.
    package func text(_ layout: Layout = .indented) -> String {
        var output = ""
        write(to: &output, layout: layout, level: 0)
        return output
    }

    private func write(to output: inout String, layout: Layout, level: Int) {
        switch self {
        case .null: output += "null"
        case .bool(let value): output += value ? "true" : "false"
        case .number(let number): output += number.literal
        case .string(let value): JSONValue.quote(value, to: &output)
        case .array(let elements):
            Self.writeList(elements, "[", "]", to: &output, layout: layout, level: level) { element, output in
                element.write(to: &output, layout: layout, level: level + 1)
            }
        case .object(let object):
            Self.writeList(object.members, "{", "}", to: &output, layout: layout, level: level) {
                member, output in
                JSONValue.quote(member.key, to: &output)
                output += layout == .indented ? ": " : ":"
                member.value.write(to: &output, layout: layout, level: level + 1)
            }
        }
    }

    private static func writeList<Element>(
        _ elements: [Element], _ opening: String, _ closing: String, to output: inout String, layout: Layout,
        level: Int, each: (Element, inout String) -> Void
    ) {
        output += opening
        for (index, element) in elements.enumerated() {
            if index > 0 { output += "," }
            if layout == .indented { newLine(&output, level + 1) }
            each(element, &output)
        }
        if layout == .indented, !elements.isEmpty { newLine(&output, level) }
        output += closing
    }

    private static func newLine(_ output: inout String, _ level: Int) {
        output += "\n"
        for _ in 0..<level { output += "  " }
    }

    /// Appends a string in quotes, escaping only what JSON demands.
    package static func quote(_ value: String, to output: inout String) {
        output += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": output += "\\\""
            case "\\": output += "\\\\"
            case "\n": output += "\\n"
            case "\r": output += "\\r"
            case "\t": output += "\\t"
            case let control where control.value < 0x20 || control.value == 0x7F:
                let digits = String(control.value, radix: 16)
                output += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: output.unicodeScalars.append(scalar)
            }
        }
        output += "\""
    }
}
