// Profiles and diagnostics pages: all of them travel in the program, and every code has its page.

import Documents
import Foundation
import TestSupport
import Testing

struct EmbeddedFilesTests {
    @Test func everyProfileAndPageIsEmbedded() throws {
        var paths: [String] = []
        for (folder, ending) in [
            ("Profiles", ".json"), ("Profiles", ".md"), ("docs/diagnostics", ".md"),
        ] {
            let files = try #require(FileManager.default.enumerator(atPath: Repository.path(folder)))
            paths += files.compactMap { $0 as? String }.filter { $0.hasSuffix(ending) }.map {
                "\(folder)/\($0)"
            }
        }
        #expect(paths.count > 50)
        #expect(paths.sorted() == EmbeddedFiles.paths.sorted(), "run `make embed` and commit the result")
        for path in paths {
            #expect(
                EmbeddedFiles.bytes(path)
                    == Array(try Data(contentsOf: URL(fileURLWithPath: Repository.path(path)))))
        }
    }

    @Test func everyCodeHasAPageAndEveryPageACode() throws {
        let pattern = /DiagnosticCode\(\s*"([A-Z]+-[0-9]+)"/
        var codes: [String: String] = [:]
        for file in ImportOrderTests.swiftFiles(under: "Sources") {
            for match in try Repository.text("Sources/\(file)").matches(of: pattern) {
                let code = String(match.1)
                #expect(codes[code] == nil, "\(code) is declared in \(file) and in \(codes[code] ?? "")")
                codes[code] = file
            }
        }
        let pages = EmbeddedFiles.paths.filter { $0.hasPrefix("docs/diagnostics/") }.map {
            String($0.dropFirst("docs/diagnostics/".count).dropLast(3))
        }
        #expect(Set(codes.keys) == Set(pages))
        for code in pages {
            let text = try Repository.text("docs/diagnostics/\(code).md")
            #expect(text.hasPrefix("# \(code)  "), "\(code).md opens with `# \(code)  what it says`")
        }
    }
}
