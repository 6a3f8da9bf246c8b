// The front matter against the enumerations of the hubs.

import Checkpoints
import Diagnostics
import Documents

/// The checks of the card's head.
struct FrontMatterCheck {
    let card: FrontMatter
    /// Whether the weights are.
    let isQuantised: Bool
    let hubs: [(hub: Hub, profile: HubProfile)]

    private static let file = Release.cardName

    func findings() -> [Finding] { keys() + licence() + base() + enumerations() }

    private func keys() -> [Finding] {
        var findings: [Finding] = []
        for (_, profile) in hubs {
            for key in profile.requiredKeys where card.values[key] == nil {
                findings.append(
                    Finding(
                        .error, .frontMatterKeyMissing, "\(profile.title) needs this key", file: Self.file,
                        field: key, expected: "\(key): …", found: "no such key", remedy: "add it"))
            }
        }
        if isQuantised, card.values["base_model_relation"] == nil {
            findings.append(
                Finding(
                    .error, .relationWrong, "the hub would have to guess what this is to its base",
                    file: Self.file, field: "base_model_relation", expected: "quantized",
                    found: "no such key",
                    remedy: "add base_model_relation: quantized"))
        }
        let known = Hub.allCases.compactMap { try? HubProfile.read($0) }.flatMap(\.keys)
        for key in card.values.keys where !known.contains(key) {
            guard let near = nearMiss(key, among: known) else { continue }
            findings.append(
                Finding(
                    .error, .frontMatterKeyUnknown, "a key that no hub reads, next to one that both do",
                    file: Self.file, field: key, expected: near, found: key, remedy: "rename it to \(near)"))
        }
        return findings
    }

    // MARK: Licence and base

    private func licence() -> [Finding] {
        guard card.values["license"] != nil else { return [] }
        guard let ids = card.texts("license"), ids.count == 1, let written = ids.first else {
            return [
                unknown(
                    .licenceUnknown, "license", "the licence is not one identifier",
                    found: card.values["license"], among: hubs.first?.profile.licences ?? [])
            ]
        }
        var findings: [Finding] = []
        for (_, profile) in hubs
        where !profile.licences.contains(written) && profile.licenceNames[written] == nil {
            findings.append(
                unknown(
                    .licenceUnknown, "license", "\(profile.title) does not know this licence",
                    found: .string(written), among: profile.licences))
        }
        if written == "other" {
            for key in ["license_name", "license_link"] where card.text(key) == nil {
                findings.append(
                    Finding(
                        .error, .licenceUnnamed, "a licence of its own has neither name nor place",
                        file: Self.file, field: key, expected: "license_name and license_link",
                        found: "no \(key)", remedy: "add \(key)"))
            }
        }
        return findings
    }

    private func base() -> [Finding] {
        var findings: [Finding] = []
        if card.values["base_model"] != nil {
            let names = card.texts("base_model") ?? []
            if names.isEmpty || !names.allSatisfy(isRepositoryName) {
                findings.append(
                    Finding(
                        .error, .baseModelMalformed, "the base model is no repository of a hub",
                        file: Self.file, field: "base_model", expected: "OWNER/NAME, once",
                        found: card.values["base_model"]?.text(.compact), remedy: "name the repository"))
            }
        }
        guard let relation = card.values["base_model_relation"] else { return findings }
        let relations = hubs.first?.profile.relations ?? []
        guard case .string(let text) = relation, relations.contains(text) else {
            return findings + [
                unknown(
                    .relationWrong, "base_model_relation", "a relation that the hub does not know",
                    found: relation, among: relations)
            ]
        }
        if isQuantised, text != "quantized" {
            findings.append(
                Finding(
                    .error, .relationWrong, "the weights are quantised and the card says something else",
                    file: Self.file, field: "base_model_relation", expected: "quantized", found: text,
                    remedy: "write base_model_relation: quantized"))
        }
        return findings
    }

    // MARK: Enumerations

