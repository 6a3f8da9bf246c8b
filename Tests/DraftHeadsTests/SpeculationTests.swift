// Decoding with drafts gives what plain decoding gives, for any drafter.

import Backends
import Diagnostics
import DraftHeads
import Foundation
import ReferenceModel
import TestSupport
import Testing

/// Knows answers by heart, and may be wrong every few tokens.
private final class Oracle: Drafter {
    private final class Memory: DraftMemory {
        var read: [Int] = []
    }

    let points = [AuxiliaryPoint.after(layer: 0)]
    private let answers: [[Int]]
    private let wrongEvery: Int?

    init(_ answers: [[Int]], wrongEvery: Int? = nil) {
        self.answers = answers
        self.wrongEvery = wrongEvery
    }

    func memory() -> any DraftMemory { Memory() }

    func draft(
        _ requests: [DraftRequest], shape: DraftShape, temperature: Float
    ) throws(Failure) -> [DraftTree] {
        requests.map { request in
            guard let memory = request.memory as? Memory else { return DraftTree([]) }
            precondition(request.states.rows == request.tokens.count, "a state for each token")
            memory.read += request.tokens
            // The first token of a text is paired with none.
            let known = answers.first { $0.dropFirst().starts(with: memory.read) } ?? []
            let next = known.dropFirst(memory.read.count + 1).prefix(min(shape.depth, request.limit))
            return DraftTree(
                next.enumerated().map { place, token in
                    let at = memory.read.count + place
                    let isWrong = wrongEvery.map { at % $0 == 0 } ?? false
                    return DraftNode(
                        token: isWrong ? (token + 1) % 512 : token, parent: place == 0 ? nil : place - 1)
                })
        }
    }
}

/// Draws from a few tokens alike, or proposes them side by side: often what the model could say, never as it would.
private struct Gambler: Drafter {
    private final class Memory: DraftMemory {}

    let points = [AuxiliaryPoint.after(layer: 0)]
    /// Ascending.
    let tokens: [Int]

    func memory() -> any DraftMemory { Memory() }

    func draft(
        _ requests: [DraftRequest], shape: DraftShape, temperature: Float
    ) throws(Failure) -> [DraftTree] {
        requests.map { request in
            if case .tree(_, let width, _) = shape {
                return DraftTree(tokens.prefix(width).map { DraftNode(token: $0, parent: nil) })
            }
            let q = TokenDistribution(
                ids: tokens, probabilities: tokens.map { _ in 1 / Double(tokens.count) })
            return DraftTree(
                (0..<shape.depth).map { place in
                    DraftNode(
                        token: q.draw(request.unit()), parent: place == 0 ? nil : place - 1, distribution: q)
                })
        }
    }
}

struct SpeculationTests {
    private static let shapes: [DraftShape] = [
        .chain(1), .chain(3), .chain(7), .tree(depth: 4, width: 3, count: 9),
        .tree(depth: 2, width: 6, count: 20),
    ]

    private static func prompts(_ count: Int) -> [[Int]] {
        var random = SeededGenerator(seed: 11)
        return (0..<count).map { index in (0..<(1 + index * 5)).map { _ in Int(random.next() % 512) } }
    }

    private static func target(_ backend: any Backend) throws -> (ForwardPass, CheckpointWeights) {
        let weights = try CheckpointWeights.open(Repository.checkpoint("micro"), budget: 1 << 30)
        return (ForwardPass(weights.configuration, weights: weights, backend: backend), weights)
    }

    /// Token by token, by the code that knows nothing of drafts.
    private static func plain(
        _ pass: ForwardPass, _ prompts: [[Int]], _ rule: SamplingRule = SamplingRule(), limit: Int = 24
    ) throws -> [GenerationResult] {
        try prompts.map {
            try Generation(pass, endTokens: [509]).run(prompt: $0, limit: limit, sampler: Sampler(rule))
        }
    }

    @Test(arguments: shapes, ["plain", "joined", "flagged"])
    func greedyIsPlainGreedy(shape: DraftShape, kind: String) throws {
        let backend = FusedBackend(numerics: .f32, threads: 2)
        let (pass, weights) = try Self.target(backend)
        let prompts = Self.prompts(6)
        let head = try HeadPassTests.head(kind)
        let drafter = HeadDrafter(try HeadPass(head, target: weights, backend: backend))
        let drafted = try SpeculativeDecoding(
            pass, drafter: drafter, shape: shape, rule: SamplingRule(), endTokens: [509], batch: 4
        ).run(prompts, limit: 24)
        let wanted = try Self.plain(pass, prompts)
        #expect(drafted.map(\.tokens) == wanted.map(\.tokens))
        #expect(drafted.map(\.stop) == wanted.map(\.stop))
        // A random head is accepted next to never.
        let cycles = drafted.flatMap(\.cycles)
        let length = 1 + Double(cycles.reduce(0) { $0 + $1.accepted }) / Double(cycles.count)
        #expect(length >= 1 && length < 1.2, "\(length)")
    }

