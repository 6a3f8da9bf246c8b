// Each code of this target has its page.

import Checkpoints
import Testing

@Suite struct DiagnosticPageTests {
    /// The codes as declared in the sources of the target.
    private func declaredCodes() throws -> [String] {
        let sources = fixturesFolder + "/../Sources/Checkpoints"
        var codes: [String] = []
        for name in try FileAccess.names(in: sources) where name.hasSuffix("Codes.swift") {
            let text = String(
                decoding: try FileAccess.read(joined(sources, name), limit: 1 << 20), as: UTF8.self)
            codes += text.matches(of: /DiagnosticCode\("([A-Z]+-\d+)"/).map { String($0.1) }
        }
        return codes
    }

    @Test func everyCodeHasAPage() throws {
        let codes = try declaredCodes()
        #expect(codes.count == Set(codes).count && codes.count > 60)
        for code in codes {
            let path = fixturesFolder + "/../docs/diagnostics/\(code).md"
            let page = try String(decoding: FileAccess.read(path, limit: 1 << 16), as: UTF8.self)
            #expect(page.hasPrefix("# \(code)  "), "\(code)")
            #expect((4...14).contains(page.split(separator: "\n").count), "\(code)")
        }
    }
}
