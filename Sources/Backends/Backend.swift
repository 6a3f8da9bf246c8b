// The operations of a BailingMoeV2 forward pass, as a backend offers them. The forward pass itself is in
// ReferenceModel and calls these; a backend knows nothing of layers or tensors' roles.
//
// Legend: T tokens, H hidden, N and K rows and columns of a weight, A query heads, G key/value heads, D head
// dimension, R rotating channels of a head, E experts, C experts chosen for a token, P positions seen.

/// The dozen operations of a forward pass.
///
/// Every result is rounded as `numerics` say. A row's routing is a function of its own row: of no other row,
/// and of no number of rows.
///
/// - Source: inclusionAI/Ling-V2 models/modeling_bailing_moe_v2.py at af8837e, operation by operation.
/// - Checked by: `checkBackend` in TestSupport, run for each backend by BackendsTests.
package protocol Backend: Sendable {
    /// Its name on the command line and in reports.
    var name: String { get }
    /// Where it rounds.
    var numerics: Numerics { get }

    /// Rows of a table, one for each index: [indices.count, K].
    func rows(_ indices: [Int], of table: WeightMatrix) -> Matrix

    /// x / √(mean x² + ε), rounded, times the weight.
    ///
    /// - Parameters:
    ///   - x: [T, n·K]; each run of K is a row of its own, so that heads need no other operation.
    ///   - weight: [1, K].
    func rmsNorm(_ x: Matrix, weight: WeightMatrix, epsilon: Double) -> Matrix

    /// x · Wᵀ, [T, K] by [N, K] to [T, N].
    func product(_ x: Matrix, _ weight: WeightMatrix) -> Matrix

    /// Turns the first R channels of every head: channel j with j + R/2.
    ///
    /// - Parameters:
    ///   - x: [T, heads·D], in place.
    ///   - positions: of each token in its sequence, T of them.
    func rotate(_ x: inout Matrix, headDimension: Int, table: RotaryTable, positions: [Int])

    /// Causal attention of one sequence's last T tokens over all its P positions.
    ///
    /// softmax(q · kᵀ / √D) · v; query head a uses key/value head a·G/A; query t sees positions 0 … P − T + t.
    ///
    /// - Parameters:
    ///   - queries: [T, A·D], rotated.
    ///   - keyValues: P positions of G·D channels each, keys rotated.
    /// - Returns: [T, A·D].
    func attention(queries: Matrix, keyValues: KeyValues, heads: AttentionHeads) -> Matrix

    /// silu(gate) ⊙ up, element by element; silu x = x / (1 + e^−x).
    func swiGLU(gate: Matrix, up: Matrix) -> Matrix

    /// y · Wᵀ in F32 whatever the numerics, summed so that no rounding of the sum decides: [T, E].
    func routerLogits(_ y: Matrix, _ gate: WeightMatrix) -> Matrix

    /// The experts of each token and their weights; see RouterSelection.swift.
    func selectExperts(logits: Matrix, bias: [Float], rule: RouterRule) -> Routes

    /// Adds weight × row to the named rows of a sum that stays F32: sum[token] += w · part[i].
    func accumulate(_ part: Matrix, weights: [Float], tokens: [Int], into sum: inout Matrix)

    /// Rounds a finished sum.
    func rounded(_ sum: Matrix) -> Matrix

    /// a + b.
    func add(_ a: Matrix, _ b: Matrix) -> Matrix
}

/// The heads of an attention block.
package struct AttentionHeads: Equatable, Sendable {
    /// A.
    package let queryCount: Int
    /// G.
    package let keyValueCount: Int
    /// D.
    package let dimension: Int

    package init(queryCount: Int, keyValueCount: Int, dimension: Int) {
        precondition(
            keyValueCount > 0 && queryCount % keyValueCount == 0,
            "\(queryCount) query heads do not share \(keyValueCount) key/value heads")
        self.queryCount = queryCount
        self.keyValueCount = keyValueCount
        self.dimension = dimension
    }

    /// Query heads that share one key/value head.
    package var share: Int { queryCount / keyValueCount }
}

/// Keys and values of one layer of one sequence, position after position.
package struct KeyValues: Equatable, Sendable {
    /// G·D, channels of one position.
    package let width: Int
    /// P, positions held.
    package private(set) var count = 0
    /// [P, G·D], after norm and rotation.
    package private(set) var keys: [Float] = []
    /// [P, G·D].
    package private(set) var values: [Float] = []

    package init(width: Int) { self.width = width }

    /// Appends the next positions: [T, G·D] each.
    package mutating func append(keys: Matrix, values: Matrix) {
        precondition(
            keys.columns == width && values.columns == width && keys.rows == values.rows,
            "keys and values of other widths than \(width)")
        self.keys += keys.values
        self.values += values.values
        count += keys.rows
    }

    /// Forgets the positions from one on: a rejected draft.
    package mutating func truncate(to count: Int) {
        precondition(count <= self.count, "\(count) of \(self.count) positions")
        keys.removeLast((self.count - count) * width)
        values.removeLast((self.count - count) * width)
        self.count = count
    }
}
