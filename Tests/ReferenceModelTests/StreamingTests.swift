// Weights from files: each read once, none that no token needs, none kept beyond the budget.

import Architectures
import Backends
import Checkpoints
import Diagnostics
import Documents
import Foundation
import ReferenceModel
import TestSupport
import Testing

struct StreamingTests {
    private func pass(_ folder: String, budget: Int) throws -> (ForwardPass, CheckpointWeights) {
        let weights = try CheckpointWeights.open(folder, budget: budget)
        let backend = ReferenceBackend(numerics: .f32)
        return (ForwardPass(weights.configuration, weights: weights, backend: backend), weights)
    }

    @Test func everyWeightIsReadOnceForAllSequences() throws {
        let (pass, weights) = try pass(Repository.checkpoint("micro"), budget: 0)
        let taps = RecordingTaps()
        let sequences = BatchTests.sequences(512)
        try pass.run(sequences.map { TokenSequence($0) }, taps: [taps])
        let tokens = Set(sequences.flatMap { $0 }).count
        let expected = TensorInventory(pass.configuration).entries.reduce(0) { sum, entry in
            if entry.role == .embedding { return sum + tokens * pass.configuration.hiddenSize * 2 }
            if let expert = entry.expert, let layer = entry.layer {
                let chosen = taps.routesByLayer[layer]?.experts.contains(expert) ?? false
                return sum + (chosen ? entry.byteCount : 0)
            }
            return sum + entry.byteCount
        }
        #expect(weights.bytesRead == expected)
        #expect(weights.bytesKept == 0)
    }

    @Test func expertsThatNoTokenChoseAreNotRead() throws {
        let (pass, weights) = try pass(Repository.checkpoint("micro"), budget: 0)
        try pass.run([TokenSequence([9])])
        let whole = TensorInventory(pass.configuration).entries.reduce(0) { $0 + $1.byteCount }
        // Two of eight experts at two layers.
        #expect(weights.bytesRead < whole * 6 / 10)
    }

    @Test(arguments: [0, 100_000, 1_000_000, 1 << 30])
    func theBudgetChangesNoBit(budget: Int) throws {
        let (pass, weights) = try pass(Repository.checkpoint("micro"), budget: budget)
        let tokens = BatchTests.sequences(512)[0]
        let (first, second) = (LogitCollector(), LogitCollector())
        try pass.run([TokenSequence(tokens)], taps: [first])
        let read = weights.bytesRead
        try pass.run([TokenSequence(tokens)], taps: [second])
        #expect(first.logits == second.logits)
        #expect(weights.bytesKept <= budget)
        if budget == 1 << 30 {
            // Only embedding rows again.
            #expect(weights.bytesRead - read == Set(tokens).count * pass.configuration.hiddenSize * 2)
        }
        try weights.checkUnchanged()
    }

    @Test func shardsChangeNoBit() throws {
        let folder = try TemporaryFolder()
        var answers: [Matrix] = []
        for shards in [1, 5] {
            let path = try CheckpointMaker.micro().write(folder.path("made-\(shards)"), shards: shards)
            let (pass, _) = try pass(path, budget: 0)
            let logits = LogitCollector()
            try pass.run([TokenSequence([1, 2, 3])], taps: [logits])
            answers.append(logits.logits)
        }
        #expect(answers[0] == answers[1])
    }

    @Test func aTokenOutsideTheVocabularyIsRefused() throws {
        let (pass, _) = try pass(Repository.checkpoint("micro"), budget: 0)
        for token in [512, -1] {
            let failure = #expect(throws: Failure.self) { try pass.run([TokenSequence([1, token])]) }
            #expect(failure?.findings.first?.code == .tokenIdImpossible)
        }
    }

    @Test func auxiliaryStatesSayWhereTheyAre() throws {
        let (pass, _) = try pass(Repository.checkpoint("micro"), budget: 0)
        let states = AuxiliaryStates([.entering(layer: 0), .after(layer: 0), .entering(layer: 2)])
        let beyond = AuxiliaryStates([.after(layer: 3)])
        let taps = RecordingTaps()
        try pass.run([TokenSequence([1, 2, 3])], logits: .none, taps: [states, beyond, taps])
        let joined = try #require(states.joined)
        let h = pass.configuration.hiddenSize
        #expect(joined.columns(0..<h) == taps.embedded)
        #expect(joined.columns(h..<2 * h) == taps.residuals[0])
        #expect(joined.columns(2 * h..<3 * h) == taps.residuals[1])
        #expect(beyond.joined == nil)
    }

    @Test func missingPiecesAreNamed() throws {
        let folder = try TemporaryFolder()
        let made = try CheckpointMaker.micro()
        // The config asks for one more layer than the shards hold.
        let path = try made.write(folder.path("made"))
        let config = try CheckpointMaker.micro(["num_hidden_layers": 4]).config
        try (config.text() + "\n").write(toFile: path + "/config.json", atomically: false, encoding: .utf8)
        let failure = #expect(throws: Failure.self) { try CheckpointWeights.open(path, budget: 0) }
        #expect(failure?.findings.contains { $0.code == .tensorsMissing } == true)
    }
}
