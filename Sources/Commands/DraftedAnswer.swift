// One answer decoded with a draft head, with the clock beside it.

import Diagnostics
import DraftHeads
import ReferenceModel

/// An answer and what became of its drafts.
struct DraftedAnswer {
    let result: GenerationResult
    /// Drafts that were checked.
    let cycles: Int
    /// Drafted tokens that stayed.
    let accepted: Int

    init(
        _ prompt: [Int], limit: Int, pass: ForwardPass, drafter: HeadDrafter, shape: DraftShape,
        rule: SamplingRule, endTokens: Set<Int>, seed: UInt64, isInterrupted: () -> Bool,
        each: (Int) -> Void
    ) throws(Failure) {
        let clock = ContinuousClock()
        let start = clock.now
        var first: ContinuousClock.Instant?
        let results = try SpeculativeDecoding(
            pass, drafter: drafter, shape: shape, rule: rule, endTokens: endTokens, batch: 1
        ).run(
            [prompt], limit: limit, seed: seed, isInterrupted: isInterrupted,
            each: { _, token in
                if first == nil { first = clock.now }
                each(token)
            })
        let drafted = results[0]
        let mark = first ?? start
        result = GenerationResult(
            tokens: drafted.tokens, stop: drafted.stop, promptSeconds: (mark - start) / .seconds(1),
            tokenSeconds: first == nil ? 0 : (clock.now - mark) / .seconds(1))
        cycles = drafted.cycles.count
        accepted = drafted.cycles.reduce(0) { $0 + $1.accepted }
    }

    /// Tokens of each pass, the target's own counted; nil before the first.
    var length: Double? { cycles > 0 ? 1 + Double(accepted) / Double(cycles) : nil }
}
