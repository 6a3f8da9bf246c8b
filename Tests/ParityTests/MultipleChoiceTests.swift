// Accuracy on multiple-choice items: scores are sums of log-probabilities, answers the best of them.

import Backends
import Diagnostics
import Foundation
import Parity
import ReferenceModel
import TestSupport
import Testing
import Tokenisation

struct MultipleChoiceTests {
    private let folder: TemporaryFolder
    private static let ling = Repository.checkpoint("ling-tiny-icd")

    init() throws { folder = try TemporaryFolder() }

    private func items(_ count: Int) throws -> [TokenItem] {
        var encoder = try SampleEncoder(folder: Self.ling)
        var result: [TokenItem] = []
        for item in try ChoiceItem.read(Self.ling + "/multiple-choice.jsonl").prefix(count) {
            result.append(try TokenItem(item, &encoder))
        }
        return result
    }

    /// Every choice alone, its log-probabilities from the whole distribution.
    private func score(_ pass: ForwardPass, _ choice: (tokens: [Int], prefix: Int)) throws -> Double {
        let collector = LogitCollector()
        try pass.run([TokenSequence(choice.tokens)], taps: [collector])
        let all = logProbabilities(collector.logits)
        return (choice.prefix..<choice.tokens.count).reduce(0) { $0 + all[$1 - 1][choice.tokens[$1]] }
    }

    @Test func scoresAreSumsOfLogProbabilities() throws {
        let side = try model(Self.ling, isReference: true)
        let items = try items(4)
        var expected: [[Double]] = []
        for item in items {
            expected.append(try item.choices.map { try score(side.pass, $0) })
        }
        for batchTokens in [1, 200, 100_000] {
            let scores = try side.scores(items, batchTokens: batchTokens, progress: SilentProgress())
            #expect(scores.count == items.count)
            for (made, right) in zip(scores, expected) {
                #expect(made.count == right.count)
                for (a, b) in zip(made, right) { #expect(abs(a - b) < 1e-4 && b < 0, "\(a), \(b)") }
            }
        }
        let answers = try side.answers(items, batchTokens: 500, progress: SilentProgress())
        for (index, item) in items.enumerated() {
            let best = expected[index].indices.max { expected[index][$0] < expected[index][$1] }
            #expect(answers[index] == (best == item.answer))
        }
    }

    /// What is scored begins where the choices part, and holds all of each choice.
    @Test func whatIsScored() throws {
        let tokeniser = try Tokeniser(folder: Self.ling)
        for (item, text) in zip(try items(12), try ChoiceItem.read(Self.ling + "/multiple-choice.jsonl")) {
            #expect(item.choices.count == text.choices.count)
            for (choice, words) in zip(item.choices, text.choices) {
                let scored = tokeniser.decode(Array(choice.tokens[choice.prefix...]))
                #expect(words.hasSuffix(scored) || scored.hasSuffix(words), "\(scored) of \(words)")
                #expect(scored.count >= words.count)
            }
        }
    }

    @Test func aTrainedModelKnowsSomeAnswers() throws {
        let good = ParitySide.model(try model(Self.ling))
        let fp8 = try quantised(Self.ling, "fp8-block", folder.path("fp8"))
        let result = try compare(good, .model(try model(fp8)), [.accuracy], items: try items(12))
        let accuracy = try #require(result.accuracy)
        #expect(accuracy.items == 12 && accuracy.left.mean > 0.25, "\(accuracy)")
        let difference = accuracy.right.mean - accuracy.left.mean
        #expect(abs(accuracy.difference.mean - difference) < 1e-12)
        #expect(accuracy.onlyRight - accuracy.onlyLeft == Int((12 * difference).rounded()))
        // A side against itself.
        let same = try compare(good, good, [.accuracy], items: try items(12))
        #expect(same.passed && same.accuracy?.onlyLeft == 0 && same.accuracy?.difference.mean == 0)
    }

    /// A head that says the opposite.
    @Test func aDropIsFound() throws {
        var damage = try CheckpointDamage(Self.ling)
        try damage.edit("lm_head.weight") { $0 = $0.map { -$0 } }
        let bad = ParitySide.model(try model(try damage.write(folder.path("bad"))))
        let result = try compare(.model(try model(Self.ling)), bad, [.accuracy], items: try items(24))
        #expect(!result.findings(.qualityDrops).isEmpty && !result.passed, "\(result.told)")
    }

    @Test func aProfileWithoutALimitIsNoPass() throws {
        let good = ParitySide.model(try model(Self.ling))
        let result = try compare(good, good, [.accuracy], tolerance: "exact", items: try items(2))
        #expect(result.findings.map(\.code) == [.checkImpossible] && !result.passed, "\(result.told)")
    }

    @Test(arguments: [
        (#"{"choices": ["a", "b"], "answer": 0}"#, "messages"),
        (#"{"messages": [{"role": "user", "content": "x"}], "answer": 0}"#, "choices"),
        (#"{"messages": [{"role": "user", "content": "x"}], "choices": ["a"], "answer": 0}"#, "two texts"),
        (#"{"messages": [{"role": "user", "content": "x"}], "choices": ["a", ""], "answer": 0}"#, "empty"),
        (#"{"messages": [{"role": "user", "content": "x"}], "choices": ["a", 2], "answer": 0}"#, "choices"),
        (
            #"{"messages": [{"role": "user", "content": "x"}], "choices": ["a", "b"], "answer": 2}"#,
            "from 0 to 1"
        ),
        (#"{"messages": [{"role": "user", "content": "x"}], "choices": ["a", "b"], "answer": -1}"#, "answer"),
        (
            #"{"messages": [{"role": "user", "content": "x"}], "choices": ["a", "b"], "answer": "a"}"#,
            "answer"
        ),
        (#"{"messages": "x", "choices": ["a", "b"], "answer": 1}"#, "messages"),
        (#"{"messages": [], "prefix": 1, "choices": ["a", "b"], "answer": 1}"#, "prefix"),
        (#"["a"]"#, "object"),
        (#"{"messages": "#, "items.jsonl"),
    ])
    func brokenItems(row: String, says: String) throws {
        let good = #"{"messages": [{"role": "user", "content": "x"}], "choices": ["a", "b"], "answer": 1}"#
        let path = folder.path("items.jsonl")
        try "\(good)\n\(row)\n".write(toFile: path, atomically: true, encoding: .utf8)
        let error = try #require(failure { try ChoiceItem.read(path) })
        #expect(error.findings.map(\.code) == [.dataRowMalformed])
        let told = error.findings[0].told
        #expect(told.contains(says) && told.contains("2"), "\(told)")
    }
}
