// The answer of a report, and the few numbers that carry it.

/// Whether a check passed: the word and the sign that stand beside every colour that says so.
package enum Outcome: String, Sendable, CaseIterable {
    case pass, warn, fail

    /// The word in a banner.
    package var word: String {
        switch self {
        case .pass: "Pass"
        case .warn: "Pass with warnings"
        case .fail: "Fail"
        }
    }

    /// The sign beside the word.
    package var symbol: String {
        switch self {
        case .pass: "✓"
        case .warn: "!"
        case .fail: "✕"
        }
    }
}

/// The banner at the head of a report.
package struct Verdict: Sendable {
    package var outcome: Outcome
    /// What it means, in one sentence.
    package var headline: String
    /// Why, in one or two more; may be empty.
    package var detail: String

    /// A verdict with its reason.
    package init(_ outcome: Outcome, _ headline: String, detail: String = "") {
        self.outcome = outcome
        self.headline = headline
        self.detail = detail
    }

    /// The banner as markup.
    func render(into markup: inout Markup) {
        markup.element(
            "div", ["class": "verdict \(outcome.rawValue)", "role": "group", "aria-label": "Verdict"]
        ) { banner in
            banner.element("span", ["class": "sign", "aria-hidden": "true"], text: outcome.symbol)
            banner.element("div") {
                $0.element("p", ["class": "word"], text: outcome.word)
                $0.element("p", ["class": "headline"], text: headline)
                if !detail.isEmpty { $0.element("p", ["class": "detail"], text: detail) }
            }
        }
        markup.raw("\n")
    }
}

/// One number that matters, with its name and what to compare it with.
package struct KeyFigure: Sendable {
    package var label: String
    package var value: String
    /// What it is compared with, or where it was seen.
    package var note: String
    /// Whether it passed; nil for a number without a verdict.
    package var outcome: Outcome?
    /// The record that it comes from, by its path from the page's folder; the value becomes a link to it.
    package var source: String?

    /// A card of a label, a value and a note.
    package init(
        _ label: String, _ value: String, note: String = "", outcome: Outcome? = nil, source: String? = nil
    ) {
        self.label = label
        self.value = value
        self.note = note
        self.outcome = outcome
        self.source = source
    }

    /// The card as markup.
    func render(into markup: inout Markup) {
        markup.element("div", ["class": "card \(outcome?.rawValue ?? "")"]) { card in
            card.element("dt") {
                $0.add(label)
                if let outcome {
                    $0.element("span", ["class": "chip \(outcome.rawValue)"]) {
                        $0.element("span", ["aria-hidden": "true"], text: outcome.symbol + " ")
                        $0.add(outcome.rawValue)
                    }
                }
            }
            card.element("dd", ["class": "value"]) {
                if let source { PageLink(source, text: value).render(into: &$0) } else { $0.add(value) }
            }
            if !note.isEmpty { card.element("dd", ["class": "note"], text: note) }
        }
    }
}
