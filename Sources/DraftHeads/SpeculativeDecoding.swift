// Decoding with drafts: guess some tokens, let the target read them all at once, keep what it would have said itself.
// What comes out is what plain decoding gives: greedy, the same tokens; sampled, the same distribution.
//
// "The same tokens" takes a target whose numbers do not depend on how many tokens a pass reads; which backends
// promise that is in decision 0011.

import Backends
import Diagnostics
import Glibc
import ReferenceModel

/// What decoding one prompt gave.
package struct SpeculativeResult: Sendable {
    /// New tokens, an end token included.
    package internal(set) var tokens: [Int] = []
    package internal(set) var stop = GenerationStop.tokenLimit
    /// Of each verification: tokens of the draft that stayed, and the longest that could have.
    package internal(set) var cycles: [Cycle] = []

    /// One draft and what became of it.
    package struct Cycle: Equatable, Sendable {
        package let accepted: Int
        package let drafted: Int

        package init(accepted: Int, drafted: Int) {
            self.accepted = accepted
            self.drafted = drafted
        }
    }

    package init(tokens: [Int] = [], cycles: [Cycle] = []) {
        self.tokens = tokens
        self.cycles = cycles
    }
}

/// Decodes prompts with a drafter, several at once.
///
/// - Checked by: SpeculationTests.
package struct SpeculativeDecoding {
    private let pass: ForwardPass
    /// Nil decodes plainly: one token for each pass.
    private let drafter: (any Drafter)?
    private let shape: DraftShape
    private let rule: SamplingRule
    private let endTokens: Set<Int>
    /// Sequences in one pass.
    private let batch: Int

    /// - Parameter batch: sequences in one pass; it changes speed and no number, where the backend's are its own.
    package init(
        _ pass: ForwardPass, drafter: (any Drafter)?, shape: DraftShape, rule: SamplingRule,
        endTokens: Set<Int>, batch: Int
    ) {
        self.pass = pass
        self.drafter = drafter
        self.shape = drafter == nil ? .chain(0) : shape
        self.rule = rule
        self.endTokens = endTokens
        self.batch = max(1, batch)
    }

    /// Decodes prompts.
    ///
    /// - Parameters:
    ///   - prompts: at least one token each, shorter than the context.
    ///   - limit: new tokens of each at most; at least one.
    ///   - seed: of the first prompt; each next has the next.
    ///   - isInterrupted: asked before each pass; results are then what there is.
    ///   - each: gets every new token with the number of its prompt.
    ///   - finished: told of each prompt that is done.
    /// - Throws: what a pass throws; GEN-001.
    package func run(
        _ prompts: [[Int]], limit: Int, seed: UInt64 = 0, isInterrupted: () -> Bool = { false },
        each: (Int, Int) -> Void = { _, _ in }, finished: (Int) -> Void = { _ in }
    ) throws(Failure) -> [SpeculativeResult] {
        var results = Array(repeating: SpeculativeResult(), count: prompts.count)
        var waiting = prompts.indices[...]
        var active: [DecodedSequence] = []
        while !active.isEmpty || !waiting.isEmpty {
            if isInterrupted() {
                for index in waiting { results[index].stop = .interrupted }
                for sequence in active { sequence.result.stop = .interrupted }
                break
            }
            let new = waiting.prefix(batch - active.count)
            waiting = waiting.dropFirst(new.count)
            if !new.isEmpty {
                let fresh = new.map { index in
                    DecodedSequence(
                        index, prompts[index], pass, drafter, seed: seed &+ UInt64(index), limit: limit)
                }
                try begin(fresh, each)
                active += fresh
            } else {
                try cycle(active, each)
            }
            for sequence in active where sequence.isDone {
                results[sequence.index] = sequence.result
                finished(sequence.index)
            }
            active.removeAll(where: \.isDone)
        }
        for sequence in active { results[sequence.index] = sequence.result }
        return results
    }

    // MARK: Passes

    /// Reads prompts; each gives its first new token.
    private func begin(_ sequences: [DecodedSequence], _ each: (Int, Int) -> Void) throws(Failure) {
        let states = drafter.map { AuxiliaryStates($0.points) }
        let logits = LogitCollector()
        try pass.run(
            sequences.map { TokenSequence($0.prompt, cache: $0.cache) }, logits: .last,
            taps: [logits] + (states.map { [$0] } ?? []))
        let joined = states?.joined
        var start = 0
        for (row, sequence) in sequences.enumerated() {
            let p = try distribution(logits.logits, row, sequence.seen, sequence)
            let token = p.draw(p.ids.count > 1 ? sequence.unit() : 0)
            let rows = start..<start + sequence.prompt.count
            start = rows.upperBound
            sequence.states = joined?.rows(rows)
            sequence.pending = Array(sequence.prompt.dropFirst()) + [token]
            sequence.take([token], endTokens, each)
        }
    }

    /// One draft and its verification of each sequence.
    private func cycle(_ sequences: [DecodedSequence], _ each: (Int, Int) -> Void) throws(Failure) {
        let trees = try drafts(sequences)
        // A chain is read with the sequence's own past; of a tree every way has a copy of it.
        var read: [TokenSequence] = []
        var places: [(ways: [[Int]], first: Int)] = []
        for (sequence, tree) in zip(sequences, trees) {
            let ways = tree.paths
            places.append((ways, read.count))
            for way in ways {
                read.append(
                    TokenSequence(
                        [sequence.newest] + way.map { tree.nodes[$0].token },
                        cache: ways.count == 1 ? sequence.cache : sequence.cache.copy()))
            }
        }
        let states = drafter.map { AuxiliaryStates($0.points) }
        let reader = LogitReader(isGreedy: isPlainlyGreedy)
        try pass.run(read, logits: .all, taps: [reader] + (states.map { [$0] } ?? []))
        let starts = read.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.tokens.count) }
        let joined = states?.joined
        for (index, sequence) in sequences.enumerated() {
            let (ways, first) = places[index]
            /// The row after the newest token and some nodes that follow it.
            func row(_ nodes: [Int]) -> (way: Int, row: Int) {
                let way = ways.firstIndex { $0.starts(with: nodes) } ?? 0
                return (way, starts[first + way] + nodes.count)
            }
            let verified = try verify(trees[index], sequence, reader) { row($0).row }
            let (way, last) = row(verified.accepted)
            let length = sequence.cache.count - (ways.count == 1 ? ways[0].count + 1 : 0)
            sequence.cache = read[first + way].cache ?? sequence.cache
            sequence.cache.truncate(to: length + verified.accepted.count + 1)
            sequence.states = joined?.rows(last - verified.accepted.count..<last + 1)
            let tokens = verified.accepted.map { trees[index].nodes[$0].token } + [verified.next]
            sequence.pending = tokens
            if drafter != nil {
                sequence.result.cycles.append(
                    SpeculativeResult.Cycle(
                        accepted: verified.accepted.count, drafted: ways.map(\.count).max() ?? 0))
            }
            sequence.take(tokens, endTokens, each)
        }
    }

    private func drafts(_ sequences: [DecodedSequence]) throws(Failure) -> [DraftTree] {
        guard let drafter else { return sequences.map { _ in DraftTree([]) } }
        let context = pass.configuration.contextLength
        let requests = sequences.compactMap { sequence -> DraftRequest? in
            guard let memory = sequence.memory, let states = sequence.states else { return nil }
            return DraftRequest(
                memory: memory, states: states, tokens: sequence.pending,
                limit: max(0, context - sequence.cache.count - 1), unit: { sequence.unit() })
        }
        return try drafter.draft(requests, shape: shape, temperature: rule.temperature)
    }

    // MARK: Choosing

    /// Whether the likeliest logit decides alone.
    private var isPlainlyGreedy: Bool { rule.temperature == 0 && rule.repetitionPenalty == 1 }

    private func verify(
        _ tree: DraftTree, _ sequence: DecodedSequence, _ reader: LogitReader, row: ([Int]) -> Int
    ) throws(Failure) -> VerifiedDraft {
        if isPlainlyGreedy {
            var accepted: [Int] = []
            let verified = tree.verified { node in
                if let node { accepted.append(node) }
                return reader.choices[row(accepted)].choice
            }
            for count in 0...verified.accepted.count {
                let choice = reader.choices[row(Array(verified.accepted.prefix(count)))]
                guard choice.choice >= 0, choice.logNormaliser.isFinite else {
                    throw Self.notFinite(sequence, choice.logNormaliser)
                }
            }
            return verified
        }
        var fault: Failure?
        let verified = tree.verified(
            target: { accepted in
                let seen = sequence.seen.union(accepted.map { tree.nodes[$0].token })
                do throws(Failure) {
                    return try distribution(reader.collected.logits, row(accepted), seen, sequence)
                } catch {
                    fault = error
                    return TokenDistribution(ids: [0], probabilities: [1])
                }
            }, unit: sequence.unit)
        if let fault { throw fault }
        return verified
    }

    /// What the target says next, with temperature and the like applied.
    private func distribution(
        _ logits: Matrix, _ row: Int, _ seen: Set<Int>, _ sequence: DecodedSequence
    ) throws(Failure) -> TokenDistribution {
        let candidates = Sampler(rule).candidates(Array(logits.row(row)), seen: seen)
        guard !candidates.isEmpty else {
            let wrong = logits.row(row).first { !$0.isFinite } ?? .nan
            throw Self.notFinite(sequence, Double(wrong))
        }
        return TokenDistribution(ids: candidates.map(\.id), probabilities: candidates.map(\.probability))
    }

    private static func notFinite(_ sequence: DecodedSequence, _ found: Double) -> Failure {
        Failure(
            Finding(
                .error, .logitsNotFinite, "the model's answer is no number", tensor: "logits",
                expected: "finite logits", found: "\(found), after \(sequence.cache.count) tokens",
                remedy: "ingot validate CHECKPOINT --deep looks for weights that are not finite"))
    }
}
