// The forward pass of BailingMoeV2 (Ling-flash-2.0, Ling-mini-2.0, Ring, AntAngelMed), to be read from top to
// bottom. Arithmetic is the backend's, files are the weight source's; what happens in which order is here.
//
// Legend:
//   T  tokens of all sequences of the batch, one after another      V  vocabulary
//   H  hidden size, channels of the residual stream                 M  width of a gated MLP
//   A  query heads   G  key/value heads   D  channels of a head     E  routed experts, C chosen for a token
//   h  the residual stream, [T, H]
//
// Source: inclusionAI/Ling-V2 models/modeling_bailing_moe_v2.py at af8837e.

import Architectures
import Backends
import Diagnostics

/// Which tokens get logits.
package enum LogitRows: Sendable {
    /// Every token.
    case all
    /// The last token of each sequence.
    case last
    /// These rows of the batch, ascending.
    case some([Int])
    case none
}

/// One model, ready to read tokens.
///
/// - Checked by: GoldenTests, against values of the authors' own code; BatchTests; FormatTests.
package struct ForwardPass: Sendable {
    package let configuration: BailingMoeV2Configuration
    package let weights: any WeightSource
    package let backend: any Backend
    private let rope: RopeGeneration
    private let rotary: RotaryTable
    private let heads: AttentionHeads
    private let router: RouterRule

    /// - Parameter rope: whose reading of a YaRN block to follow, where engines differ.
    package init(
        _ configuration: BailingMoeV2Configuration, weights: any WeightSource, backend: any Backend,
        rope: RopeGeneration = .writtenFactor
    ) {
        self.configuration = configuration
        self.weights = weights
        self.backend = backend
        self.rope = rope
        let frequencies = RotaryFrequencies(configuration: configuration, generation: rope)
        rotary = RotaryTable(
            inverse: RotaryFrequencies.single(configuration, generation: rope),
            factor: Float(frequencies.attentionFactor), numerics: backend.numerics)
        heads = AttentionHeads(
            queryCount: configuration.attentionHeadCount, keyValueCount: configuration.keyValueHeadCount,
            dimension: configuration.headDimension)
        router = RouterRule(
            groupCount: configuration.groupCount, groupsKept: configuration.groupsPerToken,
            expertsPerToken: configuration.expertsPerToken,
            scalingFactor: Float(configuration.routedScalingFactor))
    }

    /// The same pass by another backend.
    package func with(_ backend: any Backend) -> ForwardPass {
        ForwardPass(configuration, weights: weights, backend: backend, rope: rope)
    }

    /// The same pass over other weights of the same model.
    package func with(_ weights: any WeightSource) -> ForwardPass {
        ForwardPass(configuration, weights: weights, backend: backend, rope: rope)
    }

    // MARK: The pass

    /// Reads tokens of some sequences; every weight is used for all of them and then let go.
    ///
    /// - Parameters:
    ///   - sequences: at least one token each; caches grow by the tokens read, each in its own.
    ///   - logits: which tokens get logits; they come through the taps.
    ///   - predicting: whether to run the prediction layer too, where the model has one.
    /// - Returns: the hidden states after the final norm, [T, H].
    /// - Throws: a token outside the vocabulary; a weight that cannot be read. Caches are then as before.
    @discardableResult
    package func run(
        _ sequences: [TokenSequence], logits: LogitRows = .all, predicting: Bool = false,
        taps: [any Taps] = []
    ) throws(Failure) -> Matrix {
        let batch = try Batch(sequences, configuration)
        do throws(Failure) { return try run(batch, logits, predicting, taps) } catch {
            batch.forget()
            throw error
        }
    }

    /// Logits of the token that follows, [V], after reading some more tokens of one sequence.
    package func nextLogits(after tokens: [Int], _ cache: KeyValueCache) throws(Failure) -> [Float] {
        let made = LogitCollector()
        try run([TokenSequence(tokens, cache: cache)], logits: .last, taps: [made])
        return Array(made.logits.values)
    }

    private func run(
        _ batch: Batch, _ logits: LogitRows, _ predicting: Bool, _ taps: [any Taps]
    ) throws(Failure) -> Matrix {
        var h = try embed(batch.tokens)  // [T, H]
        for tap in taps { tap.embedding(h) }

        for layer in 0..<configuration.layerCount { h = try block(h, layer, batch, taps) }

        let normed = try norm(h, WeightKey(.finalNorm))  // [T, H]
        for tap in taps { tap.finalHidden(normed) }
        let rows = batch.rows(logits)
        try head(normed, rows) { values, columns in
            for tap in taps { tap.logits(values, rows: rows, columns: columns) }
        }
        if predicting, let layer = configuration.predictionLayer {
            try predict(from: normed, layer, batch, rows, taps)
        }
        return normed
    }

    private func embed(_ tokens: [Int]) throws(Failure) -> Matrix {
        // Only the rows that some token names are read.
        let distinct = Array(Set(tokens)).sorted()
        var place: [Int: Int] = [:]
        for (index, token) in distinct.enumerated() { place[token] = index }
        let table = try weights.rows(distinct, of: WeightKey(.embedding))  // [distinct, H]
        return backend.rows(tokens.map { place[$0, default: 0] }, of: table)  // [T, H]
    }

    /// One decoder layer: attention, then MLP or experts, each added to the residual stream.
    private func block(
        _ h: Matrix, _ layer: Int, _ batch: Batch, _ taps: [any Taps]
    ) throws(Failure) -> Matrix {
        let x = try norm(h, WeightKey(.inputNorm, layer: layer))  // [T, H]
        let attended = try attention(x, layer, batch, taps)  // [T, H]
        for tap in taps { tap.attention(attended, layer: layer) }
        let middle = backend.add(h, attended)  // [T, H]

        let y = try norm(middle, WeightKey(.postAttentionNorm, layer: layer))  // [T, H]
        let fed =
            configuration.hasExperts(layer: layer)
            ? try experts(y, layer, taps)
            : try mlp(y, TensorRole.denseMLP, layer, Array(batch.tokens.indices), taps)
        for tap in taps { tap.mlp(fed, layer: layer) }

        let result = backend.add(middle, fed)  // [T, H]
        for tap in taps { tap.residual(result, afterLayer: layer) }
        return result
    }

    private func norm(_ x: Matrix, _ key: WeightKey) throws(Failure) -> Matrix {
        backend.rmsNorm(x, weight: try weights.weight(key), epsilon: configuration.rmsNormEpsilon)
    }

    // MARK: Attention

    private func attention(
        _ x: Matrix, _ layer: Int, _ batch: Batch, _ taps: [any Taps]
    ) throws(Failure) -> Matrix {
        let tokens = Array(batch.tokens.indices)
        for tap in taps { tap.input(x, of: WeightKey(.attentionQKV, layer: layer), tokens: tokens) }
        // The fused matrix: all query heads, then all key heads, then all value heads; no bias.
        let fused = try weights.weight(WeightKey(.attentionQKV, layer: layer))  // [(A + 2G)·D, H]
        let qkv = backend.product(x, fused)  // [T, (A + 2G)·D]
        // The norm of queries and keys stands before the rotation; one weight [D] serves all heads. Values
        // have neither.
        let queries = qkv.columns(configuration.queryRows)
        var q = try norm(queries, WeightKey(.queryNorm, layer: layer))  // [T, A·D]
        var k = try norm(qkv.columns(configuration.keyRows), WeightKey(.keyNorm, layer: layer))  // [T, G·D]
        let v = qkv.columns(configuration.valueRows)  // [T, G·D]
        // Only the first R channels of a head turn, channel j with j + R/2; the rest pass. YaRN is in the table.
        backend.rotate(&q, headDimension: heads.dimension, table: rotary, positions: batch.positions)
        backend.rotate(&k, headDimension: heads.dimension, table: rotary, positions: batch.positions)

        for tap in taps { tap.keyValues(keys: k, values: v, layer: layer) }

        var outputs: [Matrix] = []
        for (index, rows) in batch.ranges.enumerated() {
            // Each sequence sees its own past: query head a reads key/value head a·G/A.
            let past = batch.append(k.rows(rows), v.rows(rows), toSequence: index, layer: layer)
            outputs.append(backend.attention(queries: q.rows(rows), keyValues: past, heads: heads))
        }
        let mixed = Matrix.stacked(outputs)  // [T, A·D]
        for tap in taps { tap.input(mixed, of: WeightKey(.attentionOutput, layer: layer), tokens: tokens) }
        let output = try weights.weight(WeightKey(.attentionOutput, layer: layer))  // [H, A·D]
        return backend.product(mixed, output)  // [T, H]
    }

    // MARK: Gated MLP and experts

    /// An MLP that every token passes.
    private func mlp(
        _ x: Matrix, _ role: (MLPProjection) -> TensorRole, _ layer: Int, _ tokens: [Int], _ taps: [any Taps]
    ) throws(Failure) -> Matrix {
        let weights = try weights.mlp(role, layer: layer)
        return mlp(x, weights, tokens) { part, input, tokens in
            let key = WeightKey(role(part), layer: layer)
            for tap in taps { tap.input(input, of: key, tokens: tokens) }
        }
    }

    /// down(silu(gate x) ⊙ up x): [T, H] to [T, H].
    ///
    /// - Parameter show: is given what gate and down are multiplied with.
    private func mlp(
        _ x: Matrix, _ weights: MLPWeights, _ tokens: [Int],
        show: (MLPProjection, Matrix, [Int]) -> Void
    ) -> Matrix {
        // Pieces are of one size whatever T is but for the last: a token's numbers do not depend on it.
        let pieces = stride(from: 0, to: x.rows, by: Self.mlpTokens).map { first in
            let range = first..<min(x.rows, first + Self.mlpTokens)
            let few = x.rows > Self.mlpTokens ? x.rows(range) : x
            show(.gate, few, Array(tokens[range]))
            let gate = backend.product(few, weights.gate)  // [T, M]
            let up = backend.product(few, weights.up)  // [T, M]
            let unit = backend.swiGLU(gate: gate, up: up)  // [T, M]
            show(.down, unit, Array(tokens[range]))
            return backend.product(unit, weights.down)  // [T, H]
        }
        return pieces.count == 1 ? pieces[0] : Matrix.stacked(pieces)
    }

    /// Tokens whose inner activations, three times as wide as the MLP, are in memory at once.
    private static let mlpTokens = 1024

    private func experts(_ y: Matrix, _ layer: Int, _ taps: [any Taps]) throws(Failure) -> Matrix {
        let gate = try weights.weight(WeightKey(.routerGate, layer: layer))  // [E, H]
        let bias = try weights.weight(WeightKey(.routerBias, layer: layer)).decoded  // [E]
        // Scores in F32 whatever the numerics; the bias chooses and never weighs; the scaling factor is in
        // the weights, so that a token's weights sum to it.
        let routes = backend.selectExperts(
            logits: backend.routerLogits(y, gate), bias: bias, rule: router)
        for tap in taps { tap.routes(routes, layer: layer) }

        // Expert by expert, ascending: one that no token chose is never read, and a token's sum is taken in
        // the same order whatever else is in the batch.
        let chosen = routes.byExpert
        var sum = Matrix(rows: y.rows, columns: y.columns)  // [T, H] F32
        var next = 0
        let watchers = taps.filter(\.wantsAllTokens)
        let read = watchers.isEmpty ? chosen.map(\.expert) : Array(0..<routes.logits.columns)
        try weights.experts(read, layer: layer) { (expert, weights) throws(Failure) in
            let isChosen = next < chosen.count && chosen[next].expert == expert
            if !watchers.isEmpty {
                show(y, leavingOut: isChosen ? chosen[next].tokens : [], expert, weights, layer, watchers)
            }
            guard isChosen else { return }
            let (_, tokens, shares) = chosen[next]
            next += 1
            let output = mlp(y.gathered(tokens), weights, tokens) { part, input, tokens in
                let key = WeightKey(.expert(part), layer: layer, expert: expert)
                for tap in taps { tap.input(input, of: key, tokens: tokens) }
            }  // [tokens of this expert, H]
            backend.accumulate(output, weights: shares, tokens: tokens, into: &sum)
        }
        let routed = backend.rounded(sum)  // [T, H]
        guard configuration.sharedExpertCount > 0 else { return routed }
        // Every token passes the shared expert; it has no weight and takes no part in the scaling.
        let all = Array(0..<y.rows)
        return backend.add(routed, try mlp(y, TensorRole.sharedExpert, layer, all, taps))
    }

    /// Shows taps what an expert's matrices would meet of the tokens that were not sent to it.
    private func show(
        _ y: Matrix, leavingOut routed: [Int], _ expert: Int, _ weights: MLPWeights, _ layer: Int,
        _ taps: [any Taps]
    ) {
        let sent = Set(routed)
        let others = (0..<y.rows).filter { !sent.contains($0) }
        for first in stride(from: 0, to: others.count, by: Self.mlpTokens) {
            let tokens = Array(others[first..<min(others.count, first + Self.mlpTokens)])
            let x = y.gathered(tokens)  // [tokens, H]
            let gate = backend.product(x, weights.gate)  // [tokens, M]
            let unit = backend.swiGLU(gate: gate, up: backend.product(x, weights.up))  // [tokens, M]
            for tap in taps {
                tap.unroutedInput(
                    x, of: WeightKey(.expert(.gate), layer: layer, expert: expert), tokens: tokens)
                tap.unroutedInput(
                    unit, of: WeightKey(.expert(.down), layer: layer, expert: expert), tokens: tokens)
            }
        }
    }

    // MARK: Head

    /// Logits of some rows of x, a range of the vocabulary at a time.
    private func head(
        _ x: Matrix, _ rows: [Int], _ body: (Matrix, Range<Int>) -> Void
    ) throws(Failure) {
        guard !rows.isEmpty else { return }
        let x = rows.count == x.rows ? x : x.gathered(rows)
        try weights.strips(of: WeightKey(.outputHead)) { (columns, strip) throws(Failure) in
            body(backend.product(x, strip), columns)  // [rows, columns of V]
        }
    }

    // MARK: Multi-token prediction

    /// The layer that guesses the token after the next.
    ///
    /// Its input joins the embedding of the next token and the trunk's hidden state after the final norm, the
    /// embedding half first; positions are the trunk's. The last token of a sequence has no next one: id 0,
    /// as the authors do, and a row of no meaning. Its block always has experts; the head is the trunk's.
    private func predict(
        from g: Matrix, _ layer: Int, _ batch: Batch, _ rows: [Int], _ taps: [any Taps]
    ) throws(Failure) {
        let e = try norm(embed(batch.nextTokens), WeightKey(.mtpEmbeddingNorm, layer: layer))  // [T, H]
        let hidden = try norm(g, WeightKey(.mtpHiddenNorm, layer: layer))  // [T, H]
        let joined = e.beside(hidden)  // [T, 2·H]
        let projection = try weights.weight(WeightKey(.mtpProjection, layer: layer))  // [H, 2·H]
        let x = backend.product(joined, projection)  // [T, H]
        let h = try block(x, layer, batch, taps)
        let normed = try norm(h, WeightKey(.mtpFinalNorm, layer: layer))
        try head(normed, rows) { values, columns in
            for tap in taps { tap.predictionLogits(values, rows: rows, columns: columns) }
        }
    }
}
