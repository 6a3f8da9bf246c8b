// Prompts from rows of a data file: of a conversation what stands before the first answer.

import Architectures
import Diagnostics
import ReferenceModel
import Tokenisation

extension DraftPrompt {
    /// Reads prompts in the tokens of a checkpoint.
    ///
    /// - Parameters:
    ///   - limit: rows at most; nil for all.
    /// - Returns: prompts that leave room for a token in the context, and how many did not.
    /// - Throws: rows that cannot be read; DRAFT-052 when there is no prompt.
    package static func read(
        _ file: String, folder: String, _ configuration: BailingMoeV2Configuration, limit: Int?
    ) throws(Failure) -> (prompts: [DraftPrompt], tooLong: Int) {
        var encoder: SampleEncoder?
        var prompts: [DraftPrompt] = []
        var tooLong = 0
        for row in try SampleRow.read(file).prefix(limit ?? .max) {
            if case .tokens = row.content {
            } else if encoder == nil {
                encoder = try SampleEncoder(folder: folder)
            }
            guard let tokens = try tokens(row, &encoder), !tokens.isEmpty else { continue }
            guard tokens.count < configuration.contextLength else {
                tooLong += 1
                continue
            }
            prompts.append(DraftPrompt(name: row.name, domain: row.domain, tokens: tokens))
        }
        guard !prompts.isEmpty else {
            throw Failure(
                Finding(
                    .error, .nothingToMeasure, "no row of the data gives a prompt", file: file,
                    expected: "conversations with a message before an answer, text or tokens",
                    found:
                        "\(tooLong) rows longer than the context of \(configuration.contextLength), no other",
                    remedy: "give other data"))
        }
        return (prompts, tooLong)
    }

    private static func tokens(_ row: SampleRow, _ encoder: inout SampleEncoder?) throws(Failure) -> [Int]? {
        switch row.content {
        case .tokens(let tokens): return tokens
        case .text: return try encoder?.tokens(row)
        case .conversation(let messages):
            let prompt = messages.prefix { $0.role != "assistant" }
            guard !prompt.isEmpty else { return nil }
            return try encoder?.tokens(Array(prompt), continuing: "")
        }
    }
}