    private func enumerations() -> [Finding] {
        var findings: [Finding] = []
        for (hub, profile) in hubs {
            switch hub {
            case .huggingFace:
                findings += one("library_name", profile.libraries, .libraryUnknown, profile)
                findings += one("pipeline_tag", profile.tasks, .pipelineTagUnknown, profile)
            case .modelScope:
                findings += each("tasks", profile.tasks, .taskUnknown, profile)
                findings += each("frameworks", profile.frameworks, .frameworkUnknown, profile)
            }
        }
        if card.values["language"] != nil {
            let languages = hubs.first?.profile.languages ?? []
            let texts = card.texts("language")
            let wrong = (texts ?? [""]).first { !isLanguage($0, languages) }
            if let wrong {
                findings.append(
                    unknown(
                        .languageUnknown, "language", "a language that is no ISO 639 code",
                        found: texts == nil ? card.values["language"] : .string(wrong), among: languages))
            }
        }
        if let tags = card.values["tags"] {
            let isSound: Bool
            if case .array = tags {
                isSound = card.texts("tags").map { $0.allSatisfy { !$0.isEmpty } } ?? false
            } else {
                isSound = false
            }
            if !isSound {
                findings.append(
                    Finding(
                        .error, .tagsMalformed, "the tags are not a list of texts", file: Self.file,
                        field: "tags", expected: "a list of texts", found: tags.text(.compact),
                        remedy: "write one tag a line, with a dash before it"))
            }
        }
        return findings
    }

    private func isLanguage(_ code: String, _ languages: [String]) -> Bool {
        let isThree = code.utf8.count == 3 && code.utf8.allSatisfy { (0x61...0x7A).contains($0) }
        let region = code.split(separator: "-", maxSplits: 1)
        return languages.contains(code) || isThree || ["code", "multilingual"].contains(code)
            || (region.count == 2 && languages.contains(String(region[0])))
    }

    private func one(
        _ key: String, _ values: [String], _ code: DiagnosticCode, _ profile: HubProfile
    ) -> [Finding] {
        guard let value = card.values[key] else { return [] }
        if case .string(let text) = value, values.contains(text) { return [] }
        return [
            unknown(code, key, "\(profile.title) does not know this \(key)", found: value, among: values)
        ]
    }

    private func each(
        _ key: String, _ values: [String], _ code: DiagnosticCode, _ profile: HubProfile
    ) -> [Finding] {
        guard let value = card.values[key] else { return [] }
        guard let texts = card.texts(key), !texts.isEmpty else {
            return [unknown(code, key, "\(key) is not a list of texts", found: value, among: values)]
        }
        return texts.filter { !values.contains($0) }.map {
            unknown(code, key, "\(profile.title) does not know this value", found: .string($0), among: values)
        }
    }

    private func unknown(
        _ code: DiagnosticCode, _ field: String, _ what: String, found: JSONValue?, among values: [String]
    ) -> Finding {
        let text: String? = if case .string(let text)? = found { text } else { found?.text(.compact) }
        let near = text.flatMap { nearMiss($0, among: values) }
        return Finding(
            .error, code, what, file: Self.file, field: field,
            expected: values.count <= 12
                ? values.joined(separator: ", ") : "one of \(values.count) known values",
            found: text, remedy: near.map { "did you mean \($0)?" })
    }
}

/// Whether a text is OWNER/NAME as both hubs have it.
func isRepositoryName(_ text: String) -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    return parts.count == 2
        && parts.allSatisfy { part in
            !part.isEmpty && part.utf8.count <= 96 && !part.hasPrefix(".") && !part.hasPrefix("-")
                && part.utf8.allSatisfy {
                    $0 >= 0x30 && $0 <= 0x39 || $0 >= 0x41 && $0 <= 0x5A || $0 >= 0x61 && $0 <= 0x7A
                        || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F
                }
        }
}

/// The first letters of a text that may be long.
func abridgedText(_ text: String, _ limit: Int = 120) -> String {
    text.count > limit ? text.prefix(limit) + "…" : text
}
