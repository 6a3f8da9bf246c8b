// What else is in the batch, and how the tokens arrive, changes no answer.

import Backends
import ReferenceModel
import TestSupport
import Testing

struct BatchTests {
    /// Three sequences of one model.
    static func sequences(_ vocabulary: Int) -> [[Int]] {
        var generator = SeededGenerator(seed: 17)
        return [33, 1, 12].map { length in
            (0..<length).map { _ in Int(generator.next() % UInt64(vocabulary)) }
        }
    }

    /// Whether a token's bits depend on nothing but what came before it.
    static func keepsBits(_ backend: any Backend) -> Bool {
        backend is ReferenceBackend || backend is FusedBackend
    }

    @Test(arguments: ["micro", "micro-yarn", "ling-tiny-icd"], backends().indices)
    func aBatchIsItsSequences(model: String, backend: Int) throws {
        let pass = try fixturePass(model, backends()[backend])
        let sequences = Self.sequences(pass.configuration.vocabularySize)
        let (together, logits) = (RecordingTaps(), LogitCollector())
        try pass.run(sequences.map { TokenSequence($0) }, taps: [together, logits])
        var first = 0
        for tokens in sequences {
            let (alone, own) = (RecordingTaps(), LogitCollector())
            try pass.run([TokenSequence(tokens)], taps: [alone, own])
            let rows = first..<first + tokens.count
            first += tokens.count
            for (layer, routes) in alone.routesByLayer {
                let all = try #require(together.routesByLayer[layer])
                let k = routes.expertsPerToken
                #expect(
                    routes.experts[...] == all.experts[rows.lowerBound * k..<rows.upperBound * k],
                    "routes of layer \(layer)")
            }
            let part = logits.logits.rows(rows)
            if Self.keepsBits(pass.backend) { #expect(part == own.logits, "the same bits") }
            #expect(OutputAgreement(made: part, recorded: own.logits).worst < 5e-5)
        }
    }

    @Test(arguments: ["micro-yarn", "ling-tiny-icd"], backends().indices)
    func tokenByTokenIsAllAtOnce(model: String, backend: Int) throws {
        let pass = try fixturePass(model, backends()[backend])
        let tokens = Self.sequences(pass.configuration.vocabularySize)[0]
        let whole = LogitCollector()
        try pass.run([TokenSequence(tokens)], taps: [whole])
        for chunks in [[33], [20, 13], [1, 31, 1], Array(repeating: 1, count: 33)] {
            let cache = KeyValueCache(pass.configuration)
            var first = 0
            for length in chunks {
                let part = LogitCollector()
                let next = Array(tokens[first..<first + length])
                try pass.run([TokenSequence(next, cache: cache)], taps: [part])
                let expected = whole.logits.rows(first..<first + length)
                if Self.keepsBits(pass.backend) { #expect(part.logits == expected) }
                #expect(OutputAgreement(made: part.logits, recorded: expected).worst < 5e-5)
                first += length
            }
            #expect(cache.count == 33)
        }
    }

    @Test func sequencesOfABatchKeepTheirOwnPast() throws {
        let pass = try fixturePass("micro", ReferenceBackend(numerics: .f32))
        let sequences = Self.sequences(512)
        let caches = sequences.map { _ in KeyValueCache(pass.configuration) }
        let firsts = sequences.map { Array($0.dropLast()) }
        for (tokens, cache) in zip(firsts, caches) where !tokens.isEmpty {
            try pass.run([TokenSequence(tokens, cache: cache)], logits: .none)
        }
        let last = LogitCollector()
        try pass.run(
            zip(sequences, caches).map { TokenSequence([$0.last ?? 0], cache: $1) }, logits: .last,
            taps: [last])
        for (index, tokens) in sequences.enumerated() {
            let own = LogitCollector()
            try pass.run([TokenSequence(tokens)], logits: .last, taps: [own])
            #expect(last.logits.rows(index..<index + 1) == own.logits)
        }
    }

    @Test func aRejectedDraftIsForgotten() throws {
        let pass = try fixturePass("micro", ReferenceBackend(numerics: .f32))
        let tokens = Self.sequences(512)[0]
        let cache = KeyValueCache(pass.configuration)
        try pass.run([TokenSequence(Array(tokens[..<20]), cache: cache)], logits: .none)
        try pass.run([TokenSequence([3, 4, 5], cache: cache)], logits: .none)
        cache.truncate(to: 20)
        let (next, whole) = (LogitCollector(), LogitCollector())
        try pass.run([TokenSequence(Array(tokens[20...]), cache: cache)], logits: .last, taps: [next])
        try pass.run([TokenSequence(tokens)], logits: .last, taps: [whole])
        #expect(next.logits == whole.logits)
    }
}
