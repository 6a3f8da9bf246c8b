// How findings, numbers and progress are written, to the letter.

import Diagnostics
import Documents
import TestSupport
import Testing

struct RenderingTests {
    private let code = DiagnosticCode("CKPT-006")

    @Test func findingAsText() {
        let finding = Finding(
            .error, code, "shard ends before its tensor data does", file: "model.safetensors",
            expected: "9 bytes", found: "8 bytes", remedy: "copy it again", cause: "no idea")
        #expect(
            finding.text == """
                error: shard ends before its tensor data does                            CKPT-006
                  file      model.safetensors
                  expected  9 bytes
                  found     8 bytes
                  cause     no idea
                  try       copy it again
                """)
        let long = Finding(.note, code, String(repeating: "x", count: 80))
        #expect(long.text == "note: " + String(repeating: "x", count: 80) + "  CKPT-006")
        let lines = Finding(.warning, code, "w", tensor: "a\nb")
        #expect(lines.text.hasSuffix("\n  tensor    a\n            b"))
    }

    @Test func findingAsDocument() {
        let finding = Finding(.error, code, "w", file: "f", found: "x")
        #expect(
            finding.document.text(.compact)
                == #"{"level":"error","code":"CKPT-006","what":"w","file":"f","found":"x"}"#)
    }

    @Test func numbers() {
        #expect([0, 999, 1000, -1_234_567].map { grouped($0) } == ["0", "999", "1,000", "-1,234,567"])
        #expect(grouped(Int.min) == "-9,223,372,036,854,775,808")
        #expect(
            [0, 999, 1000, 104_230_000_000].map(byteCount) == [
                "0 bytes", "999 bytes", "1.00 kB", "104.23 GB",
            ])
        #expect(decimals(2.005, 1) == "2.0" && decimals(-0.04, 1) == "0.0" && decimals(-1.25, 1) == "-1.3")
        #expect(decimals(99.95, 1) == "100.0" && decimals(0.5, 0) == "1" && decimals(.nan, 2) == "nan")
        #expect(
            scientific(0.0263) == "2.63e-02" && scientific(0) == "0" && scientific(-9.999e9) == "-1.00e+10")
        #expect(ranges([3, 0, 1, 2, 7, 9, 10]) == "0…3, 7, 9…10" && ranges([]).isEmpty)
        #expect(abridged(["a", "b", "c"], limit: 2) == "a, b and 1 more")
    }

    @Test func collectorKeepsTheFirstOfEachCode() {
        var collector = FindingCollector()
        for index in 0..<20 { collector.add(Finding(.error, code, "number \(index)")) }
        collector.add(Finding(.note, DiagnosticCode("CKPT-007"), "other"))
        let findings = collector.findings
        #expect(findings.count == FindingCollector.keptPerCode + 2)
        #expect(findings.last?.what == "and 12 more of the same code, 20 in all")
        #expect(collector.hasErrors)
        #expect((try? findings.throwErrors()) == nil)
    }

    @Test func theExitIsThatOfTheFirstError() {
        let note = Finding(.note, DiagnosticCode("A-001", exit: .usage), "n")
        let error = Finding(.error, DiagnosticCode("A-002", exit: .inputMissing), "e")
        #expect(Failure([note, error]).exit == .inputMissing)
    }

    @Test func table() {
        var table = TextTable(["name", "count"], numeric: [1])
        table.add(["a", "1"])
        table.add(["long one", "1,000"])
        #expect(table.text == "name      count\na             1\nlong one  1,000")
    }
}
