// Each code of this target has its page.

import TestSupport
import Testing

@Suite struct DiagnosticPageTests {
    @Test func everyCodeHasAPage() throws {
        let source = try Repository.text("Sources/Tokenisation/TokenisationCodes.swift")
        let codes = source.matches(of: /DiagnosticCode\("(TOK-\d+)"/).map { String($0.1) }
        #expect(codes.count == 12 && Set(codes).count == 12)
        for code in codes {
            #expect(try Repository.text("docs/diagnostics/\(code).md").hasPrefix("# \(code)  "))
        }
    }
}
