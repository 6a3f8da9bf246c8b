// What the two sides of a comparison read.

import Architectures
import ArgumentParser
import Diagnostics
import Documents
import Parity
import ReferenceModel
import Tokenisation

/// Which texts a comparison runs over.
struct ParitySampleOptions: ParsableArguments {
    /// The title of these options in the help.
    static let title = "Texts and items"

    @Option(
        help: ArgumentHelp(
            "Texts to run both sides over: JSONL rows of conversations, text or tokens.", valueName: "file"),
        completion: .rows)
    var data: String?

    @Option(help: "Tokens to run over, at most; whole rows, but the last one may be cut.")
    var tokens = 4096

    @Option(
        help: ArgumentHelp(
            "Multiple-choice items: JSONL rows of messages, prefix, choices and answer.", valueName: "file"),
        completion: .rows)
    var multipleChoice: String?

    @Option(help: "Multiple-choice items to score, at most.")
    var items = 1000

    func validate() throws {
        guard tokens > 0 else { throw ValidationError("--tokens takes a number above 0") }
        guard items > 0 else { throw ValidationError("--items takes a number above 0") }
    }

    /// The texts of the forward pass: a recording's own, a file's, or the ones the program brings along.
    func rows(_ left: ParitySide, _ right: ParitySide) throws(Failure) -> [TokenRow] {
        let recordings = [left, right].compactMap(\.recording)
        if !recordings.isEmpty {
            guard data == nil else {
                throw Failure(
                    Finding(
                        .error, .checkImpossible, "a recorded run has texts of its own",
                        option: "--data", expected: "no --data beside a recorded run",
                        remedy: "leave --data out"))
            }
            return try recorded(recordings, left, right)
        }
        guard let model = left.model ?? right.model else { return [] }
        let limit = model.configuration.vocabularySize
        let all: [TokenRow]
        if let data {
            all = try TokenRow.read(data, folder: model.folder)
        } else {
            all = try ParitySamples.rows(for: model)
        }
        let cut = TokenRow.cut(all, to: tokens)
        try TokenRow.check(cut, vocabulary: limit, file: data)
        try TokenRow.requireText(cut, file: data)
        return cut
    }

    private func recorded(
        _ recordings: [RecordedRun], _ left: ParitySide, _ right: ParitySide
    ) throws(Failure) -> [TokenRow] {
        var rows = recordings[0].rows
        if recordings.count == 2 {
            let other = Dictionary(
                recordings[1].rows.map { ($0.name, $0.tokens) }, uniquingKeysWith: { first, _ in first })
            rows = rows.filter { other[$0.name] == $0.tokens }
            guard !rows.isEmpty else {
                throw Failure(
                    Finding(
                        .error, .nothingToCompare, "the two recordings have no text in common",
                        expected: "a case of the same name and tokens in both",
                        found: abridged(recordings.map { $0.rows.map(\.name).joined(separator: " ") }),
                        remedy: "record both over the same tokens"))
            }
        }
        if let model = left.model ?? right.model {
            let limit = model.configuration.vocabularySize
            for row in rows {
                guard let id = row.tokens.first(where: { $0 >= limit }) else { continue }
                throw Failure(
                    Finding(
                        .error, .nothingToCompare, "the recording is of a model with another vocabulary",
                        file: recordings[0].path, field: "\(row.name).tokens",
                        expected: "ids below \(limit)", found: "\(id)",
                        remedy: "compare a recording with the checkpoint it was made of"))
            }
        }
        return rows
    }

    /// The multiple-choice items as tokens; none without a file.
    func items(_ left: ParitySide, _ right: ParitySide) throws(Failure) -> [TokenItem] {
        guard let multipleChoice else { return [] }
        guard let model = left.model ?? right.model else { return [] }
        var encoder = try SampleEncoder(folder: model.folder)
        var result: [TokenItem] = []
        for item in try ChoiceItem.read(multipleChoice).prefix(items) {
            result.append(try TokenItem(item, &encoder))
        }
        return result
    }

    /// Tokens of a batch that the budget has room for.
    func batchTokens(_ left: ParitySide, _ right: ParitySide, budget: Int) -> Int {
        let configurations = [left, right].compactMap { $0.model?.configuration }
        let fixed = configurations.reduce(0) { $0 + ParitySamples.bytesPerPass($1) }
        let each = configurations.reduce(0) { $0 + ParitySamples.bytesPerToken($1) }
        return max(64, min(1 << 16, (budget - fixed) / max(1, each)))
    }
}
