// From logits to the next token: repetition penalty, temperature, the k most likely, the nucleus of mass p, in
// the order and with the ties of the processors of transformers 4.56.2; then one draw from a seeded sequence.

import Glibc

/// How the next token is chosen.
package struct SamplingRule: Equatable, Sendable {
    /// 0 takes the most likely token.
    package var temperature: Float = 0
    /// How many of the most likely tokens stay; 0 keeps all.
    package var topK = 0
    /// The mass that stays, the most likely tokens first; 1 keeps all.
    package var topP = 1.0
    /// What divides a positive logit, and multiplies a negative one, of a token seen before; 1 does nothing.
    package var repetitionPenalty: Float = 1

    package init() {}
}

/// Chooses tokens: the same seed, the same choices.
///
/// - Source: RepetitionPenaltyLogitsProcessor, TemperatureLogitsWarper, TopKLogitsWarper and TopPLogitsWarper of
///   transformers 4.56.2, generation/logits_process.py; their order in generation/utils.py.
/// - Checked by: SamplerTests, against vectors of those classes.
package struct Sampler: Sendable {
    /// A token that may come next.
    package struct Candidate: Equatable, Sendable {
        package let id: Int
        package let probability: Double
    }

    package let rule: SamplingRule
    private var random: RandomSequence

    package init(_ rule: SamplingRule, seed: UInt64 = 0) {
        self.rule = rule
        random = RandomSequence(seed: seed)
    }

    /// The next token; nil when the logits are no numbers to choose from.
    ///
    /// - Parameters:
    ///   - logits: one for each token of the vocabulary.
    ///   - seen: tokens of the prompt and of the answer so far.
    package mutating func next(_ logits: [Float], seen: Set<Int>) -> Int? {
        let candidates = candidates(logits, seen: seen)
        guard candidates.count > 1 else { return candidates.first?.id }
        var left = random.nextUnit()
        for candidate in candidates {
            left -= candidate.probability
            if left < 0 { return candidate.id }
        }
        // The probabilities sum to 1 but for rounding.
        return candidates.last { $0.probability > 0 }?.id
    }

    /// The tokens that may come next, by ascending id, their probabilities in F64; none when a logit is NaN or
    /// infinite, or all of them are −∞.
    package func candidates(_ logits: [Float], seen: Set<Int>) -> [Candidate] {
        guard logits.allSatisfy({ $0 < .infinity }) else { return [] }
        var scores = logits
        if rule.repetitionPenalty != 1 {
            for id in seen where scores.indices.contains(id) {
                scores[id] =
                    scores[id] < 0 ? scores[id] * rule.repetitionPenalty : scores[id] / rule.repetitionPenalty
            }
        }
        guard let largest = scores.max(), largest > -.infinity, largest < .infinity else { return [] }
        guard rule.temperature > 0 else {
            return scores.firstIndex(of: largest).map { [Candidate(id: $0, probability: 1)] } ?? []
        }
        for index in scores.indices { scores[index] /= rule.temperature }
        return Self.probabilities(nucleus(mostLikely(scores), scores), scores)
    }

    /// The ids of the k largest scores and of all that equal the least of them.
    private func mostLikely(_ scores: [Float]) -> [Int] {
        let finite = scores.indices.filter { scores[$0] > -.infinity }
        guard rule.topK > 0, rule.topK < finite.count else { return finite }
        let least = finite.map { scores[$0] }.sorted(by: >)[rule.topK - 1]
        return finite.filter { scores[$0] >= least }
    }

    /// The ids left when, from the least likely on, all are dropped whose sum stays within 1 − p.
    ///
    /// Of equals the one of the smaller id goes first; the most likely always stays.
    private func nucleus(_ ids: [Int], _ scores: [Float]) -> [Int] {
        guard rule.topP < 1 else { return ids }
        let ascending = ids.sorted { (scores[$0], $0) < (scores[$1], $1) }
        var sum = 0.0
        let first = Self.probabilities(ascending, scores).firstIndex { candidate in
            sum += candidate.probability
            return sum > 1 - rule.topP
        }
        return ascending[(first ?? ascending.count - 1)...].sorted()
    }

    /// softmax over some ids, in their order.
    private static func probabilities(_ ids: [Int], _ scores: [Float]) -> [Candidate] {
        let largest = Double(ids.map { scores[$0] }.max() ?? 0)
        let weights = ids.map { exp(Double(scores[$0]) - largest) }
        let sum = weights.reduce(0, +)
        return zip(ids, weights).map { Candidate(id: $0, probability: $1 / sum) }
    }
}
