// Do config, generation_config, tokenizer_config and chat template agree where a text begins, ends a turn and
// is padded? AntAngelMed's INT4 release does not: its generation runs past the turn.

import Diagnostics
import Documents

/// Checks of special tokens across sidecars.
enum TokenIdAudit {
    /// The token with which the family's chat template ends every turn.
    ///
    /// - Source: chat template of inclusionAI/Ling-flash-2.0, tokenizer_config.json.
    static let turnEnd = "<|role_end|>"

    /// Runs every check.
    static func findings(_ configuration: BailingMoeV2Configuration, _ sidecars: Sidecars) -> [Finding] {
        var findings: [Finding] = []
        let fromConfig = SpecialTokens(
            begin: configuration.beginTokenId, end: configuration.endTokenIds, pad: configuration.padTokenId)
        var effective = fromConfig
        var source = "config.json"
        if let generation = sidecars.generation {
            source = "generation_config.json"
            guard case .object(let object) = generation else {
                return [
                    Finding(
                        .error, .configMalformed, "the document is not an object", file: source,
                        expected: "an object", found: generation.kind)
                ]
            }
            var reader = ConfigurationReader(object, file: source)
            let ids = SpecialTokens.read(&reader)
            ids.check(vocabularySize: configuration.vocabularySize, &reader)
            findings += reader.findings.findings
            findings += disagreements(fromConfig, ids)
            effective = SpecialTokens(
                begin: ids.begin ?? fromConfig.begin, end: ids.end.isEmpty ? fromConfig.end : ids.end,
                pad: ids.pad ?? fromConfig.pad)
        }
        findings += turnEnd(effective, sidecars, source)
        findings += tokenizer(effective, sidecars, source)
        findings += vocabulary(configuration, sidecars)
        return findings
    }

    private static func disagreements(_ config: SpecialTokens, _ generation: SpecialTokens) -> [Finding] {
        let pairs = [
            ("bos_token_id", config.begin, generation.begin), ("pad_token_id", config.pad, generation.pad),
        ]
        var findings = pairs.compactMap { field, one, other -> Finding? in
            guard let one, let other, one != other else { return nil }
            return Finding(
                .warning, .tokenIdsDisagree,
                "two files give different ids, and engines read one or the other",
                file: "generation_config.json", field: field, expected: "\(one), as in config.json",
                found: "\(other)")
        }
        if !generation.end.isEmpty, let lost = config.end.first(where: { !generation.end.contains($0) }) {
            findings.append(
                Finding(
                    .warning, .tokenIdsDisagree,
                    "generation would not stop at an end id of config.json: generation_config.json replaces it",
                    file: "generation_config.json", field: "eos_token_id", expected: "a list with \(lost)",
                    found: list(generation.end),
                    remedy: "set eos_token_id to \(list(generation.end + [lost]))"))
        }
        return findings
    }

    private static func turnEnd(
        _ effective: SpecialTokens, _ sidecars: Sidecars, _ source: String
    ) -> [Finding] {
        guard let template = sidecars.chatTemplate, template.contains(turnEnd) else { return [] }
        guard let id = id(of: turnEnd, sidecars) else {
            return sidecars.addedTokens.isEmpty
                ? []
                : [
                    Finding(
                        .error, .endTokenMissing,
                        "the chat template ends turns with a token the tokenizer lacks",
                        file: "tokenizer.json", expected: "an added token \(turnEnd)", found: "no such token")
                ]
        }
        guard !effective.end.contains(id) else { return [] }
        return [
            Finding(
                .warning, .endTokenMissing,
                "generation runs past the turn: the chat template ends it with a token that is no end id",
                file: source, field: "eos_token_id", expected: "a list with \(id), \(turnEnd)",
                found: list(effective.end),
                remedy: "set eos_token_id to \(list(effective.end + [id]))")
        ]
    }

    private static func tokenizer(
        _ effective: SpecialTokens, _ sidecars: Sidecars, _ source: String
    ) -> [Finding] {
        guard case .object(let object)? = sidecars.tokenizer else { return [] }
        let file = "tokenizer_config.json"
        let rows: [(String, [Int])] = [
            ("bos_token", effective.begin.map { [$0] } ?? []), ("eos_token", effective.end),
            ("pad_token", effective.pad.map { [$0] } ?? []),
        ]
        return rows.compactMap { field, ids in
            guard let token = content(object[field]), !ids.isEmpty, let id = id(of: token, sidecars),
                !ids.contains(id)
            else { return nil }
            return Finding(
                .warning, .tokenIdsDisagree,
                "the tokenizer names another token than the ids do, and engines read one or the other",
                file: file, field: field, expected: "the token of \(list(ids)), from \(source)",
                found: "\(token), which is \(id)")
        }
    }

    private static func vocabulary(
        _ configuration: BailingMoeV2Configuration, _ sidecars: Sidecars
    ) -> [Finding] {
        let beyond = sidecars.addedTokens.filter { $0.value >= configuration.vocabularySize || $0.value < 0 }
        guard let worst = beyond.max(by: { ($0.value, $0.key) < ($1.value, $1.key) }) else { return [] }
        return [
            Finding(
                .error, .tokenIdImpossible, "the tokenizer has tokens that the embedding has no row for",
                file: "tokenizer.json", field: "added_tokens",
                expected: "ids below vocab_size \(configuration.vocabularySize)",
                found: "\(grouped(beyond.count)) beyond, up to \(worst.key) with \(worst.value)")
        ]
    }

    /// The id of a token, from tokenizer.json or from `added_tokens_decoder`.
    fileprivate static func id(of token: String, _ sidecars: Sidecars) -> Int? {
        if let id = sidecars.addedTokens[token] { return id }
        guard case .object(let object)? = sidecars.tokenizer,
            case .object(let decoder)? = object["added_tokens_decoder"]
        else { return nil }
        return decoder.members.first { member in
            if case .object(let entry) = member.value { entry["content"] == .string(token) } else { false }
        }.flatMap { Int($0.key) }
    }

    /// A token as tokenizer_config.json writes it: its text, or an object that holds it.
    private static func content(_ value: JSONValue?) -> String? {
        switch value {
        case .string(let text): text
        case .object(let object):
            if case .string(let text)? = object["content"] { text } else { nil }
        default: nil
        }
    }

    private static func list(_ ids: [Int]) -> String {
        "[" + ids.map(String.init).joined(separator: ", ") + "]"
    }
}

extension Sidecars {
    /// The id of the token that ends a turn, where the chat template uses it and the tokenizer has it.
    package var turnEndId: Int? {
        guard let chatTemplate, chatTemplate.contains(TokenIdAudit.turnEnd) else { return nil }
        return TokenIdAudit.id(of: TokenIdAudit.turnEnd, self)
    }
}
