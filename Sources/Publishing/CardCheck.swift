// What the card says below its head: the parts it must have, the files it points to, and that its licence is the
// one in the folder and the base's.

import Checkpoints
import Diagnostics
import Documents

/// The checks of the card's text and of the licence.
struct CardCheck {
    let subject: CardSubject
    let profile: CardProfile

    private var body: String { subject.body }

    func findings() -> [Finding] { sections() + links() + licence() }

    // MARK: Parts

    private func sections() -> [Finding] {
        var findings: [Finding] = []
        for section in profile.sections {
            let applies =
                switch section.occasion {
                case .always: true
                case .quantised: subject.isQuantised
                case .medical: isMedical
                }
            let paragraphs = Self.paragraphs(body, saying: section.words)
            guard applies, !paragraphs.contains(where: { !section.isMeasured || Self.holdsNumber($0) }) else {
                continue
            }
            let code: DiagnosticCode =
                switch section.name {
                case "recipe": .recipeUnsaid
                case "evaluation": .evaluationUnsaid
                case "use": .useUnsaid
                case "limits": .limitsUnsaid
                default: .medicalNoticeUnsaid
                }
            findings.append(
                Finding(
                    .error, code, "the card does not say \(section.what)", file: Release.cardName,
                    expected: (section.isMeasured ? "numbers where it says one of: " : "one of: ")
                        + abridged(section.words, limit: 3),
                    found: paragraphs.isEmpty ? "none of them" : "the word and no number",
                    remedy: Self.remedy(code)))
        }
        return findings
    }

    private static func remedy(_ code: DiagnosticCode) -> String {
        switch code {
        case .evaluationUnsaid:
            "ingot verify BASE MODEL --json > FILE, then ingot publish prepare --parity FILE"
        case .medicalNoticeUnsaid: "ingot publish prepare --medical puts it first"
        default: "add the part; ingot publish prepare writes it"
        }
    }

    /// Paragraphs that say one of some words, or stand under a heading that does, in lower case.
    private static func paragraphs(_ body: String, saying words: [String]) -> [String] {
        var paragraphs: [String] = []
        var (isUnderWord, isCode) = (false, false)
        var lines: [Substring] = []
        func close() {
            let (text, paragraph) = (lines.joined(separator: " "), lines.joined(separator: "\n"))
            lines = []
            let isTold = isUnderWord || words.contains { text.contains($0) }
            if isTold, !paragraph.isEmpty { paragraphs.append(paragraph) }
        }
        for line in body.lowercased().lines {
            if line.hasPrefix("```") { isCode.toggle() }
            if line.hasPrefix("#"), !isCode {
                close()
                isUnderWord = words.contains { line.contains($0) }
                if isUnderWord { paragraphs.append("") }
            } else if line.allSatisfy(\.isWhitespace) {
                close()
            } else {
                lines.append(line)
            }
        }
        close()
        return paragraphs
    }

    /// Whether a paragraph states a number: one that is no part of a name, of a version or of a list's numbering.
    static func holdsNumber(_ paragraph: String) -> Bool {
        paragraph.lines.contains { line in
            let words = line.split { !($0.isASCII && ($0.isLetter || $0.isNumber || "-._,/".contains($0))) }
            return words.enumerated().contains { place, word in
                if place == 0, word.last == ".", line.hasPrefix(word) { return false }
                let end = word.lastIndex { $0 != "." && $0 != "," } ?? word.startIndex
                let plain = word[...end].replacing(",", with: "")
                return plain.first?.isNumber == true && Double(plain) != nil
            }
        }
    }

    /// Whether tags, title or base model say that it is a medical model.
    private var isMedical: Bool {
        let title = body.lines.first { $0.hasPrefix("# ") }.map(String.init) ?? ""
        let texts = (subject.card?.texts("tags") ?? []) + (subject.card?.texts("base_model") ?? []) + [title]
        let words = texts.flatMap { text in
            text.lowercased().split { !($0.isLetter || $0.isNumber) }.map(String.init)
        }
        return profile.medicalWords.contains { word in
            word.utf8.allSatisfy { $0 < 0x80 } ? words.contains(word) : texts.contains { $0.contains(word) }
        }
    }

    // MARK: Links

