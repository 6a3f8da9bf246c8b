// The whole page: closed, escaped, self-contained, small, the same every time.

import Charts
import Diagnostics
import TestSupport
import Testing

struct PageTests {
    @Test func theSampleIsClosedAndSelfContained() throws {
        let html = SamplePage.page.html()
        let reader = try MarkupReader(html)
        try reader.checkGeometry()
        #expect(html == SamplePage.page.html())
        #expect(html.utf8.count < 1_000_000)
        let names = Set(reader.elements.map(\.name))
        #expect(names.isDisjoint(with: ["script", "link", "img", "iframe", "image", "use", "foreignObject"]))
        for element in reader.elements {
            for key in element.attributes.keys {
                #expect(!key.hasPrefix("on") && key != "src" && key != "style")
            }
            if let href = element.attributes["href"] { #expect(href.hasPrefix("#")) }
        }
        for text in ["url(", "@import", "https:"] { #expect(!html.contains(text)) }
        // Every reference inside the page has its target, once.
        let ids = reader.elements.compactMap { $0.attributes["id"] }
        #expect(Set(ids).count == ids.count)
        for href in reader.elements.compactMap({ $0.attributes["href"] }) {
            #expect(ids.contains(String(href.dropFirst())))
        }
    }

    @Test func everyClassHasARule() throws {
        let html = SamplePage.page.html()
        let style = try #require(html.split(separator: "<style>").last?.split(separator: "</style>").first)
        let used = Set(
            try MarkupReader(html).elements.flatMap { ($0.attributes["class"] ?? "").split(separator: " ") })
        let without = used.filter { !style.contains("." + $0) }.sorted()
        #expect(without.isEmpty)
    }

    @Test func hostileTextStaysText() throws {
        let bad = EdgeCaseTests.script
        let table = DataTable(caption: bad, columns: [DataTable.Column(bad)], rows: [[bad, "too long"], []])
        let page = HTMLPage(
            title: bad, subtitle: bad, verdict: Verdict(.warn, bad, detail: bad),
            facts: [HTMLPage.Fact(bad, bad)],
            sections: [
                PageSection(
                    bad,
                    [
                        .prose(bad + " `" + bad + "` and ` alone"),
                        .figures([KeyFigure(bad, bad, note: bad)]),
                        .table(table), .table(DataTable(columns: [], rows: [])), .figures([]),
                        .findings([
                            Finding(
                                .warning, DiagnosticCode(bad), bad, file: bad, expected: bad, found: bad,
                                remedy: bad, cause: bad), Finding(.note, DiagnosticCode("A-001"), bad),
                        ]), .findings([]), .details(bad, [.details(bad, [.prose(bad)])]),
                    ])
            ], footer: bad)
        let html = page.html()
        let reader = try MarkupReader(html)
        #expect(!reader.elements.contains { $0.name == "script" })
        #expect(!html.contains("\u{202E}") && !html.contains("\u{1}"))
        #expect(html.contains("no rows") && html.contains("✓ no findings"))
    }

    @Test func theVerdictIsAWordAndASign() {
        for outcome in Outcome.allCases {
            let html = HTMLPage(title: "t", verdict: Verdict(outcome, "h"), sections: []).html()
            #expect(html.contains(">\(outcome.symbol)<") && html.contains(">\(outcome.word)<"))
            #expect(html.contains("<title>\(outcome.word): t</title>"))
        }
    }

    @Test func findingsLookAsOnTheTerminal() {
        let finding = Finding(
            .error, DiagnosticCode("CKPT-006"), "shard ends early", file: "a.safetensors",
            expected: "9 bytes",
            found: "8 bytes", remedy: "copy it again")
        let html = HTMLPage(title: "t", sections: [PageSection("s", [.findings([finding])])]).html()
        for text in [
            "<strong>error:</strong> shard ends early", ">CKPT-006</code>",
            "<dt>file</dt><dd>a.safetensors</dd><dt>expected</dt><dd>9 bytes</dd><dt>found</dt><dd>8 bytes</dd>"
                + "<dt>try</dt><dd>copy it again</dd>",
        ] { #expect(html.contains(text)) }
    }

    @Test func longTablesAreCut() {
        let rows = (0..<3_000).map { ["\($0)"] }
        let table = PageBlock.table(DataTable(columns: [DataTable.Column("n")], rows: rows))
        let html = HTMLPage(title: "t", sections: [PageSection("s", [table])]).html()
        #expect(html.contains("and 1,976 more rows") && !html.contains(">1024<"))
    }

    @Test(arguments: [(32, 256), (64, 256)]) func heatMapsAreBounded(_ rows: Int, _ columns: Int) throws {
        var noise = Noise(state: 5)
        let map = HeatMap(
            title: "t", rows: (0..<rows).map { "layer \($0)" }, columns: (0..<columns).map { "\($0)" },
            rowLabel: "layer", columnLabel: "expert", valueLabel: "load",
            values: (0..<rows).map { _ in (0..<columns).map { _ in noise.next() } })
        let svg = map.svg()
        #expect(svg.utf8.count < 900_000)
        let titles = try MarkupReader(svg).elements.count { $0.name == "title" }
        #expect(rows * columns <= 8_192 ? titles == rows * columns + 1 : titles == 1)
    }
}
