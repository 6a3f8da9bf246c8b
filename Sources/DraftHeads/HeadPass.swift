// The forward pass of an EAGLE3 head, to be read from top to bottom; arithmetic is the backend's, as for the target.
//
// Legend: T positions of all sequences, one after another; H hidden size; F·W fused states of the target; A, G, D
// heads as in HeadConfiguration; N draft vocabulary. g is the state that a position starts from, r what it ends with.
//
// Source: SafeAILab/EAGLE eagle/traineagle3/cnets.py; vLLM 0.32.0 model_executor/models/llama_eagle3.py.

import Architectures
import Backends
import Diagnostics
import Glibc
import ReferenceModel
import Synchronization

/// What a head remembers of one sequence: keys and values of its one layer.
package final class HeadMemory {
    var past: KeyValues

    init(width: Int) { past = KeyValues(width: width) }

    private init(_ past: KeyValues) { self.past = past }

    /// Positions held.
    package var count: Int { past.count }

    /// Another with the same content, to go on elsewhere.
    func copy() -> HeadMemory { HeadMemory(past) }
}

/// The next positions of one sequence.
struct HeadSequence {
    /// The token after each position, T of them.
    let tokens: [Int]
    /// [T, H], what each position starts from: fused states of the target, or the head's own result.
    let states: Matrix
    let memory: HeadMemory
}

