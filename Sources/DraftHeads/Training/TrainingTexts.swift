// The texts of a training: read once, as tokens, with the positions at which the target's distribution is learnt.
// Which texts a step takes is a function of the seed and the step's number alone.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import ReferenceModel
import Tokenisation

/// One text as tokens.
package struct TrainingText: Equatable, Sendable {
    package let tokens: [Int]
    /// Positions whose distribution, that of the token after, is learnt; ascending, none of them 0.
    package let judged: [Int]

    package init(tokens: [Int], judged: [Int]) {
        self.tokens = tokens
        self.judged = judged
    }
}

/// How rows become texts.
package enum TextMode: Equatable, Sendable {
    /// A row is a text; the loss is over what the model says in it.
    case conversations
    /// All rows one after another, cut at random places into texts of a length; the loss is over all tokens.
    case crops(length: Int)
}

/// All texts of a file.
///
/// - Checked by: TrainingTextTests.
package struct TrainingTexts: Sendable {
    package let mode: TextMode
    /// Rows that can be learnt from; of crops, one text of all rows.
    package let texts: [TrainingText]
    /// How often each token is learnt.
    package let counts: [Int]
    package let rowCount: Int
    package let tokenCount: Int
    /// Rows longer than the recipe's length.
    package let cutCount: Int
    /// Rows with no answer before the cut.
    package let emptyCount: Int
    /// SHA-256 of the file.
    package let digest: String
    package let file: String

    /// Reads a data file.
    ///
    /// - Parameters:
    ///   - folder: the target's, for tokenizer and template.
    ///   - length: tokens of a text at most; the rest is cut off.
    /// - Throws: TOK-012, DRAFT-001 and DRAFT-002 with lines, of all rows together.
    package init(
        _ file: String, folder: String, _ target: BailingMoeV2Configuration, mode: TextMode, length: Int
    ) throws(Failure) {
        self.file = file
        self.mode = mode
        digest = try digestFile(file).digest
        var collector = FindingCollector()
        var encoder = try SampleEncoder(folder: folder)
        let spans = try AnswerSpans(&encoder)
        var texts: [TrainingText] = []
        var counts = [Int](repeating: 0, count: target.vocabularySize)
        var (cut, empty, total) = (0, 0, 0)
        let rows = try SampleRow.read(file)
        rowCount = rows.count
        for row in rows {
            let place = "\(file), line \(row.line)"
            let all = try Self.tokens(row, &encoder, place)
            if let finding = Self.fault(all, target, place) {
                collector.add(finding)
                continue
            }
            guard let flags = Self.flags(row, all, spans, mode) else {
                collector.add(Self.noAnswer(place))
                continue
            }
            let isCut = mode == .conversations && all.count > length
            if isCut { cut += 1 }
            let tokens = isCut ? Array(all[..<length]) : all
            // The distribution after position t is about token t + 1.
            let judged = tokens.indices.dropLast().filter { $0 > 0 && flags[$0 + 1] }
            for index in tokens.indices where flags[index] { counts[tokens[index]] += 1 }
            total += tokens.count
            guard mode == .conversations else {
                texts.append(TrainingText(tokens: tokens, judged: []))
                continue
            }
            // What stands after the last position learnt is seen by nobody.
            guard let last = judged.last else {
                empty += 1
                continue
            }
            texts.append(TrainingText(tokens: Array(tokens[...last]), judged: judged))
        }
        try collector.findings.throwErrors()
        if case .crops(let size) = mode {
            let stream = texts.flatMap(\.tokens)
            guard stream.count > size else {
                throw Failure(Self.fewTokens(file, stream.count, size))
            }
            texts = [TrainingText(tokens: stream, judged: [])]
        } else if texts.isEmpty {
            throw Failure(Self.noAnswer(file))
        }
        (self.texts, self.counts, tokenCount, cutCount, emptyCount) = (texts, counts, total, cut, empty)
    }

    private static func tokens(
        _ row: SampleRow, _ encoder: inout SampleEncoder, _ place: String
    ) throws(Failure) -> [Int] {
        do throws(Failure) { return try encoder.tokens(row) } catch {
            throw Failure(
                error.findings.map { finding in
                    var finding = finding
                    finding.subjects.insert(Finding.Subject(label: "file", value: place), at: 0)
                    return finding
                })
        }
    }

    private static func flags(
        _ row: SampleRow, _ tokens: [Int], _ spans: AnswerSpans, _ mode: TextMode
    ) -> [Bool]? {
        guard mode == .conversations else { return tokens.map { _ in true } }
        if let flags = spans.flags(tokens) { return flags.contains(true) ? flags : nil }
        // Text and tokens without a header are all the model's.
        if case .conversation = row.content { return nil }
        return tokens.map { _ in true }
    }

    private static func fault(
        _ tokens: [Int], _ target: BailingMoeV2Configuration, _ place: String
    ) -> Finding? {
        if tokens.count < 3 {
            return Finding(
                .error, .trainingRowImpossible, "a text too short to guess in", file: place,
                expected: "three tokens at least", found: "\(tokens.count)", remedy: "remove the line")
        }
        let limit = target.vocabularySize
        guard let id = tokens.first(where: { $0 >= limit }) else { return nil }
        return Finding(
            .error, .trainingRowImpossible, "a token is not in the vocabulary of the model", file: place,
            expected: "ids below \(grouped(limit))", found: "\(id)",
            remedy: "use the tokenizer that came with this checkpoint")
    }

    private static func noAnswer(_ place: String) -> Finding {
        Finding(
            .error, .nothingToLearn, "no answer of the model to learn from", file: place,
            expected: "a message of the assistant within --length tokens", found: "none",
            remedy: "a longer --length, --crop to learn every token, or remove the line")
    }

    private static func fewTokens(_ file: String, _ count: Int, _ size: Int) -> Finding {
        Finding(
            .error, .trainingRowImpossible, "fewer tokens than one crop takes", file: file,
            expected: "more than \(grouped(size)) tokens in all rows together", found: grouped(count),
            remedy: "a smaller --crop, or more rows")
    }
}