    @Test func aPenaltyIsKept() throws {
        let (pass, weights) = try Self.target(FusedBackend(numerics: .f32, threads: 1))
        var rule = SamplingRule()
        rule.repetitionPenalty = 1.3
        let head = try HeadPassTests.head("plain")
        let drafter = HeadDrafter(try HeadPass(head, target: weights, backend: pass.backend))
        let drafted = try SpeculativeDecoding(
            pass, drafter: drafter, shape: .chain(3), rule: rule, endTokens: [], batch: 3
        ).run(Self.prompts(3), limit: 16)
        let wanted = try Self.prompts(3).map {
            try Generation(pass, endTokens: []).run(prompt: $0, limit: 16, sampler: Sampler(rule)).tokens
        }
        #expect(drafted.map(\.tokens) == wanted)
    }

    @Test(arguments: [1, 3, 5]) func aPerfectDrafterGivesAllOfItsTokens(steps: Int) throws {
        let (pass, _) = try Self.target(FusedBackend(numerics: .f32, threads: 1))
        let prompts = Self.prompts(4)
        let limit = 1 + 5 * (steps + 1)
        let wanted = try Self.plain(pass, prompts, limit: limit)
        let longer = try Self.plain(pass, prompts, limit: limit + steps)
        let oracle = Oracle(zip(prompts, longer).map { $0 + $1.tokens })
        let drafted = try SpeculativeDecoding(
            pass, drafter: oracle, shape: .chain(steps), rule: SamplingRule(), endTokens: [509], batch: 4
        ).run(prompts, limit: limit)
        #expect(drafted.map(\.tokens) == wanted.map(\.tokens))
        for result in drafted where result.stop == .tokenLimit {
            #expect(result.cycles.map(\.accepted) == Array(repeating: steps, count: 5))
        }
    }

    /// Partly right drafts: caches are cut back at every length.
    @Test(arguments: [2, 3, 4]) func aPartlyRightDrafterChangesNothing(every: Int) throws {
        let (pass, _) = try Self.target(FusedBackend(numerics: .f32, threads: 1))
        let prompts = Self.prompts(4)
        let longer = try Self.plain(pass, prompts, limit: 40)
        let oracle = Oracle(zip(prompts, longer).map { $0 + $1.tokens }, wrongEvery: every)
        let drafted = try SpeculativeDecoding(
            pass, drafter: oracle, shape: .chain(5), rule: SamplingRule(), endTokens: [509], batch: 2
        ).run(prompts, limit: 24)
        #expect(drafted.map(\.tokens) == longer.map { Array($0.tokens.prefix(24)) })
        #expect(drafted.flatMap(\.cycles).contains { $0.accepted > 0 && $0.accepted < $0.drafted })
    }

    /// The end of the context cuts drafts short and ends the answer where plain decoding does.
    @Test func theContextEndsIt() throws {
        let (pass, weights) = try Self.target(FusedBackend(numerics: .f32, threads: 2))
        var random = SeededGenerator(seed: 3)
        let prompt = (0..<pass.configuration.contextLength - 6).map { _ in Int(random.next() % 512) }
        let head = try HeadPassTests.head("plain")
        let drafter = HeadDrafter(try HeadPass(head, target: weights, backend: pass.backend))
        let wanted = try Generation(pass, endTokens: []).run(
            prompt: prompt, limit: 50, sampler: Sampler(SamplingRule()))
        for shape in Self.shapes {
            let drafted = try SpeculativeDecoding(
                pass, drafter: drafter, shape: shape, rule: SamplingRule(), endTokens: [], batch: 1
            ).run([prompt], limit: 50)
            #expect(drafted[0].tokens == wanted.tokens)
            #expect(drafted[0].stop == .contextFull)
        }
    }

    /// The first two tokens of many sampled answers, against the model's own probabilities.
    @Test(arguments: [DraftShape.chain(2), .tree(depth: 1, width: 4, count: 4)])
    func samplingIsLossless(shape: DraftShape) throws {
        let (pass, _) = try Self.target(FusedBackend(numerics: .f32, threads: 2))
        var rule = SamplingRule()
        rule.temperature = 1.5
        rule.topK = 6
        let prompt = Self.prompts(3)[2]
        func logits(_ tokens: [Int]) throws -> TokenDistribution {
            let made = LogitCollector()
            try pass.run([TokenSequence(tokens)], logits: .last, taps: [made])
            let candidates = Sampler(rule).candidates(Array(made.logits.values), seen: [])
            return TokenDistribution(ids: candidates.map(\.id), probabilities: candidates.map(\.probability))
        }
        let draws = 3000
        let first = try logits(prompt)
        let second = try first.ids.map { try logits(prompt + [$0]) }
        let often = Set(second.flatMap(\.ids)).sorted()
        let results = try SpeculativeDecoding(
            pass, drafter: Gambler(tokens: Array(often.prefix(8))), shape: shape, rule: rule, endTokens: [],
            batch: 250
        ).run(Array(repeating: prompt, count: draws), limit: 2, seed: 5)
        #expect(results.flatMap(\.cycles).contains { $0.accepted > 0 })
        var counts: [Int] = []
        var wanted: [Double] = []
        for (index, a) in first.ids.enumerated() {
            for (b, q) in zip(second[index].ids, second[index].probabilities) {
                counts.append(results.count { $0.tokens == [a, b] })
                wanted.append(first.probabilities[index] * q)
            }
        }
        #expect(counts.reduce(0, +) == draws)
        let (value, freedom) = VerificationTests.chiSquare(counts, wanted)
        #expect(value < VerificationTests.bound(freedom), "χ² \(value) of \(freedom)")
    }
}
