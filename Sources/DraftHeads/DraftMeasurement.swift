// How much of what a head drafts stays: decoding of many prompts, with what became of every draft. The acceptance length
// counts the target's own token of each pass, as SGLang and vLLM do: plain decoding has 1, a chain of k at most k + 1.

import Checkpoints
import Diagnostics
import ReferenceModel

/// A prompt to be decoded.
package struct DraftPrompt: Equatable, Sendable {
    package let name: String
    /// A field of knowledge or a kind of task, where the data tell.
    package let domain: String?
    /// At least one.
    package let tokens: [Int]

    package init(name: String, domain: String?, tokens: [Int]) {
        self.name = name
        self.domain = domain
        self.tokens = tokens
    }
}

/// What decoding some prompts with a drafter gave.
///
/// - Checked by: MeasurementTests.
package struct DraftMeasurement: Sendable {
    package let prompts: [DraftPrompt]
    package let shape: DraftShape
    /// By prompt.
    package let results: [SpeculativeResult]
    /// What plain decoding gave, by prompt; nil where it was not asked, as there is nothing to compare when sampling.
    package let plain: [SpeculativeResult]?

    package init(
        prompts: [DraftPrompt], shape: DraftShape, results: [SpeculativeResult], plain: [SpeculativeResult]?
    ) {
        self.prompts = prompts
        self.shape = shape
        self.results = results
        self.plain = plain
    }

    /// Drafts and their verifications.
    package var cycleCount: Int { results.reduce(0) { $0 + $1.cycles.count } }
    /// New tokens of all answers.
    package var tokenCount: Int { results.reduce(0) { $0 + $1.tokens.count } }

    /// Domains in the order of their names; empty when the data name none.
    package var domains: [String] { Set(prompts.compactMap(\.domain)).sorted() }

    /// Tokens that a pass of the target gives, its own included; the prompt is the cluster.
    package func length(domain: String? = nil) -> Estimate? {
        mean(domain) { $0.cycles.map { Double($0.accepted + 1) } }
    }

    /// Share of drafts of which the token at a place stays, from 0; drafts too short for the place are left out.
    package func rate(at place: Int, domain: String? = nil) -> Estimate? {
        mean(domain) { result in
            result.cycles.filter { $0.drafted > place }.map { $0.accepted > place ? 1 : 0 }
        }
    }

    /// The same among drafts of which all tokens before it stay.
    package func conditionalRate(at place: Int) -> Estimate? {
        mean(nil) { result in
            result.cycles.filter { $0.drafted > place && $0.accepted >= place }
                .map { $0.accepted > place ? 1 : 0 }
        }
    }

    private func mean(_ domain: String?, _ values: (SpeculativeResult) -> [Double]) -> Estimate? {
        var mean = ClusteredMean()
        for (prompt, result) in zip(prompts, results) where domain == nil || prompt.domain == domain {
            mean.add(values(result))
        }
        return mean.estimate
    }

    /// Prompts whose answer differs from the plain one, and where first.
    package var differences: [(prompt: Int, at: Int)] {
        guard let plain else { return [] }
        return results.indices.compactMap { index in
            let (a, b) = (results[index].tokens, plain[index].tokens)
            guard a != b else { return nil }
            return (index, zip(a, b).enumerated().first { $1.0 != $1.1 }?.offset ?? min(a.count, b.count))
        }
    }
}

extension DraftMeasurement {
    /// Decodes prompts with a drafter, and plainly for comparison where answers must be equal.
    ///
    /// - Parameters:
    ///   - comparing: whether to decode plainly too; only greedy answers are compared.
    ///   - isInterrupted: asked before each pass.
    /// - Throws: what a pass throws; OUT-008 when it was interrupted.
    package static func run(
        _ prompts: [DraftPrompt], pass: ForwardPass, drafter: any Drafter, shape: DraftShape,
        rule: SamplingRule, endTokens: Set<Int>, limit: Int, seed: UInt64, batch: Int, comparing: Bool,
        progress: any ProgressSink
    ) throws(Failure) -> DraftMeasurement {
        let tokens = prompts.map(\.tokens)
        func decode(_ drafter: (any Drafter)?, _ stage: String) throws(Failure) -> [SpeculativeResult] {
            progress.begin(stage: stage, total: prompts.count, unit: .texts)
            defer { progress.end() }
            var fault: Failure?
            let results = try SpeculativeDecoding(
                pass, drafter: drafter, shape: shape, rule: rule, endTokens: endTokens, batch: batch
            ).run(
                tokens, limit: limit, seed: seed,
                isInterrupted: {
                    do throws(Failure) { try StopFlag.check(isWriting: false) } catch { fault = error }
                    return fault != nil
                }, finished: { _ in progress.advance(1) })
            if let fault { throw fault }
            return results
        }
        let results = try decode(drafter, "draft")
        let isGreedy = rule.temperature == 0
        let plain = comparing && isGreedy ? try decode(nil, "plain") : nil
        return DraftMeasurement(prompts: prompts, shape: shape, results: results, plain: plain)
    }
}
