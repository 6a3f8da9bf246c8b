// Remote code and tokenizer: everything the config names is in the folder, nothing leads out of it, and nothing
// differs from the base.

import Architectures
import Checkpoints
import Diagnostics
import Documents

/// The checks of what runs beside the weights.
struct CodeCheck {
    let release: Release

    private var listing: ReleaseListing { release.listing }

    func findings() -> [Finding] { code() + tokeniser() + templates() + rope() }

    // MARK: Remote code

    private func code() -> [Finding] {
        var findings: [Finding] = []
        var modules: Set<String> = []
        if let map = release.config?["auto_map"] {
            guard case .object(let object) = map else {
                return [
                    Finding(
                        .error, .remoteCodeMissing, "auto_map is not an object", file: "config.json",
                        field: "auto_map", expected: "classes by role", found: map.kind)
                ]
            }
            for member in object.members {
                for reference in Self.references(member.value) {
                    let field = "auto_map.\(member.key)"
                    let parts = reference.split(separator: ".")
                    if reference.contains("--") || reference.contains("/") || reference.contains("\\")
                        || parts.count != 2
                    {
                        findings.append(
                            Finding(
                                .error, .remoteCodeElsewhere,
                                "the config takes its code from another repository", file: "config.json",
                                field: field, expected: "MODULE.CLASS of this folder", found: reference,
                                remedy: "copy the module here and name it alone"))
                        continue
                    }
                    let file = String(parts[0]) + ".py"
                    modules.insert(file)
                    if !listing.has(file) {
                        findings.append(
                            Finding(
                                .error, .remoteCodeMissing, "the config names code that is not in the folder",
                                file: "config.json", field: field, expected: file, found: "no such file",
                                remedy: "copy \(file) from the base model"))
                    }
                }
            }
        }
        for entry in listing.files where entry.isAtTop && BaseFiles.isCode(entry.name) {
            findings += imports(of: entry.name)
        }
        findings += changed(BaseFiles.isCode, .remoteCodeChanged, "remote code is not the base model's")
        return findings
    }

    /// One class, or the two of a slow and a fast tokenizer.
    private static func references(_ value: JSONValue) -> [String] {
        switch value {
        case .string(let text): [text]
        case .array(let elements): elements.flatMap(references)
        default: []
        }
    }

    /// Modules beside it that a file imports: transformers fetches those too.
    ///
    /// - Source: transformers 4.56 dynamic_module_utils.py get_relative_imports.
    private func imports(of name: String) -> [Finding] {
        guard let text = listing.text(name) else { return [] }
        var findings: [Finding] = []
        for line in text.lines {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            guard words.count >= 3, words[0] == "from", words[1].hasPrefix("."), words[2] == "import" else {
                continue
            }
            let module = words[1].drop { $0 == "." }
            guard !module.isEmpty, !module.contains("."), !listing.has(module + ".py") else { continue }
            findings.append(
                Finding(
                    .error, .remoteCodeImportMissing,
                    "remote code imports a module that is not in the folder",
                    file: name, expected: "\(module).py", found: "no such file",
                    remedy: "copy it from the base model"))
        }
        return findings
    }

    /// Files that are not the base's, byte for byte.
    private func changed(
        _ isOfKind: (String) -> Bool, _ code: DiagnosticCode, _ what: String
    ) -> [Finding] {
        guard let base = release.base else { return [] }
        var findings: [Finding] = []
        for (name, digest) in base.files.sorted(by: { $0.key < $1.key }) where isOfKind(name) {
            guard listing.has(name) else {
                findings.append(
                    Finding(
                        .error, code, "\(what): a file of it is missing", file: name,
                        expected: "the base model's \(name)", found: "no such file",
                        remedy: "copy it from the base model"))
                continue
            }
            guard let found = try? digestFile(listing.path(of: name)).digest, found != digest else {
                continue
            }
            findings.append(
                Finding(
                    .error, code, what, file: name, expected: "sha256 \(digest)", found: "sha256 \(found)",
                    remedy: "copy it from the base model, or say in the card what was changed and why"))
        }
        for entry in listing.files
        where entry.isAtTop && isOfKind(entry.name) && base.files[entry.name] == nil {
            findings.append(
                Finding(
                    .error, code, "\(what): a file that the base does not have", file: entry.name,
                    expected: "only files of the base model", found: "a file of its own",
                    remedy: "remove it, or give the base that has it"))
        }
        return findings
    }

    // MARK: Tokenizer and template

    private func tokeniser() -> [Finding] {
        changed(BaseFiles.isTokeniser, .tokeniserChanged, "the tokenizer is not the base model's")
    }

    private func templates() -> [Finding] {
        let file = listing.text("chat_template.jinja")
        var inConfig: String?
        if let text = listing.text("tokenizer_config.json"),
            case .object(let object)? = try? JSONValue(parsing: Array(text.utf8))
        {
            if case .string(let template)? = object["chat_template"] { inConfig = template }
            if case .array? = object["chat_template"] { inConfig = "" }
        }
        if file == nil, inConfig == nil, listing.has("tokenizer_config.json") {
            return [
                Finding(
                    .error, .chatTemplateMissing, "nothing says how a dialogue becomes a prompt",
                    file: "tokenizer_config.json", field: "chat_template",
                    expected: "a template here or in chat_template.jinja", found: "neither",
                    remedy: "copy it from the base model")
            ]
        }
        if let file, let inConfig, file != inConfig {
            return [
                Finding(
                    .error, .chatTemplatesDiffer, "two chat templates, and engines take one or the other",
                    file: "chat_template.jinja", expected: "the template of tokenizer_config.json",
                    found: "another text", remedy: "keep the base model's, in one place")
            ]
        }
        return []
    }

    // MARK: Context

    /// YaRN lengths that engines of both generations read alike.
    private func rope() -> [Finding] {
        guard let configuration = release.judged?.judgement.configuration,
            let scaling = configuration.ropeScaling
        else { return [] }
        let generations = RopeGeneration.allCases.map {
            YaRN.effectiveFactor(scaling, contextLength: configuration.contextLength, generation: $0)
        }
        guard Set(generations).count > 1 else { return [] }
        return [
            Finding(
                .error, .ropeLengthsDisagree,
                "engines take the YaRN factor from two places, and the two differ",
                file: "config.json", field: "max_position_embeddings",
                expected: "factor \(scaling.factor) × original_max_position_embeddings",
                found: grouped(configuration.contextLength),
                remedy: "set max_position_embeddings to the product")
        ]
    }
}