    private func links() -> [Finding] {
        var findings: [Finding] = []
        for target in Self.targets(body) {
            let path = String(target.prefix { $0 != "#" && $0 != "?" })
            guard !path.isEmpty, !path.contains("://"), !path.hasPrefix("mailto:"), !path.hasPrefix("data:")
            else {
                continue
            }
            var plain = path[...]
            while plain.hasPrefix("./") { plain = plain.dropFirst(2) }
            if subject.paths.contains(String(plain)) { continue }
            findings.append(
                Finding(
                    .error, .cardLinkBroken, "the card points to a file that is not in the folder",
                    file: Release.cardName, field: target, expected: "a file of the folder, or a URL",
                    found: "no such file", remedy: "add the file or remove the link"))
        }
        return findings
    }

    /// Targets of Markdown links and of pictures, those of HTML included.
    static func targets(_ body: String) -> [String] {
        var targets: [String] = []
        var isCode = false
        for line in body.lines {
            if line.hasPrefix("```") { isCode.toggle() }
            guard !isCode else { continue }
            for opening in ["](", "src=\"", "href=\""] {
                var rest = line[...]
                while let start = rest.firstRange(of: opening) {
                    rest = rest[start.upperBound...]
                    let end = rest.firstIndex { $0 == ")" || $0 == "\"" || $0 == " " } ?? rest.endIndex
                    targets.append(String(rest[..<end]))
                }
            }
        }
        return targets
    }

    // MARK: Licence

    private func licence() -> [Finding] {
        guard let written = subject.card?.text("license") else { return [] }
        let id = (try? HubProfile.read(.modelScope))?.licenceNames[written] ?? written
        var findings: [Finding] = []
        for (name, text) in subject.licences {
            guard let known = LicenceText(text) else { continue }
            if known.id != id {
                findings.append(
                    Finding(
                        .error, .licenceTextDiffers, "the card and the licence text name two licences",
                        file: name, field: "license", expected: id + ", as the card says",
                        found: known.title, remedy: "take the base model's licence for both"))
            }
        }
        if let base = subject.baseLicence, base != written, base != id {
            findings.append(
                Finding(
                    .error, .licenceOfBaseDiffers, "the card names another licence than the base model",
                    file: Release.cardName, field: "license", expected: base, found: written,
                    remedy: "keep the base model's licence, unless its authors say otherwise"))
        }
        return findings
    }
}

/// A licence recognised by sentences that only its text has.
package struct LicenceText {
    /// The identifier of the hubs.
    package let id: String
    package let title: String

    /// - Source: the licence texts as published by the SPDX project; each row is a phrase and what excludes it.
    private static let marks: [(id: String, title: String, phrases: [String])] = [
        ("apache-2.0", "Apache License 2.0", ["apache license", "version 2.0, january 2004"]),
        (
            "mit", "MIT License",
            ["permission is hereby granted, free of charge, to any person obtaining a copy"]
        ),
        (
            "agpl-3.0", "GNU Affero General Public License 3",
            ["gnu affero general public license", "version 3"]
        ),
        (
            "lgpl-3.0", "GNU Lesser General Public License 3",
            ["gnu lesser general public license", "version 3"]
        ),
        (
            "gpl-3.0", "GNU General Public License 3",
            ["gnu general public license", "version 3, 29 june 2007"]
        ),
        ("gpl-2.0", "GNU General Public License 2", ["gnu general public license", "version 2, june 1991"]),
        ("mpl-2.0", "Mozilla Public License 2.0", ["mozilla public license version 2.0"]),
        (
            "bsd-3-clause", "BSD 3-Clause",
            ["redistribution and use in source and binary forms", "neither the name"]
        ),
        ("bsd-2-clause", "BSD 2-Clause", ["redistribution and use in source and binary forms"]),
        ("cc-by-nc-4.0", "CC BY-NC 4.0", ["creative commons attribution-noncommercial 4.0 international"]),
        ("cc-by-sa-4.0", "CC BY-SA 4.0", ["creative commons attribution-sharealike 4.0 international"]),
        ("cc-by-4.0", "CC BY 4.0", ["creative commons attribution 4.0 international"]),
        ("cc0-1.0", "CC0 1.0", ["cc0 1.0 universal"]),
        (
            "unlicense", "The Unlicense",
            ["this is free and unencumbered software released into the public domain"]
        ),
    ]

    /// Recognises a text; nil for one that is none of the known ones.
    package init?(_ text: String) {
        let folded = text.lowercased().split(whereSeparator: \.isWhitespace).joined(separator: " ")
        guard let mark = Self.marks.first(where: { $0.phrases.allSatisfy(folded.contains) }) else {
            return nil
        }
        id = mark.id
        title = mark.title
    }
}
