// Drafting with an EAGLE3 head: confirmed positions are read with the target's states; then the head goes on from its
// own result, one token after the other, as a chain or as a tree.

import Backends
import Diagnostics
import Glibc
import ReferenceModel

extension HeadMemory: DraftMemory {}

/// A head as a drafter.
///
/// - Checked by: HeadPassTests, against drafts of a PyTorch statement and of vLLM; SpeculationTests.
package struct HeadDrafter: Drafter {
    package let pass: HeadPass

    package init(_ pass: HeadPass) { self.pass = pass }

    package var points: [AuxiliaryPoint] { pass.configuration.auxiliaryPoints }
    package func memory() -> any DraftMemory { pass.memory() }

    package func draft(
        _ requests: [DraftRequest], shape: DraftShape, temperature: Float
    ) throws(Failure) -> [DraftTree] {
        guard !requests.isEmpty else { return [] }
        let memories = requests.map { request -> HeadMemory in
            guard let memory = request.memory as? HeadMemory else {
                preconditionFailure("the memory of another drafter")
            }
            return memory
        }
        // Confirmed positions, all sequences in one pass; the last of each says what comes next.
        let fused = pass.fuse(Matrix.stacked(requests.map(\.states)))  // [T, H]
        var sequences: [HeadSequence] = []
        var last: [Int] = []
        var start = 0
        for (request, memory) in zip(requests, memories) {
            let rows = start..<start + request.tokens.count
            start = rows.upperBound
            last.append(rows.upperBound - 1)
            sequences.append(
                HeadSequence(tokens: request.tokens, states: fused.rows(rows), memory: memory))
        }
        let read = try pass.run(sequences)
        // What was read so far is confirmed; drafts are forgotten again.
        let confirmed = memories.map(\.count)
        defer {
            for (memory, count) in zip(memories, confirmed) { memory.past.truncate(to: count) }
        }
        let (next, normed) = (read.next.gathered(last), read.normed.gathered(last))
        switch shape {
        case .chain(let count):
            return try chains(requests, memories, next, normed, count, temperature)
        case .tree(let depth, let width, let count):
            var trees: [DraftTree] = []
            for (index, request) in requests.enumerated() {
                trees.append(
                    try tree(
                        memories[index], next.rows(index..<index + 1), normed.rows(index..<index + 1),
                        depth: min(depth, request.limit), width: width, count: count))
            }
            return trees
        }
    }

    // MARK: Chains

    private func chains(
        _ requests: [DraftRequest], _ memories: [HeadMemory], _ next: Matrix, _ normed: Matrix, _ count: Int,
        _ temperature: Float
    ) throws(Failure) -> [DraftTree] {
        var nodes = Array(repeating: [DraftNode](), count: requests.count)
        var (next, normed) = (next, normed)
        var active = requests.indices.filter { requests[$0].limit > 0 }
        (next, normed) = (next.gathered(active), normed.gathered(active))
        for step in 0..<count where !active.isEmpty {
            let logits = pass.logits(normed)  // [active, N]
            for (row, index) in active.enumerated() {
                nodes[index].append(
                    node(logits.row(row), after: nodes[index].count, temperature, requests[index].unit))
            }
            guard step + 1 < count else { break }
            let places = active.indices.filter { step + 1 < requests[active[$0]].limit }
            guard !places.isEmpty else { break }
            let states = next.gathered(places)
            active = places.map { active[$0] }
            let sequences = active.enumerated().map { row, index in
                HeadSequence(
                    tokens: [nodes[index][step].token], states: states.rows(row..<row + 1),
                    memory: memories[index])
            }
            (next, normed) = try pass.run(sequences)
        }
        return nodes.map(DraftTree.init)
    }

    private func node(
        _ logits: Slice<AlignedFloats>, after count: Int, _ temperature: Float, _ unit: () -> Double
    ) -> DraftNode {
        let parent = count == 0 ? nil : count - 1
        guard temperature > 0 else {
            return DraftNode(token: pass.vocabulary.targetIds[likeliest(logits)], parent: parent)
        }
        let scaled = logits.map { $0 / temperature }
        let q = TokenDistribution(
            ids: pass.vocabulary.targetIds, probabilities: logSoftmax(scaled).map(exp))
        return DraftNode(token: q.draw(unit()), parent: parent, distribution: q)
    }

    // MARK: Trees

    /// A drafted token and how likely the way to it is.
    private struct Candidate {
        let token: Int
        /// Index of the candidate it follows.
        let parent: Int?
        let depth: Int
        /// Σ log q along the way.
        let score: Double
    }

    private func tree(
        _ memory: HeadMemory, _ next: Matrix, _ normed: Matrix, depth: Int, width: Int, count: Int
    ) throws(Failure) -> DraftTree {
        guard depth > 0 else { return DraftTree([]) }
        var candidates: [Candidate] = []
        var frontier = children(of: nil, [], pass.logits(normed).row(0), width)
        candidates += frontier
        var states: [Int: (HeadMemory, Matrix)] = [:]
        for step in 1..<max(1, depth) {
            // The best of the last step are gone on from, each with a past of its own.
            let first = candidates.count - frontier.count
            let best = frontier.indices.sorted { (-frontier[$0].score, $0) < (-frontier[$1].score, $1) }
                .prefix(width).map { first + $0 }
            let sequences = best.map { index -> HeadSequence in
                let (past, state) = candidates[index].parent.flatMap { states[$0] } ?? (memory, next)
                return HeadSequence(
                    tokens: [candidates[index].token], states: state, memory: past.copy())
            }
            let result = try pass.run(sequences)
            let logits = pass.logits(result.normed)
            frontier = []
            for (row, index) in best.enumerated() {
                states[index] = (sequences[row].memory, result.next.rows(row..<row + 1))
                frontier += children(of: index, candidates, logits.row(row), width)
            }
            precondition(frontier.allSatisfy { $0.depth == step + 1 }, "a step of two depths")
            candidates += frontier
        }
        return best(count, of: candidates)
    }

    private func children(
        of parent: Int?, _ candidates: [Candidate], _ logits: Slice<AlignedFloats>, _ width: Int
    ) -> [Candidate] {
        let scores = logSoftmax(logits)
        let order = scores.indices.sorted { (-scores[$0], $0) < (-scores[$1], $1) }.prefix(width)
        let before = parent.map { candidates[$0] }
        return order.map { id in
            Candidate(
                token: pass.vocabulary.targetIds[id], parent: parent, depth: (before?.depth ?? 0) + 1,
                score: (before?.score ?? 0) + scores[id])
        }
    }

    /// The likeliest candidates; a node is never likelier than the one it follows, so they hang together.
    private func best(_ count: Int, of candidates: [Candidate]) -> DraftTree {
        let kept = candidates.indices
            .sorted { (-candidates[$0].score, $0) < (-candidates[$1].score, $1) }.prefix(count).sorted()
        var places: [Int: Int] = [:]
        for (place, index) in kept.enumerated() { places[index] = place }
        return DraftTree(
            kept.map { index in
                DraftNode(
                    token: candidates[index].token, parent: candidates[index].parent.flatMap { places[$0] })
            })
    }
}

/// The index of the largest, the first among equals.
func likeliest(_ logits: Slice<AlignedFloats>) -> Int {
    var best = logits.startIndex
    for index in logits.indices where logits[index] > logits[best] { best = index }
    return best - logits.startIndex
}

/// log softmax in F64.
func logSoftmax(_ logits: some Collection<Float>) -> [Double] {
    let largest = Double(logits.max() ?? 0)
    let sum = logits.reduce(0.0) { $0 + exp(Double($1) - largest) }
    let normaliser = largest + log(sum)
    return logits.map { Double($0) - normaliser }
}
