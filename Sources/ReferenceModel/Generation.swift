// One token after the other: the prompt is read once, then each new token with the keys and values of what came
// before. Which token is the sampler's affair, when to end is here.

import Architectures
import Backends
import Diagnostics

extension DiagnosticCode {
    /// Logits that are NaN or infinite.
    package static let logitsNotFinite = DiagnosticCode("GEN-001")
}

/// Why a generation ended.
package enum GenerationStop: Equatable, Sendable {
    /// The model ended its turn with this token.
    case endToken(Int)
    case tokenLimit
    /// No position is left in the model's context.
    case contextFull
    /// The caller asked for it.
    case interrupted
}

/// What a generation gave and how long it took.
package struct GenerationResult: Sendable {
    /// New tokens, the end token included.
    package internal(set) var tokens: [Int] = []
    package internal(set) var stop = GenerationStop.tokenLimit
    /// From the start to the first new token.
    package internal(set) var promptSeconds = 0.0
    /// From the first new token to the last.
    package internal(set) var tokenSeconds = 0.0

    init() {}

    /// What another way of decoding gave.
    package init(
        tokens: [Int], stop: GenerationStop, promptSeconds: Double, tokenSeconds: Double
    ) {
        self.tokens = tokens
        self.stop = stop
        self.promptSeconds = promptSeconds
        self.tokenSeconds = tokenSeconds
    }
}

/// Continues a prompt.
package struct Generation {
    private let pass: ForwardPass
    private let endTokens: Set<Int>

    /// - Parameter endTokens: each of them ends the answer and is its last token.
    package init(_ pass: ForwardPass, endTokens: Set<Int>) {
        self.pass = pass
        self.endTokens = endTokens
    }

    /// Generates up to a number of tokens, within the context.
    ///
    /// - Parameters:
    ///   - prompt: at least one token.
    ///   - limit: new tokens at most; at least one.
    ///   - isInterrupted: asked before each token, the first included.
    ///   - each: gets every new token as it comes.
    /// - Throws: what a pass throws; GEN-001.
    package func run(
        prompt: [Int], limit: Int, sampler: Sampler, isInterrupted: () -> Bool = { false },
        each: (Int) -> Void = { _ in }
    ) throws(Failure) -> GenerationResult {
        var sampler = sampler
        var result = GenerationResult()
        var seen = Set(prompt)
        var next = prompt
        let cache = KeyValueCache(pass.configuration)
        let room = pass.configuration.contextLength - prompt.count
        let clock = ContinuousClock()
        var mark = clock.now
        while result.tokens.count < limit {
            guard result.tokens.count < room else {
                result.stop = .contextFull
                break
            }
            guard !isInterrupted() else {
                result.stop = .interrupted
                break
            }
            let token = try step(next, cache, seen, &sampler)
            if result.tokens.isEmpty {
                result.promptSeconds = (clock.now - mark) / .seconds(1)
                mark = clock.now
            }
            result.tokens.append(token)
            seen.insert(token)
            next = [token]
            each(token)
            if endTokens.contains(token) {
                result.stop = .endToken(token)
                break
            }
        }
        if !result.tokens.isEmpty { result.tokenSeconds = (clock.now - mark) / .seconds(1) }
        return result
    }

    private func step(
        _ tokens: [Int], _ cache: KeyValueCache, _ seen: Set<Int>, _ sampler: inout Sampler
    ) throws(Failure) -> Int {
        let made = LogitCollector()
        try pass.run([TokenSequence(tokens, cache: cache)], logits: .last, taps: [made])
        if let token = sampler.next(made.logits.values, seen: seen) { return token }
        let wrong = made.logits.values.firstIndex { !$0.isFinite } ?? 0
        throw Failure(
            Finding(
                .error, .logitsNotFinite, "the model's answer is no number", tensor: "logits",
                expected: "a finite logit for each of \(grouped(made.logits.columns)) tokens",
                found: "\(made.logits.values[wrong]) for token \(wrong), at position \(cache.count - 1)",
                remedy: "ingot validate CHECKPOINT --deep looks for weights that are not finite"))
    }
}
