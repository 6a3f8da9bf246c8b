// ingot explain CODE: the page of a code.

import ArgumentParser
import Diagnostics
import Documents

/// Prints the page of a diagnostic code.
struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what a code means and what to do.",
        usage: "ingot explain [CODE]",
        discussion: """
            Every error and warning ends with its code. The page says what was checked and how to put it right.

            Example:
              ingot explain CKPT-006
            """)

    @Argument(help: "A code such as CKPT-006; without one, all codes are listed.", completion: .codes)
    var code: String?

    @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

    func run() throws {
        try options.report("explain") { () throws(Failure) in
            let pages = Self.pages
            guard let code else {
                let lines = pages.map { "\($0.code)  \($0.title)" }
                return CommandResult(
                    text: lines.joined(separator: "\n"),
                    document: .array(pages.map { ["code": .string($0.code), "title": .string($0.title)] }))
            }
            guard let page = pages.first(where: { $0.code == code.uppercased() }) else {
                let near = nearMiss(code, among: pages.map(\.code))
                throw Failure(
                    Finding(
                        .error, .unknownCode, "no such code", option: code,
                        expected: "a code that a message ends with, such as CKPT-006",
                        remedy: near.map { "ingot explain \($0)" } ?? "ingot explain lists all codes"))
            }
            return CommandResult(
                text: page.text,
                document: [
                    "code": .string(page.code), "title": .string(page.title), "page": .string(page.text),
                ])
        }
    }

    /// A page of docs/diagnostics.
    struct Page {
        let code: String
        let title: String
        let text: String
    }

    static var pages: [Page] {
        EmbeddedFiles.paths.compactMap { path in
            let folder = "docs/diagnostics/"
            guard path.hasPrefix(folder), path.hasSuffix(".md"), let bytes = EmbeddedFiles.bytes(path) else {
                return nil
            }
            let code = String(path.dropFirst(folder.count).dropLast(3))
            var text = String(decoding: bytes, as: UTF8.self)
            while text.last == "\n" { text.removeLast() }
            // The first line is `# CODE  title`.
            let title = text.prefix { $0 != "\n" }.dropFirst(2 + code.count).drop { $0 == " " }
            return Page(code: code, title: String(title), text: text)
        }
    }
}
