// The arrows between targets point one way: a target imports only targets that stand above it.

import Foundation
import TestSupport
import Testing

struct ImportOrderTests {
    /// Design order; a later target may import an earlier one, never the reverse.
    static let order = [
        "CKernels", "CSystem", "CEmbedded", "CCurl", "COpenBLAS", "CZstd", "CXXHash", "Documents",
        "Diagnostics", "Charts", "Tensors", "Checkpoints", "Architectures", "Tokenisation", "Backends",
        "ReferenceModel", "Endpoints", "Calibration",
        "Quantisation",
        "DraftHeads", "Parity", "Topology", "Publishing", "Workbench", "Commands", "ingot", "ingot-bench",
    ]

    static func swiftFiles(under folder: String) -> [String] {
        let root = Repository.path(folder)
        guard let files = FileManager.default.enumerator(atPath: root) else { return [] }
        return files.compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }.sorted()
    }

    @Test func everyTargetStandsInTheOrder() throws {
        let targets = try FileManager.default.contentsOfDirectory(atPath: Repository.path("Sources"))
        #expect(!targets.isEmpty)
        for target in targets { #expect(Self.order.contains(target), "\(target) has no place in the order") }
    }

    @Test func importsPointUpwards() throws {
        var seen = 0
        for file in Self.swiftFiles(under: "Sources") {
            let target = String(file.split(separator: "/")[0])
            let place = try #require(Self.order.firstIndex(of: target))
            for line in try Repository.text("Sources/\(file)").split(separator: "\n") {
                let words = line.split(separator: " ")
                guard let at = words.firstIndex(of: "import"), at + 1 < words.count,
                    words[..<at].allSatisfy({ $0.hasPrefix("@") || $0 == "package" || $0 == "public" }),
                    let other = Self.order.firstIndex(of: String(words[at + 1]))
                else { continue }
                seen += 1
                #expect(other < place, "\(file) imports \(words[at + 1]), which stands below \(target)")
            }
        }
        #expect(seen > 50)
    }

    @Test func filesAreSmall() throws {
        for file in Self.swiftFiles(under: "Sources") {
            let text = try Repository.text("Sources/\(file)")
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).count
            #expect(lines <= 400, "\(file) has \(lines) lines; split it or say why in its first comment")
            #expect(text.hasPrefix("//"), "\(file) does not open with what it is")
        }
    }
}
