// The sampler against transformers' own logits processors, and its draws.

import Documents
import Foundation
import ReferenceModel
import TestSupport
import Testing

struct SamplerTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let rule: SamplingRule
        let logits: [Float]
        let seen: Set<Int>
        let greedy: Int
        let kept: [Int]
        let probabilities: [Double]
        var testDescription: String { name }

        init(_ reader: StrictReader) throws {
            func numbers(_ key: String) throws -> [Double] {
                guard case .array(let elements) = try reader.required(key) else { return [] }
                return elements.compactMap { if case .number(let number) = $0 { number.double } else { nil } }
            }
            name = try reader.string("name")
            var rule = SamplingRule()
            rule.temperature = Float(try reader.double("temperature"))
            rule.topK = try reader.integer("top_k")
            rule.topP = try reader.double("top_p")
            rule.repetitionPenalty = Float(try reader.double("repetition_penalty"))
            self.rule = rule
            logits = try numbers("logits").map { Float($0) }
            seen = Set(try reader.integers("seen"))
            greedy = try reader.integer("greedy")
            kept = try reader.integers("kept")
            probabilities = try numbers("probabilities")
            try reader.finish()
        }
    }

    static let cases: [Case] = {
        let path = Repository.path("Fixtures/vectors/sampling/processors.json")
        guard let data = FileManager.default.contents(atPath: path),
            let document = try? JSONValue(parsing: Array(data)),
            let reader = try? StrictReader(document), let rows = try? reader.objects("cases")
        else { return [] }
        return rows.compactMap { try? Case($0) }
    }()

    @Test func theVectorsAreThere() { #expect(Self.cases.count == 33) }

    @Test(arguments: cases) func isThatOfTransformers(_ item: Case) {
        let candidates = Sampler(item.rule).candidates(item.logits, seen: item.seen)
        #expect(candidates.map(\.id) == item.kept)
        for (candidate, recorded) in zip(candidates, item.probabilities) {
            // The recorded scores were rounded to F32 at each step.
            #expect(abs(candidate.probability - recorded) <= 1e-6 * max(recorded, 1e-3), "\(candidate)")
        }
        var rule = item.rule
        rule.temperature = 0
        var greedy = Sampler(rule)
        #expect(greedy.next(item.logits, seen: item.seen) == item.greedy)
    }

    @Test func aSeedRepeats() {
        var rule = SamplingRule()
        rule.temperature = 1
        func draws(_ seed: UInt64) -> [Int?] {
            var sampler = Sampler(rule, seed: seed)
            return (0..<50).map { _ in sampler.next([0, 0.5, 1, 0.2, -1], seen: []) }
        }
        #expect(draws(7) == draws(7))
        #expect(draws(7) != draws(8))
    }

    /// 20,000 draws: every frequency within five standard deviations of its probability.
    @Test func drawsFollowTheProbabilities() {
        var rule = SamplingRule()
        rule.temperature = 0.9
        let logits: [Float] = [0.3, -2, 1.5, 0, 0.9]
        var sampler = Sampler(rule, seed: 11)
        var counts = [Int](repeating: 0, count: logits.count)
        let total = 20_000
        for _ in 0..<total { counts[sampler.next(logits, seen: []) ?? 0] += 1 }
        for candidate in sampler.candidates(logits, seen: []) {
            let share = Double(counts[candidate.id]) / Double(total)
            let deviation = (candidate.probability * (1 - candidate.probability) / Double(total)).squareRoot()
            #expect(abs(share - candidate.probability) <= 5 * deviation, "\(candidate): \(share)")
        }
    }

    @Test func whatIsNoNumberIsNotChosen() {
        var rule = SamplingRule()
        for temperature: Float in [0, 1] {
            rule.temperature = temperature
            var sampler = Sampler(rule)
            #expect(sampler.next([0, .nan, 1], seen: []) == nil)
            #expect(sampler.next([0, .infinity, 1], seen: []) == nil)
            #expect(sampler.next([-.infinity, -.infinity], seen: []) == nil)
            #expect(sampler.next([], seen: []) == nil)
            #expect(sampler.next([-.infinity, 2, -.infinity], seen: []) == 1)
        }
    }
}
