// What holds for every page: links lead somewhere, the README stays short, nothing names a machine, and figures
// worked out by hand add up.

import Documents
import Foundation
import TestSupport
import Testing

struct DocsPagesTests {
    @Test(arguments: DocsPage.paths) func linksLeadSomewhere(_ path: String) throws {
        let folder = URL(fileURLWithPath: Repository.path(path)).deletingLastPathComponent()
        for link in try DocsPage(path).links {
            let target = folder.appendingPathComponent(link).standardizedFileURL.path
            #expect(target.hasPrefix(Repository.root), "\(path) links out of the repository: \(link)")
            #expect(FileManager.default.fileExists(atPath: target), "\(path) links to \(link)")
        }
    }

    @Test func everyPageIsReachable() throws {
        var reached: Set<String> = ["README.md"]
        var queue = ["README.md"]
        while let path = queue.popLast() {
            let folder = URL(fileURLWithPath: Repository.path(path)).deletingLastPathComponent()
            guard let page = try? DocsPage(path) else { continue }
            for link in page.links where link.hasSuffix(".md") {
                let target = folder.appendingPathComponent(link).standardizedFileURL.path
                let page = String(target.dropFirst(Repository.root.count + 1))
                if reached.insert(page).inserted { queue.append(page) }
            }
        }
        // Pages of codes are found by their code, with `ingot explain`.
        for path in DocsPage.paths where !path.hasPrefix("docs/diagnostics/") {
            #expect(reached.contains(path), "no link leads to \(path)")
        }
    }

    @Test func theReadmeIsShort() throws {
        let count = try Repository.text("README.md").count { $0 == "\n" }
        #expect(count <= 110, "README.md has \(count) lines")
    }

    @Test(arguments: DocsPage.paths) func nothingNamesAMachine(_ path: String) throws {
        let text = try Repository.text(path)
        let forbidden = [
            "/work/", "/tmp/", "/root/", "/home/", "/Users/", "../shared", "localhost", "![", "TODO",
        ]
        for word in forbidden {
            let isClean = !text.contains(word)
            #expect(isClean, "\(path) contains \(word)")
        }
        let picture = text.unicodeScalars.first { $0.properties.isEmojiPresentation }
        #expect(picture == nil, "\(path) contains \(picture.map(String.init) ?? "")")
    }

    @Test func everyProfileIsOnThePageOfProfiles() throws {
        let text = try Repository.text("docs/reference/profiles.md")
        for path in EmbeddedFiles.paths where path.hasPrefix("Profiles/") {
            let name = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
            let isNamed = text.contains("`\(name)`")
            #expect(isNamed, "docs/reference/profiles.md does not name \(name)")
        }
    }

    /// The table `piece | each | count | total`: every row is a product, the bold row their sum, and the sum is
    /// what the profile says.
    @Test func theLedgerWorkedOutByHandAddsUp() throws {
        let text = try Repository.text("docs/03-architecture.md")
        var sum = 0
        var total: Int?
        for line in text.split(separator: "\n") where line.hasPrefix("|") {
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            let numbers = cells.dropFirst().map { cell in
                cell.replacing(",", with: "").split(separator: " × ").map { Int($0) }
            }
            guard numbers.count == 3 else { continue }
            if cells[0] == "**BF16 sum**" {
                total = Int(cells[3].filter(\.isNumber))
            } else if total == nil, let each = numbers[0].first ?? nil, let result = numbers[2].first ?? nil {
                let count = numbers[1].reduce(1) { $0 * ($1 ?? 0) }
                #expect(each * count == result, "\(line)")
                sum += result
            }
        }
        let bytes = try #require(EmbeddedFiles.bytes("Profiles/architectures/ling-flash-2.0.json"))
        let profile = try StrictReader(try JSONValue(parsing: bytes)).object("ledger")
        let elements = try profile.object("elements").integer("BF16")
        #expect(sum == elements)
        #expect(total == elements)
        let isCounted = text.contains("24,161 tensors")
        #expect(isCounted)
        #expect(try profile.integer("tensors") == 24_161)
    }
}
