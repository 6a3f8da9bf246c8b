// The help of a command in the order in which one reads it: what it takes and does first, what every command
// can do last. The argument parser puts sections with a title before a command's own options.

import ArgumentParser

/// The help of the argument parser, section by section.
///
/// - Checked by: HelpTests.
struct HelpPage {
    /// The title of the options that every command has.
    static let generalTitle = "General options"

    /// Lines under a header such as `OPTIONS:`.
    private struct Section {
        var header: String
        var lines: [Substring]
    }

    private var preamble: [Substring] = []
    private var sections: [Section] = []
    /// Where to go from here.
    private var closing: [Substring] = []

    /// Reads what the parser prints; nil when that is no help page but a version, a script or a message.
    init?(_ text: String) {
        guard text.hasPrefix("OVERVIEW: ") else { return nil }
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if Self.isHeader(line) {
                sections.append(Section(header: String(line), lines: []))
            } else if line.hasPrefix("  See '") || !closing.isEmpty {
                closing.append(line)
            } else if sections.isEmpty {
                preamble.append(line)
            } else if !line.isEmpty {
                sections[sections.count - 1].lines.append(line)
            }
        }
    }

    /// Capitals and spaces up to a colon at the end of the line: no sentence looks so.
    private static func isHeader(_ line: Substring) -> Bool {
        guard line.last == ":", line.count > 1 else { return false }
        return line.dropLast().allSatisfy { $0.isUppercase || $0 == " " || $0 == "," }
    }

    /// The page as it is printed, without an empty line at its end.
    var text: String {
        var text = preamble.joined(separator: "\n")
        while text.last == "\n" { text.removeLast() }
        for section in arranged where !section.lines.isEmpty {
            text += "\n\n" + section.header + "\n" + section.lines.joined(separator: "\n")
        }
        var closing = closing.joined(separator: "\n")
        while closing.last == "\n" { closing.removeLast() }
        return closing.isEmpty ? text : text + "\n\n" + closing
    }

    /// Arguments, the command's own options, its groups, subcommands, and what every command has.
    private var arranged: [Section] {
        let suffix = " SUBCOMMANDS:"
        let general = Self.generalTitle.uppercased() + ":"
        var first: [Section] = []
        var groups: [Section] = []
        var subcommands: [Section] = []
        var last = Section(header: general, lines: [])
        for section in sections {
            switch section.header {
            case "ARGUMENTS:": first.insert(section, at: 0)
            case "OPTIONS:":
                let (own, shared) = Self.divided(section.lines)
                first.append(Section(header: section.header, lines: own))
                last.lines += shared
            case general: last.lines = section.lines + last.lines
            case "SUBCOMMANDS:": subcommands.append(section)
            case let header where header.hasSuffix(suffix):
                subcommands.append(Section(header: header.dropLast(suffix.count) + ":", lines: section.lines))
            default: groups.append(section)
            }
        }
        return first + groups + subcommands + [last]
    }

    /// A command's own options, and those that the parser gives to every command.
    private static func divided(_ lines: [Substring]) -> (own: [Substring], shared: [Substring]) {
        var own: [Substring] = []
        var shared: [Substring] = []
        var isShared = false
        for line in lines {
            if line.hasPrefix("  -") {
                isShared = line.hasPrefix("  --version ") || line.hasPrefix("  -h, --help ")
            }
            if isShared { shared.append(line) } else { own.append(line) }
        }
        return (own, shared)
    }
}
