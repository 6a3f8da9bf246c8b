// The forward pass against values of the authors' own code, for every backend.

import Backends
import Checkpoints
import Documents
import Foundation
import Parity
import ReferenceModel
import TestSupport
import Testing

/// The limits of the numerical contract for F32: those of the tolerance profile.
enum Contract {
    static let logProbability = limit(.logProbabilityLargest)
    static let meanKL = limit(.divergenceMean)
    static let residual = limit(.activationLargest)
    /// Of a routing weight, which is at most the scaling factor.
    static let routingWeight = Float(limit(.routeWeight))
    static let margin = Float(profile?.tieMargin ?? .nan)

    private static let profile = try? Tolerance.named("f32", .embedded)

    /// NaN, which nothing is below, when the profile has no such limit.
    private static func limit(_ quantity: Quantity) -> Double { profile?.limit(quantity) ?? .nan }
}

/// The backends under test, in F32.
func backends(_ numerics: Numerics = .f32) -> [any Backend] {
    [
        ReferenceBackend(numerics: numerics), OpenBLASBackend(numerics: numerics, threads: 2),
        FusedBackend(numerics: numerics, threads: 2),
    ]
}

/// A pass over a fixture checkpoint, its weights in memory.
func fixturePass(_ name: String, _ backend: any Backend) throws -> ForwardPass {
    let weights = try CheckpointWeights.open(Repository.checkpoint(name), budget: 1 << 30)
    return ForwardPass(weights.configuration, weights: weights, backend: backend)
}

struct GoldenTests {
    static let models = ["micro", "micro-yarn", "ling-tiny-icd"]

    @Test(arguments: models, backends().indices)
    func everyRecordedValue(model: String, backend: Int) throws {
        let golden = try GoldenValues(checkpoint: model)
        let pass = try fixturePass(model, backends()[backend])
        var figures: [String] = []
        var (worst, kl, stream) = (0.0, 0.0, 0.0)
        for name in golden.cases {
            let taps = RecordingTaps()
            let logits = LogitCollector()
            try pass.run([TokenSequence(try golden.integers("\(name).tokens"))], taps: [taps, logits])
            let outputs = OutputAgreement(
                made: logits.logits, recorded: try golden.matrix("\(name).logits"))
            #expect(outputs.worst <= Contract.logProbability, "\(name): \(outputs)")
            #expect(outputs.meanKL <= Contract.meanKL, "\(name): \(outputs)")
            (worst, kl) = (max(worst, outputs.worst), max(kl, outputs.meanKL))
            stream = max(stream, try checkStream(taps, golden, name))
            try checkRoutes(taps, golden, name)
        }
        figures.append("log-probability \(worst), mean KL \(kl), residual stream \(stream)")
        if ProcessInfo.processInfo.environment["INGOT_FIGURES"] != nil {
            print("\(model) \(pass.backend.name): \(figures.joined())")
        }
    }

    /// Compares every layer's tensors that were recorded; the largest distance, relative to the norm.
    private func checkStream(_ taps: RecordingTaps, _ golden: GoldenValues, _ name: String) throws -> Double {
        var largest = 0.0
        func check(_ made: Matrix?, _ key: String) throws {
            guard golden.has("\(name).\(key)") else { return }
            let agreement = Agreement(try #require(made), try golden.matrix("\(name).\(key)"))
            #expect(
                !agreement.isBroken && agreement.relative <= Contract.residual, "\(name).\(key): \(agreement)"
            )
            largest = max(largest, agreement.relative)
        }
        try check(taps.embedded, "embed")
        for layer in taps.residuals.keys.sorted() {
            try check(taps.attentions[layer], "layer.\(layer).attn")
            try check(taps.mlps[layer], "layer.\(layer).mlp")
            try check(taps.residuals[layer], "layer.\(layer).out")
        }
        try check(taps.final, "final_norm")
        return largest
    }

    private func checkRoutes(_ taps: RecordingTaps, _ golden: GoldenValues, _ name: String) throws {
        for (layer, routes) in taps.routesByLayer where golden.has("\(name).router.\(layer).idx") {
            let key = "\(name).router.\(layer)"
            let experts = try golden.integers("\(key).idx")
            let weights = try golden.matrix("\(key).weight").values
            let margins = try golden.matrix("\(key).margin").values
            let k = routes.expertsPerToken
            #expect(routes.tokenCount == margins.count)
            for token in margins.indices where margins[token] > Contract.margin {
                let places = token * k..<(token + 1) * k
                #expect(
                    Array(routes.experts(ofToken: token)) == Array(experts[places]), "\(key), token \(token)")
                for (made, recorded) in zip(routes.weights(ofToken: token), weights[places]) {
                    #expect(abs(made - recorded) <= Contract.routingWeight, "\(key), token \(token)")
                }
                #expect(abs(routes.margins[token] - margins[token]) <= 1e-4 || margins[token].isInfinite)
            }
        }
    }

    @Test(arguments: models, backends().indices)
    func greedyTokens(model: String, backend: Int) throws {
        let golden = try GoldenValues(checkpoint: model)
        let pass = try fixturePass(model, backends()[backend])
        for name in golden.cases where golden.has("\(name).greedy") {
            let prompt = try golden.integers(
                golden.has("\(name).prompt") ? "\(name).prompt" : "\(name).tokens")
            let recorded = try golden.integers("\(name).greedy")
            #expect(try greedy(pass, prompt, count: recorded.count) == recorded, "\(name)")
        }
    }
}
