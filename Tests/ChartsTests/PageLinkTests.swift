// Links of a page lead to files beside it and nowhere else.

import Charts
import TestSupport
import Testing

struct PageLinkTests {
    private func html(_ blocks: [PageBlock]) -> String {
        HTMLPage(title: "t", sections: [PageSection("s", blocks)]).html()
    }

    @Test func numbersLeadToTheirRecord() throws {
        let table = DataTable(
            columns: [.init("name", numeric: false), .init("n"), .init("why", numeric: false)],
            rows: [["a", "1", "x"], ["b", "2", ""], ["c", "3", "y"]], sources: ["stages/a.json", nil])
        let page = html([
            .table(table), .figures([KeyFigure("size", "3 GB", source: "stages/b.json")]),
            .sources([PageLink("stages/a.json"), PageLink("pages/p.html", text: "the page")]),
        ])
        let links = try MarkupReader(page).elements.compactMap { $0.attributes["href"] }
        #expect(
            links == ["stages/a.json", "stages/a.json", "stages/b.json", "stages/a.json", "pages/p.html"])
        #expect(page.contains("<a href=\"stages/a.json\">1</a>") && page.contains(">x</td>"))
        #expect(page.contains("<a href=\"pages/p.html\">the page</a>"))
    }

    @Test(arguments: [
        ("https://example.org/a", "https%3A/example.org/a"), ("//example.org/a", "#"), ("/etc/passwd", "#"),
        ("../up.json", "#"), ("a/../../b", "#"), ("javascript:alert(1)", "javascript%3Aalert%281%29"),
        ("a b/ü.json", "a%20b/%C3%BC.json"), ("x\"y<z", "x%22y%3Cz"),
    ]) func noLinkLeadsOut(_ path: String, _ reference: String) throws {
        let links = try MarkupReader(html([.sources([PageLink(path)])])).elements
        #expect(links.compactMap { $0.attributes["href"] } == [reference])
    }
}