extension TrainingTexts {
    /// The draft vocabulary: the tokens learnt most often.
    package func vocabulary(size: Int) -> DraftVocabulary { DraftVocabulary(counts: counts, size: size) }

    /// Share of the learnt tokens that a vocabulary holds.
    package func coverage(_ vocabulary: DraftVocabulary) -> Double {
        let all = counts.reduce(0, +)
        let held = vocabulary.targetIds.reduce(0) { $0 + counts[$1] }
        return all > 0 ? Double(held) / Double(all) : 0
    }

    /// Texts of one round through all of them; of crops, as many as hold all tokens once.
    package var roundCount: Int {
        if case .crops(let length) = mode { return max(1, tokenCount / length) }
        return texts.count
    }
}

/// Draws the texts of steps.
package struct TextSampler: Sendable {
    private let texts: TrainingTexts
    private let batch: Int
    private let seed: UInt64
    private var round = -1
    private var order: [Int] = []

    package init(_ texts: TrainingTexts, batch: Int, seed: Int) {
        self.texts = texts
        self.batch = batch
        self.seed = UInt64(bitPattern: Int64(seed))
    }

    /// The texts of a step, from 0.
    package mutating func texts(ofStep step: Int) -> [TrainingText] {
        if case .crops(let length) = texts.mode {
            let stream = texts.texts[0].tokens
            var random = RandomSequence(seed: seed &+ UInt64(step) &* 0x9E37_79B9)
            return (0..<batch).map { _ in
                let first = Int.random(in: 0...(stream.count - length), using: &random)
                return TrainingText(
                    tokens: Array(stream[first..<first + length]), judged: Array(1..<length))
            }
        }
        return (0..<batch).map { member in
            let index = step * batch + member
            shuffle(round: index / texts.texts.count)
            return texts.texts[order[index % texts.texts.count]]
        }
    }

    /// Every round has an order of its own.
    private mutating func shuffle(round: Int) {
        guard round != self.round else { return }
        self.round = round
        var random = RandomSequence(seed: seed &+ UInt64(round) &* 0x9E37_79B9)
        order = Array(texts.texts.indices)
        for index in order.indices.reversed().dropLast() {
            order.swapAt(index, Int.random(in: 0...index, using: &random))
        }
    }
}
