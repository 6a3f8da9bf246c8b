// Routes that depend on what else is computed at the same time, as with padding that takes part or with a capacity.

import Backends
import Parity
import ReferenceModel
import TestSupport
import Testing

/// The reference, but one expert is dear in batches of more rows than a limit.
private struct CrowdedBackend: Backend {
    let name = "crowded"
    var numerics: Numerics { plain.numerics }
    let plain = ReferenceBackend(numerics: .f32)
    let limit: Int

    func rows(_ indices: [Int], of table: WeightMatrix) -> Matrix { plain.rows(indices, of: table) }
    func rmsNorm(_ x: Matrix, weight: WeightMatrix, epsilon: Double) -> Matrix {
        plain.rmsNorm(x, weight: weight, epsilon: epsilon)
    }
    func product(_ x: Matrix, _ weight: WeightMatrix) -> Matrix { plain.product(x, weight) }
    func rotate(_ x: inout Matrix, headDimension: Int, table: RotaryTable, positions: [Int]) {
        plain.rotate(&x, headDimension: headDimension, table: table, positions: positions)
    }
    func attention(queries: Matrix, keyValues: KeyValues, heads: AttentionHeads) -> Matrix {
        plain.attention(queries: queries, keyValues: keyValues, heads: heads)
    }
    func swiGLU(gate: Matrix, up: Matrix) -> Matrix { plain.swiGLU(gate: gate, up: up) }
    func routerLogits(_ y: Matrix, _ gate: WeightMatrix) -> Matrix {
        let logits = plain.routerLogits(y, gate)
        guard y.rows > limit else { return logits }
        let values = logits.values.enumerated().map { $0 % logits.columns == 0 ? $1 - 9 : $1 }
        return Matrix(rows: logits.rows, columns: logits.columns, values: values)
    }
    func selectExperts(logits: Matrix, bias: [Float], rule: RouterRule) -> Routes {
        plain.selectExperts(logits: logits, bias: bias, rule: rule)
    }
    func accumulate(_ part: Matrix, weights: [Float], tokens: [Int], into sum: inout Matrix) {
        plain.accumulate(part, weights: weights, tokens: tokens, into: &sum)
    }
    func rounded(_ sum: Matrix) -> Matrix { plain.rounded(sum) }
    func add(_ a: Matrix, _ b: Matrix) -> Matrix { plain.add(a, b) }
}

struct BatchDependenceTests {
    private func side(limit: Int) throws -> ParitySide {
        let folder = Repository.checkpoint("micro")
        let weights = try CheckpointWeights.open(folder, budget: 1 << 30)
        return .model(
            ModelSide(
                folder: folder, weights: weights,
                pass: ForwardPass(
                    weights.configuration, weights: weights, backend: CrowdedBackend(limit: limit))))
    }

    /// The texts together are 58 rows, the longest alone 40.
    @Test(arguments: [(50, false), (100, true)]) func routesOfABatch(_ limit: Int, _ passes: Bool) throws {
        let side = try side(limit: limit)
        let result = try compare(side, side, [.batch])
        let found = result.findings(.batchChangesRoutes)
        #expect(result.passed == passes && found.isEmpty == passes, "\(result.told)")
        guard !passes else { return }
        #expect(found.first?.code.name == "PAR-009")
        #expect(found.first?.found?.contains("text 0, alone: token ") ?? false, "\(result.told)")
    }

    /// What a fault does to the next token is told by its own code.
    @Test func otherChoices() throws {
        var damage = try CheckpointDamage(Repository.checkpoint("micro"))
        try damage.edit("model.norm.weight") { $0 = $0.reversed() }
        let folder = try TemporaryFolder()
        let bad = ParitySide.model(try model(try damage.write(folder.path("bad"))))
        let good = ParitySide.model(try model(Repository.checkpoint("micro")))
        let found = try compare(good, bad, [.forward], tolerance: "exact").findings(.choicesDiffer)
        #expect(found.map(\.code.name) == ["PAR-006"] && found.first?.subject("field") == "choice-flips")
    }
}
