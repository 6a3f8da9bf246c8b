// One prompt on its way through speculative decoding, and the logits of a pass as it wants them.

import Backends
import ReferenceModel

/// What is known of one prompt while it is decoded.
final class DecodedSequence {
    /// Which prompt it is.
    let index: Int
    let prompt: [Int]
    /// All tokens that were read; the newest known one was not.
    var cache: KeyValueCache
    let memory: (any DraftMemory)?
    /// States of the positions that the drafter has not read, and the token after each.
    var states: Matrix?
    var pending: [Int] = []
    /// Every token of the prompt and of the answer.
    private(set) var seen: Set<Int>
    /// The last known token.
    private(set) var newest = 0
    private(set) var isDone = false
    var result = SpeculativeResult()
    private let limit: Int
    /// Tokens that the context has room for.
    private let room: Int
    private var random: RandomSequence

    init(
        _ index: Int, _ prompt: [Int], _ pass: ForwardPass, _ drafter: (any Drafter)?, seed: UInt64,
        limit: Int
    ) {
        self.index = index
        self.prompt = prompt
        self.limit = limit
        room = pass.configuration.contextLength - prompt.count
        cache = KeyValueCache(pass.configuration)
        memory = drafter?.memory()
        seen = Set(prompt)
        random = RandomSequence(seed: seed)
    }

    /// The next number from 0 to below 1 of this prompt's own sequence.
    func unit() -> Double { random.nextUnit() }

    /// Takes new tokens up to the first that ends the answer.
    func take(_ tokens: [Int], _ endTokens: Set<Int>, _ each: (Int, Int) -> Void) {
        for token in tokens where !isDone {
            result.tokens.append(token)
            each(index, token)
            seen.insert(token)
            newest = token
            if endTokens.contains(token) {
                result.stop = .endToken(token)
                isDone = true
            } else if result.tokens.count >= limit || result.tokens.count >= room {
                result.stop = result.tokens.count >= limit ? .tokenLimit : .contextFull
                isDone = true
            }
        }
    }
}

/// Takes the logits of all tokens of a pass: where only the likeliest counts, no more of them.
final class LogitReader: Taps {
    private let isGreedy: Bool
    /// Of each token, where only the likeliest counts.
    private(set) var choices: [StreamedLogits] = []
    /// All logits otherwise.
    let collected = LogitCollector()

    init(isGreedy: Bool) { self.isGreedy = isGreedy }

    func logits(_ values: Matrix, rows: [Int], columns: Range<Int>) {
        guard isGreedy else { return collected.logits(values, rows: rows, columns: columns) }
        if choices.isEmpty { choices = Array(repeating: StreamedLogits(), count: rows.count) }
        values.values.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            for row in rows.indices { choices[row].add(base + row * values.columns, columns) }
        }
    }
}
