// What can be wrong with token ids: they name nothing, or the embedding has no row for them.

import Diagnostics

extension Tokeniser {
    /// Findings for ids that name no token; decoding drops them in silence.
    package func check(_ ids: some Sequence<Int>, file: String? = nil) -> [Finding] {
        var unknown: [Int] = []
        var seen: Set<Int> = []
        for id in ids where !vocabulary.contains(id) && seen.insert(id).inserted { unknown.append(id) }
        guard !unknown.isEmpty else { return [] }
        return [
            Finding(
                .error, .tokenIdUnknown, "token ids name no token", file: file,
                expected: "ids of the \(grouped(count)) tokens below \(grouped(idBound))",
                found: abridged(unknown.sorted().map(String.init)),
                remedy: "take the ids from the tokenizer.json of the same checkpoint")
        ]
    }

    /// Findings for tokens beyond the embedding, and a note for rows that no token uses.
    ///
    /// - Parameter rows: `vocab_size` of the checkpoint's config.
    package func check(embeddingRows rows: Int, file: String? = nil) -> [Finding] {
        let beyond = (min(max(rows, 0), idBound)..<idBound).filter(vocabulary.contains)
        if let worst = beyond.last {
            return [
                Finding(
                    .error, .tokenIdUnknown, "tokens lie beyond the rows of the embedding", file: file,
                    expected: "ids below \(grouped(rows))",
                    found:
                        "\(grouped(beyond.count)) beyond, up to \(grouped(worst)) \"\(token(worst) ?? "")\"",
                    remedy: "use the tokenizer.json of the same checkpoint")
            ]
        }
        guard rows > count else { return [] }
        return [
            Finding(
                .note, .tokenIdUnknown, "rows of the embedding that no token uses", file: file,
                expected: "\(grouped(rows)) rows", found: "\(grouped(count)) tokens")
        ]
    }
}
