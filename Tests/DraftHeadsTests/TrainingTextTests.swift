// Rows to texts: what is learnt in them, and what is refused, with its line.

import Architectures
import Diagnostics
import DraftHeads
import Foundation
import ReferenceModel
import TestSupport
import Testing
import Tokenisation

struct TrainingTextTests {
    private func texts(
        _ rows: [String], mode: TextMode = .conversations, length: Int = 512
    ) throws -> TrainingTexts {
        let bench = try TrainingBench()
        let weights = try CheckpointWeights.open(bench.target, budget: 0)
        return try TrainingTexts(
            try bench.data(rows), folder: bench.target, weights.configuration, mode: mode, length: length)
    }

    @Test func answersAreLearnt() throws {
        let row = #"""
            {"conversations": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Good day"},
            {"role": "user", "content": "And?"}, {"role": "assistant", "content": "Nothing."}]}
            """#.replacing("\n", with: " ")
        let read = try texts([row])
        let text = try #require(read.texts.first)
        let tokeniser = try Tokeniser(folder: Repository.checkpoint("ling-tiny-icd"))
        // What follows each learnt position: both answers, each with the end of its turn.
        let whole = tokeniser.encode(
            try ChatTemplate(folder: Repository.checkpoint("ling-tiny-icd")).render([
                ChatMessage(role: "user", content: "Hello"),
                ChatMessage(role: "assistant", content: "Good day"),
                ChatMessage(role: "user", content: "And?"),
                ChatMessage(role: "assistant", content: "Nothing."),
            ]))
        let learnt = tokeniser.decode(text.judged.map { whole[$0 + 1] }, skippingSpecialTokens: false)
        #expect(learnt == "Good day<|role_end|>Nothing.<|role_end|>")
        #expect(text.tokens == Array(whole.dropLast()))
        #expect(read.counts.reduce(0, +) == text.judged.count)
    }

    @Test func longTextsAreCut() throws {
        let rows = (0..<4).map(TrainingBench.row)
        let whole = try texts(rows)
        let longest = try #require(whole.texts.map(\.tokens.count).max())
        let cut = try texts(rows, length: longest - 3)
        #expect(cut.cutCount == 1)
        #expect(cut.texts.map(\.tokens.count).max() ?? 0 < longest)
        #expect(try texts(rows, length: longest + 1).texts == whole.texts)
    }

    @Test func textAndTokensAreLearntWhole() throws {
        let read = try texts([#"{"text": "Some plain words."}"#, #"{"tokens": [5, 6, 7, 8]}"#])
        #expect(read.texts[1] == TrainingText(tokens: [5, 6, 7], judged: [1, 2]))
        #expect(read.texts[0].judged == Array(1..<read.texts[0].tokens.count))
    }

    @Test func cropsComeFromAllRows() throws {
        let read = try texts((0..<4).map(TrainingBench.row), mode: .crops(length: 16))
        var sampler = TextSampler(read, batch: 3, seed: 1)
        let drawn = sampler.texts(ofStep: 7)
        #expect(drawn.allSatisfy { $0.tokens.count == 16 && $0.judged == Array(1..<16) })
        var again = TextSampler(read, batch: 3, seed: 1)
        _ = again.texts(ofStep: 2)
        #expect(again.texts(ofStep: 7) == drawn)
        #expect(again.texts(ofStep: 8) != drawn)
    }

    /// Every text once a round, in another order each.
    @Test func roundsTakeEveryText() throws {
        let read = try texts((0..<7).map(TrainingBench.row))
        var sampler = TextSampler(read, batch: 7, seed: 1)
        let rounds = (0..<2).map { sampler.texts(ofStep: $0).map(\.tokens) }
        #expect(rounds[0] != rounds[1])
        #expect(Set(rounds[0]) == Set(rounds[1]))
        #expect(Set(rounds[0]).count == 7)
    }

    @Test(arguments: [
        (#"{"text": 5}"#, "TOK-012", "line 2"), (#"{"conversations": []}"#, "TOK-011", "line 2"),
        (#"{"conversations": [{"role": "user", "content": "Hi"}]}"#, "DRAFT-002", "line 2"),
        (#"{"tokens": [1, 2]}"#, "DRAFT-001", "line 2"),
        (#"{"tokens": [1, 2, 99999]}"#, "DRAFT-001", "line 2"),
        ("not JSON", "TOK-012", "line 2"),
    ]) func badRowsAreNamed(_ row: String, _ code: String, _ place: String) throws {
        do {
            _ = try texts([TrainingBench.row(1), row])
            Issue.record("\(row) was taken")
        } catch {
            let finding = try #require((error as? Failure)?.findings.first)
            #expect(finding.code.name == code)
            #expect(finding.text.contains(place), "\(finding.text)")
        }
    }
}
