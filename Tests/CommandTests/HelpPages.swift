// The help of every command as the program prints it, for the tests of help, completions and manual pages.

import TestSupport

/// What one command says of itself.
struct PrintedHelp: CustomStringConvertible {
    /// The words after `ingot`; none for the root.
    let path: [String]
    let lines: [String]

    var description: String { (["ingot"] + path).joined(separator: " ") }

    /// The help of every command that the help shows, the root first.
    static func all() throws -> [PrintedHelp] { try below([]) }

    private static func below(_ path: [String]) throws -> [PrintedHelp] {
        let run = try ProgramRun(
            Repository.program("ingot"), path + ["--help"], environment: ["COLUMNS": "80"])
        let lines = run.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let page = PrintedHelp(path: path, lines: lines)
        return try page.subcommands.reduce([page]) { try $0 + below(path + [$1]) }
    }

    /// The header of each section with its lines, as they stand.
    var sections: [(header: String, lines: [String])] {
        var sections: [(header: String, lines: [String])] = []
        for line in lines {
            if line.wholeMatch(of: /[A-Z][A-Z ,]*:/) != nil {
                sections.append((line, []))
            } else if !sections.isEmpty, !line.isEmpty {
                sections[sections.count - 1].lines.append(line)
            }
        }
        return sections
    }

    /// Sections of options hold words that begin with a hyphen, sections of subcommands do not.
    var subcommands: [String] {
        sections.filter { $0.header != "ARGUMENTS:" }.flatMap(\.lines)
            .compactMap { $0.prefixMatch(of: /\s\s([a-z]+)/).map { String($0.1) } }
    }

    /// Every option with its description on one line.
    var options: [String] {
        var options: [String] = []
        for line in sections.flatMap(\.lines) {
            if line.hasPrefix("  -") {
                options.append(line)
            } else if line.hasPrefix("      "), !options.isEmpty {
                options[options.count - 1] += " " + line.drop { $0 == " " }
            }
        }
        return options
    }

    /// The commands under `Example:`, those that end with `\` joined.
    var examples: [String] {
        let block = lines.drop { $0 != "Example:" }.dropFirst().prefix { $0.hasPrefix("  ") }
        let text = block.map { $0.drop { $0 == " " } }.joined(separator: "\n")
        return text.replacing("\\\n", with: "").split(separator: "\n").map(String.init)
    }
}
