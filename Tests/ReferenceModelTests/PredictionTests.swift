// The prediction layer, on a model where its answer is known: a trunk of one layer whose copy it is, fed with
// nothing but the next token's embedding, must answer as the trunk does one token later.

import Architectures
import Backends
import Checkpoints
import Documents
import ReferenceModel
import Tensors
import TestSupport
import Testing

struct PredictionTests {
    static let changes: [String: JSONValue?] = [
        "num_hidden_layers": 1, "first_k_dense_replace": 0, "num_nextn_predict_layers": 1,
    ]

    /// - Parameter half: which half of the projection's input is passed on: 0 the embedding, 1 the hidden state.
    private func write(_ folder: String, half: Int) throws -> String {
        var maker = try CheckpointMaker.micro(Self.changes)
        maker.fill = { entry in
            let (rows, columns) = (entry.shape.dimensions[0], entry.shape.dimensions.last ?? 1)
            // A layer's tensors are drawn by role, so that the prediction layer is the trunk's copy.
            let seed = entry.role.name.utf8.reduce(UInt64(entry.expert ?? 99)) { $0 &* 33 &+ UInt64($1) }
            var generator = SeededGenerator(seed: seed)
            let values: [Float]
            switch entry.role {
            case .embedding:
                // Of unit size already: a norm with weight 1 changes nothing.
                values = (0..<rows * columns).map { _ in generator.next() & 1 == 0 ? 1 : -1 }
            case .mtpProjection:
                values = (0..<rows * columns).map {
                    $0 % columns == $0 / columns + half * rows ? 1 : 0
                }
            case .routerBias: values = (0..<rows).map { _ in generator.normal() * 0.1 }
            case _ where entry.shape.rank == 1: values = Array(repeating: 1, count: rows)
            default:
                values = (0..<rows * columns).map { _ in generator.normal() / Float(columns).squareRoot() }
            }
            return values.flatMap { value in
                entry.role == .routerBias
                    ? withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
                    : withUnsafeBytes(of: BF16.encode(value).littleEndian) { Array($0) }
            }
        }
        return try maker.write(folder)
    }

    private func logits(
        _ folder: String, _ tokens: [Int], _ backend: any Backend
    ) throws -> LogitCollector {
        let weights = try CheckpointWeights.open(folder, budget: 0)
        let pass = ForwardPass(weights.configuration, weights: weights, backend: backend)
        let collector = LogitCollector()
        try pass.run([TokenSequence(tokens)], predicting: true, taps: [collector])
        return collector
    }

    @Test(arguments: backends().indices)
    func theEmbeddingHalfStandsFirst(backend: Int) throws {
        let folder = try TemporaryFolder()
        let path = try write(folder.path("made"), half: 0)
        let backend = backends()[backend]
        let tokens = [5, 17, 300, 44, 5, 101]
        let predicted = try logits(path, tokens, backend).prediction
        // After the last token the authors take id 0.
        let trunk = try logits(path, Array(tokens.dropFirst()) + [0], backend).logits
        let agreement = OutputAgreement(made: predicted, recorded: trunk)
        #expect(agreement.worst < 1e-4, "\(agreement)")
    }

    @Test func theHiddenHalfStandsSecond() throws {
        let folder = try TemporaryFolder()
        let path = try write(folder.path("made"), half: 1)
        let backend = ReferenceBackend(numerics: .f32)
        let one = try logits(path, [5, 17, 300], backend).prediction
        let other = try logits(path, [5, 17, 44], backend).prediction
        // Row 1 would see token 2 through its embedding; through the hidden state it does not.
        #expect(one.rows(0..<2) == other.rows(0..<2))
        #expect(one.rows(2..<3) != other.rows(2..<3))
    }
}
