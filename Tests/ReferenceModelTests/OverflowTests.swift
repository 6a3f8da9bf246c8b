// Overflow is found, and said where it is.

import Architectures
import Backends
import Diagnostics
import Documents
import ReferenceModel
import TestSupport
import Testing

/// Weights of a model with one of them multiplied.
private final class ScaledWeights: WeightSource {
    private let base: any WeightSource
    private let key: WeightKey
    private let factor: Float

    init(_ base: any WeightSource, _ key: WeightKey, by factor: Float) {
        self.base = base
        self.key = key
        self.factor = factor
    }

    func weight(_ key: WeightKey) throws(Failure) -> WeightMatrix {
        let weight = try base.weight(key)
        guard key == self.key else { return weight }
        let bytes = weight.decoded.flatMap { value in
            withUnsafeBytes(of: (value * factor).bitPattern.littleEndian) { Array($0) }
        }
        return WeightMatrix(format: .f32, rows: weight.rows, columns: weight.columns, bytes: bytes)
    }

    func rows(_ indices: [Int], of key: WeightKey) throws(Failure) -> WeightMatrix {
        try base.rows(indices, of: key)
    }

    func strips(
        of key: WeightKey, _ body: (Range<Int>, WeightMatrix) throws(Failure) -> Void
    ) throws(Failure) { try base.strips(of: key, body) }

    func experts(
        _ experts: [Int], layer: Int, _ body: (Int, MLPWeights) throws(Failure) -> Void
    ) throws(Failure) { try base.experts(experts, layer: layer, body) }
}

struct OverflowTests {
    /// The last matrix of the dense MLP of layer 0: nothing before it in the pass sees a change of it.
    private static let key = WeightKey(.denseMLP(.down), layer: 0)

    /// A pass of the micro model whose layer 0 adds numbers of this size.
    private func pass(
        largest: Float, _ backend: any Backend
    ) throws -> ForwardPass {
        let plain = try fixturePass("micro", ReferenceBackend(numerics: .f32))
        let taps = RecordingTaps()
        try plain.run([Self.tokens], logits: .none, taps: [taps])
        let added = try #require(taps.mlps[0]).values.reduce(0) { max($0, abs($1)) }
        return ForwardPass(
            plain.configuration,
            weights: ScaledWeights(plain.weights, Self.key, by: largest / added), backend: backend)
    }

    private static var tokens: TokenSequence { TokenSequence(Array(7..<30)) }

    private func report(_ backend: any Backend, largest: Float) throws -> OverflowReport {
        let watched = WatchedBackend(backend, watch: OverflowWatch())
        let taps = OverflowTaps(watched)
        try pass(largest: largest, watched).run([Self.tokens], taps: [taps])
        return taps.report
    }

    @Test(arguments: backends().indices)
    func float16OverflowNamesLayerAndOperation(backend: Int) throws {
        let f16 = try NumericsProfile.named("910b-f16").numerics
        let report = try report(backends(f16)[backend], largest: 100_000)
        let first = try #require(report.overflows.first)
        #expect(first.layer == 0 && first.part == .mlp && first.operation == .product)
        #expect(first.tally.infinities > 0 && first.tally.notNumbers == 0 && first.headroom == 0)
        #expect(report.verdict == "910b-f16: overflow, first in layer 0 mlp, product")
        // The norm of an infinite stream is no number: everything after it is lost.
        #expect(report.entries.last?.tally.notNumbers ?? 0 > 0)
        guard case .object(let document) = report.document else { return }
        #expect(document["overflow"] == .bool(true))
    }

    @Test(arguments: backends().indices)
    func nearTheLimitIsNoOverflow(backend: Int) throws {
        let f16 = try NumericsProfile.named("910b-f16").numerics
        let report = try report(backends(f16)[backend], largest: 50_000)
        #expect(report.overflows.isEmpty)
        let tightest = try #require(report.tightest)
        #expect(tightest.headroom > 1.2 && tightest.headroom < 1.4)
        #expect(tightest.limit == 65_504)
        #expect(report.text(nearest: 3).split(separator: "\n").count == 5)
    }

    @Test func anotherFormatShowsWhatFloat16WouldDo() throws {
        let report = try report(ReferenceBackend(numerics: .bf16), largest: 100_000)
        #expect(report.overflows.isEmpty)
        let entry = try #require(
            report.entries.first { $0.layer == 0 && $0.part == .mlp && $0.operation == .product })
        #expect(abs(entry.headroom(in: .f16) - 0.655) < 0.01)
        #expect(entry.headroom > 1e30)
    }

    @Test func watchingChangesNothing() throws {
        let backend = ReferenceBackend(numerics: .bf16)
        let watched = WatchedBackend(backend, watch: OverflowWatch())
        let (plain, seen) = (LogitCollector(), LogitCollector())
        let taps = OverflowTaps(watched)
        try fixturePass("micro", backend).run([Self.tokens], predicting: true, taps: [plain])
        try fixturePass("micro", watched).run([Self.tokens], predicting: true, taps: [seen, taps])
        #expect(seen.logits == plain.logits && seen.prediction == plain.prediction)
        let layers = try fixturePass("micro", backend).configuration.layerCount
        let found = Set(taps.report.entries.compactMap(\.layer))
        #expect(found.isSuperset(of: 0..<layers))
        #expect(Set(taps.report.entries.map(\.operation)) == Set(WatchedOperation.allCases))
    }

    @Test func ofSeveralPassesCountsAddUp() throws {
        let watched = WatchedBackend(ReferenceBackend(numerics: .f32), watch: OverflowWatch())
        let taps = OverflowTaps(watched)
        let pass = try fixturePass("micro", watched)
        try pass.run([Self.tokens], taps: [taps])
        let once = taps.report
        try pass.run([Self.tokens], taps: [taps])
        for (before, after) in zip(once.entries, taps.report.entries) {
            #expect(after.tally.elements == 2 * before.tally.elements)
            #expect(after.tally.largest == before.tally.largest)
        }
    }
}