/// One head, ready to guess.
///
/// - Checked by: HeadPassTests, against a PyTorch statement of the head; SpeculationTests.
package struct HeadPass: Sendable {
    package let configuration: HeadConfiguration
    package let vocabulary: DraftVocabulary
    package let backend: any Backend
    private let weights: [HeadParameter: WeightMatrix]
    private let embedding: HeadEmbedding
    private let rotary: RotaryTable
    private let heads: AttentionHeads

    /// - Parameter target: gives the embedding when the head's files have none.
    /// - Throws: weights that cannot be read; DRAFT-041 when one is no number.
    package init(_ head: HeadFile, target: any WeightSource, backend: any Backend) throws(Failure) {
        var weights: [HeadParameter: WeightMatrix] = [:]
        for entry in head.layout.entries {
            let weight = try head.weight(entry.parameter)
            if let found = firstNotFinite(
                weight.bytes, head.tensors.parameters[entry.parameter]?.record.dtype ?? .bf16)
            {
                throw Failure(
                    headNotFinite(
                        file: head.folder, tensor: head.document.form.name(of: entry.parameter),
                        found: found))
            }
            weights[entry.parameter] = weight
        }
        self.init(
            head.configuration, vocabulary: head.vocabulary, weights: weights,
            embedding: HeadEmbedding(own: try head.embedding(), target: target, backend: backend),
            backend: backend)
    }

    init(
        _ configuration: HeadConfiguration, vocabulary: DraftVocabulary,
        weights: [HeadParameter: WeightMatrix], embedding: HeadEmbedding, backend: any Backend
    ) {
        self.configuration = configuration
        self.vocabulary = vocabulary
        self.backend = backend
        self.weights = weights
        self.embedding = embedding
        heads = AttentionHeads(
            queryCount: configuration.attentionHeadCount, keyValueCount: configuration.keyValueHeadCount,
            dimension: configuration.headDimension)
        rotary = RotaryTable(
            inverse: Self.frequencies(configuration), factor: 1, numerics: backend.numerics)
    }

    /// 1 / b^(2i/D), each operation rounded to F32, as transformers does; all D channels rotate.
    private static func frequencies(_ c: HeadConfiguration) -> [Float] {
        (0..<c.headDimension / 2).map { 1 / powf(Float(c.ropeTheta), Float(2 * $0) / Float(c.headDimension)) }
    }

    /// Memory of a new sequence.
    package func memory() -> HeadMemory { HeadMemory(width: configuration.keyValueWidth) }

    // MARK: The pass

    /// Fuses states of the target: [T, F·W] to [T, H].
    package func fuse(_ features: Matrix) -> Matrix {
        var x = features
        let width = configuration.targetHiddenSize
        switch configuration.inputNorm {
        case .none: break
        case .joined: x = norm(x, .joinedInputNorm)
        case .each:
            let slices = (0..<configuration.featureCount).map { index in
                norm(features.columns(index * width..<(index + 1) * width), .inputNorm(index))
            }
            x = slices.dropFirst().reduce(slices[0]) { $0.beside($1) }
        }
        return product(x, .fuse)  // [T, H]
    }

    /// Reads positions of some sequences; memories grow by them.
    ///
    /// - Returns: the state that the next step starts from, and the state after the final norm, [T, H] each.
    func run(_ sequences: [HeadSequence]) throws(Failure) -> (next: Matrix, normed: Matrix) {
        var positions: [Int] = []
        for sequence in sequences {
            positions += sequence.memory.count..<sequence.memory.count + sequence.tokens.count
        }
        let g = Matrix.stacked(sequences.map(\.states))  // [T, H]
        let a = norm(try embedding.rows(sequences.flatMap(\.tokens)), .embeddingNorm)  // [T, H]
        let b = norm(g, .hiddenNorm)  // [T, H]
        let u = a.beside(b)  // [T, 2·H], the embedding half first

        var q = product(u, .query)  // [T, A·D]
        var k = product(u, .key)  // [T, G·D]
        let v = product(u, .value)  // [T, G·D]
        backend.rotate(&q, headDimension: heads.dimension, table: rotary, positions: positions)
        backend.rotate(&k, headDimension: heads.dimension, table: rotary, positions: positions)
        var outputs: [Matrix] = []
        var start = 0
        for sequence in sequences {
            let rows = start..<start + sequence.tokens.count
            start = rows.upperBound
            sequence.memory.past.append(keys: k.rows(rows), values: v.rows(rows))
            outputs.append(
                backend.attention(queries: q.rows(rows), keyValues: sequence.memory.past, heads: heads))
        }
        let attended = product(Matrix.stacked(outputs), .output)  // [T, H]
        // The residual stream starts from the state itself, unless the head was trained the other way.
        let h = backend.add(configuration.normBeforeResidual ? b : g, attended)  // [T, H]

        let y = norm(h, .mlpNorm)  // [T, H]
        let unit = backend.swiGLU(gate: product(y, .gate), up: product(y, .up))  // [T, M]
        let r = backend.add(h, product(unit, .down))  // [T, H]
        let normed = norm(r, .finalNorm)  // [T, H]
        return (configuration.feedsNormed ? normed : r, normed)
    }

    /// Logits of draft tokens: [T, H] after the final norm to [T, N].
    func logits(_ normed: Matrix) -> Matrix { product(normed, .draftLogits) }

    private func norm(_ x: Matrix, _ parameter: HeadParameter) -> Matrix {
        backend.rmsNorm(x, weight: weight(parameter), epsilon: configuration.rmsNormEpsilon)
    }

    private func product(_ x: Matrix, _ parameter: HeadParameter) -> Matrix {
        backend.product(x, weight(parameter))
    }

    private func weight(_ parameter: HeadParameter) -> WeightMatrix {
        guard let weight = weights[parameter] else {
            preconditionFailure("\(parameter) is no parameter of this head")
        }
        return weight
    }
}

/// The embedding that a head reads tokens by: its own, or the target's, whose rows are kept once they were read.
final class HeadEmbedding: Sendable {
    private let own: WeightMatrix?
    private let target: any WeightSource
    private let backend: any Backend
    private let kept = Mutex<[Int: [Float]]>([:])

    init(own: WeightMatrix?, target: any WeightSource, backend: any Backend) {
        self.own = own
        self.target = target
        self.backend = backend
    }

    /// [tokens.count, H].
    func rows(_ tokens: [Int]) throws(Failure) -> Matrix {
        if let own { return backend.rows(tokens, of: own) }
        let missing = Set(kept.withLock { kept in tokens.filter { kept[$0] == nil } }).sorted()
        if !missing.isEmpty {
            let table = try target.rows(missing, of: WeightKey(.embedding))
            let read = backend.rows(Array(missing.indices), of: table)
            kept.withLock { kept in
                for (index, token) in missing.enumerated() { kept[token] = Array(read.row(index)) }
            }
        }
        let rows = kept.withLock { kept in tokens.compactMap { kept[$0] } }
        return Matrix(rows: tokens.count, columns: rows.first?.count ?? 0, values: rows.flatMap { $0 })
    }
}
