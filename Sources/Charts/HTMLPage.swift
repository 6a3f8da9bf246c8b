// A report as one file: no scripts, no fonts, no links but to files beside it. A content security policy in its head makes
// a browser hold it to that.

/// A report for people who decide.
package struct HTMLPage: Sendable {
    /// A fact about the report: what was measured, with what, when.
    package struct Fact: Sendable {
        package var label: String
        package var value: String

        /// A label and its value.
        package init(_ label: String, _ value: String) {
            self.label = label
            self.value = value
        }
    }

    package var title: String
    /// A sentence under the title; may be empty.
    package var subtitle: String
    package var verdict: Verdict?
    /// Shown under the title; the page adds nothing of its own, so that the same input gives the same bytes.
    package var facts: [Fact]
    package var sections: [PageSection]
    /// The last line, such as how to make the report again; text between backticks is set as code.
    package var footer: String

    /// A report of sections.
    package init(
        title: String, subtitle: String = "", verdict: Verdict? = nil, facts: [Fact] = [],
        sections: [PageSection], footer: String = ""
    ) {
        self.title = title
        self.subtitle = subtitle
        self.verdict = verdict
        self.facts = facts
        self.sections = sections
        self.footer = footer
    }

    /// The page as HTML that is also well-formed XML after its first line.
    package func html() -> String {
        var markup = Markup()
        markup.raw("<!DOCTYPE html>\n")
        markup.element("html", ["lang": "en"]) { html in
            html.element("head") { head(into: &$0) }
            html.raw("\n")
            html.element("body") { body in
                body.element("main") { main in
                    header(into: &main)
                    for (index, section) in sections.enumerated() {
                        main.element("section", ["id": "section-\(index + 1)"]) {
                            $0.element("h2", text: section.heading)
                            $0.raw("\n")
                            PageBlock.render(section.blocks, into: &$0)
                        }
                        main.raw("\n")
                    }
                    if !footer.isEmpty {
                        main.element("footer") { PageBlock.render([.prose(footer)], into: &$0) }
                    }
                }
            }
        }
        return markup.text + "\n"
    }

    private func head(into head: inout Markup) {
        head.element("meta", ["charset": "utf-8"])
        head.element(
            "meta",
            [
                "http-equiv": "Content-Security-Policy",
                "content": "default-src 'none'; style-src 'unsafe-inline'",
            ])
        head.element("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"])
        head.element("meta", ["name": "color-scheme", "content": "light dark"])
        let word = verdict.map { "\($0.outcome.word): " } ?? ""
        head.element("title", text: word + title)
        head.element("style") { $0.raw("\n" + Stylesheet.text) }
    }

    private func header(into main: inout Markup) {
        main.element("header") { header in
            header.element("h1", text: title)
            if !subtitle.isEmpty { header.element("p", ["class": "subtitle"], text: subtitle) }
        }
        main.raw("\n")
        verdict?.render(into: &main)
        if !facts.isEmpty {
            main.element("dl", ["class": "facts"]) { list in
                for fact in facts {
                    list.element("div") {
                        $0.element("dt", text: fact.label)
                        $0.element("dd", text: fact.value)
                    }
                }
            }
            main.raw("\n")
        }
        guard sections.count > 2 else { return }
        main.element("nav", ["aria-label": "Sections"]) { nav in
            nav.element("ol") { list in
                for (index, section) in sections.enumerated() {
                    list.element("li") {
                        $0.element("a", ["href": "#section-\(index + 1)"], text: section.heading)
                    }
                }
            }
        }
        main.raw("\n")
    }
}
