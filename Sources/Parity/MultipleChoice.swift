// Accuracy on multiple-choice items: a choice is scored by the summed log-probability of its tokens after the
// conversation and the text it continues; the best score is the answer.

import Backends
import Diagnostics
import Documents
import ReferenceModel
import Tokenisation

/// One item of a multiple-choice file.
package struct ChoiceItem: Equatable, Sendable {
    package let name: String
    package let messages: [ChatMessage]
    /// The text of the assistant's turn that every choice continues.
    package let prefix: String
    package let choices: [String]
    /// Which choice is right.
    package let answer: Int

    /// Reads a JSONL file of `messages`, `prefix`, `choices` and `answer`, the index of the right one from 0.
    package static func read(_ path: String) throws(Failure) -> [ChoiceItem] {
        try JSONLines.read(path, limit: SampleRow.fileLimit, code: .dataRowMalformed) {
            (line, object) throws(DocumentError) in try ChoiceItem(line: line, object)
        }
    }

    private init(line: Int, _ object: JSONObject) throws(DocumentError) {
        let reader = try StrictReader(.object(object))
        name = object.rowName ?? "line \(line)"
        messages = try ChatMessage.conversation(try reader.required("messages"), path: "messages")
        prefix = reader.has("prefix") ? try reader.string("prefix") : ""
        choices = try reader.strings("choices")
        guard choices.count > 1, choices.allSatisfy({ !$0.isEmpty }) else {
            throw reader.mismatch("choices", "two texts at least, none of them empty")
        }
        answer = try reader.integer("answer")
        guard choices.indices.contains(answer) else {
            throw reader.mismatch("answer", "an index from 0 to \(choices.count - 1)")
        }
    }
}

/// An item as tokens.
package struct TokenItem: Equatable, Sendable {
    package let name: String
    /// For each choice, all its tokens, and how many of them come before those that are scored.
    package let choices: [(tokens: [Int], prefix: Int)]
    package let answer: Int

    package static func == (a: TokenItem, b: TokenItem) -> Bool {
        a.name == b.name && a.answer == b.answer && a.choices.elementsEqual(b.choices) { $0 == $1 }
    }

    /// Encodes an item; what is scored begins at the first token that differs from the encoding without the
    /// choice, because a token may reach over the border.
    package init(_ item: ChoiceItem, _ encoder: inout SampleEncoder) throws(Failure) {
        name = item.name
        answer = item.answer
        let bare = try encoder.tokens(item.messages, continuing: item.prefix)
        var choices: [(tokens: [Int], prefix: Int)] = []
        for choice in item.choices {
            let tokens = try encoder.tokens(item.messages, continuing: item.prefix + choice)
            let same = zip(bare, tokens).prefix { $0 == $1 }.count
            choices.append((tokens, max(1, min(same, tokens.count - 1))))
        }
        self.choices = choices
    }
}

/// Accuracy of both sides on the same items.
package struct AccuracyComparison: Equatable, Sendable {
    package let items: Int
    /// Items answered rightly, as a part of one.
    package let left: Estimate
    package let right: Estimate
    /// Right side minus left side, item by item.
    package let difference: Estimate
    /// Items that only one side answers rightly.
    package let onlyLeft: Int
    package let onlyRight: Int

    init(left: [Bool], right: [Bool]) {
        func estimate(_ values: [Double]) -> Estimate {
            var mean = ClusteredMean()
            for value in values { mean.add([value]) }
            return mean.estimate ?? Estimate(mean: 0, halfWidth: nil, count: 0, clusters: 0)
        }
        items = left.count
        self.left = estimate(left.map { $0 ? 1 : 0 })
        self.right = estimate(right.map { $0 ? 1 : 0 })
        difference = estimate(zip(left, right).map { ($1 ? 1 : 0) - ($0 ? 1 : 0) })
        onlyLeft = zip(left, right).count { $0 && !$1 }
        onlyRight = zip(left, right).count { !$0 && $1 }
    }
}

extension ModelSide {
    /// For each item, whether the best-scored choice is the right one; the lower index among equals.
    package func answers(
        _ items: [TokenItem], batchTokens: Int, progress: any ProgressSink
    ) throws(Failure) -> [Bool] {
        let scores = try scores(items, batchTokens: batchTokens, progress: progress)
        return zip(items, scores).map { item, scores in
            var best = 0
            for index in scores.indices where scores[index] > scores[best] { best = index }
            return best == item.answer
        }
    }

    /// For each item, the summed log-probability of each choice's own tokens.
    package func scores(
        _ items: [TokenItem], batchTokens: Int, progress: any ProgressSink
    ) throws(Failure) -> [[Double]] {
        var scores = items.map { Array(repeating: -Double.infinity, count: $0.choices.count) }
        var batch: [(item: Int, choice: Int)] = []
        var used = 0
        func flush() throws(Failure) {
            guard !batch.isEmpty else { return }
            let sequences = batch.map { items[$0.item].choices[$0.choice] }
            let tap = ScoreTap(sequences.map { ($0.tokens, $0.prefix) })
            try pass.run(sequences.map { TokenSequence($0.tokens) }, taps: [tap])
            for (place, score) in zip(batch, tap.scores) { scores[place.item][place.choice] = score }
            progress.advance(used)
            batch = []
            used = 0
        }
        for (index, item) in items.enumerated() {
            for (choice, sequence) in item.choices.enumerated() {
                if used + sequence.tokens.count > batchTokens { try flush() }
                batch.append((index, choice))
                used += sequence.tokens.count
            }
        }
        try flush()
        return scores
    }
}

/// Sums log-probabilities of the tokens that follow, from a place on, sequence by sequence.
private final class ScoreTap: Taps {
    private let next: [Int?]
    private let ranges: [Range<Int>]
    private var streams: [StreamedLogits]
    private var chosen: [Double]

    init(_ sequences: [(tokens: [Int], prefix: Int)]) {
        var (next, ranges) = ([Int?](), [Range<Int>]())
        for (tokens, prefix) in sequences {
            // The token at place p is foretold by row p − 1.
            ranges.append(next.count + prefix - 1..<next.count + tokens.count - 1)
            next += tokens.dropFirst().map { $0 } + [nil]
        }
        self.next = next
        self.ranges = ranges
        streams = Array(repeating: StreamedLogits(), count: next.count)
        chosen = Array(repeating: -.infinity, count: next.count)
    }

    func logits(_ values: Matrix, rows: [Int], columns: Range<Int>) {
        let width = columns.count
        values.values.withUnsafeBufferPointer { values in
            guard let base = values.baseAddress else { return }
            for range in ranges {
                for row in range {
                    streams[row].add(base + row * width, columns)
                    if let token = next[row], columns.contains(token) {
                        chosen[row] = Double(base[row * width + token - columns.lowerBound])
                    }
                }
            }
        }
    }

    /// Of each sequence.
    var scores: [Double] {
        ranges.map { range in
            range.reduce(0) { $0 + chosen[$1] - streams[$1].logNormaliser }
        }
    }
}
