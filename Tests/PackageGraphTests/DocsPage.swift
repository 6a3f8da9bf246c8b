// A page of the README or of docs: its fenced blocks, links and inline commands, for the tests of the docs.

import Foundation
import TestSupport

/// A Markdown page of the repository.
struct DocsPage {
    /// A fenced block.
    struct Block {
        let language: String
        /// The line of the opening fence, counted from 1.
        let line: Int
        let lines: [String]
        /// Whether only blank lines stand between this block and the one before.
        let isAdjacent: Bool
    }

    /// The path in the repository.
    let path: String
    let text: String
    let blocks: [Block]
    /// The text without its blocks.
    let prose: String

    init(_ path: String) throws {
        self.path = path
        text = try Repository.text(path)
        var blocks: [Block] = []
        var prose: [Substring] = []
        var open: (language: String, line: Int, lines: [String])?
        var isAdjacent = false
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if let block = open {
                if line == "```" {
                    blocks.append(
                        Block(
                            language: block.language, line: block.line, lines: block.lines,
                            isAdjacent: isAdjacent))
                    isAdjacent = true
                    open = nil
                } else {
                    open?.lines.append(String(line))
                }
            } else if line.hasPrefix("```") {
                open = (String(line.dropFirst(3)), index + 1, [])
            } else {
                prose.append(line)
                if line.contains(where: { !$0.isWhitespace }) { isAdjacent = false }
            }
        }
        self.blocks = blocks
        self.prose = prose.joined(separator: "\n")
    }

    /// README.md and every page under docs.
    static let paths: [String] = {
        let files = FileManager.default.enumerator(atPath: Repository.path("docs"))
        let pages = (files?.compactMap { $0 as? String } ?? []).filter { $0.hasSuffix(".md") }
        return ["README.md"] + pages.map { "docs/" + $0 }.sorted()
    }()

    /// Pages that show a command to run.
    static let withCommands = paths.filter { path in
        (try? DocsPage(path))?.blocks.contains { $0.language == "sh" } ?? false
    }

    /// Targets of links, without the part after `#`; links to other sites are left out.
    var links: [String] {
        prose.matches(of: /\]\(([^)\s]+)\)/).map { String($0.1) }
            .filter { !$0.hasPrefix("http://") && !$0.hasPrefix("https://") && !$0.hasPrefix("#") }
            .map { String($0.prefix { $0 != "#" }) }
    }

    /// Commands in the running text: `ingot …`.
    var inlineCommands: [String] {
        prose.replacing(/\s*\n\s*/, with: " ").matches(of: /`(ingot [^`]+)`/).map { String($0.1) }
    }
}
