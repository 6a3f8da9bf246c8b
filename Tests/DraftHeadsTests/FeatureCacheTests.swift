// Cached states train as the target's own do, and a cache of anything else is refused.

import Backends
import Diagnostics
import DraftHeads
import Foundation
import ReferenceModel
import TestSupport
import Testing

struct FeatureCacheTests {
    private func make(
        _ bench: TrainingBench, _ plan: TrainingPlan, to name: String, code: FeatureCode = .bf16,
        resume: Bool = false
    ) -> FeatureRun {
        FeatureRun(
            plan: plan,
            output: FeatureRun.output(bench.folder.path(name), policy: .init(resume: resume, replace: false)),
            pass: ForwardPass(
                plan.weights.configuration, weights: plan.weights,
                backend: OpenBLASBackend(numerics: .f32, threads: 2)), code: code, progress: SilentProgress())
    }

    @Test(arguments: [(FeatureCode.bf16, 0.01), (.fp8, 0.05)]) func cachedStatesAreTheTargets(
        _ code: FeatureCode, _ limit: Double
    ) throws {
        let bench = try TrainingBench()
        let data = try bench.data()
        let plan = try bench.plan(data)
        let made = try make(bench, plan, to: "states", code: code).run()
        #expect(made.plainBytes == made.tokens * 4 * 256 * 2)
        #expect(made.record.bytes < made.plainBytes)
        let offline = try bench.plan(data, features: bench.folder.path("states"))
        let pass = ForwardPass(
            plan.weights.configuration, weights: plan.weights,
            backend: OpenBLASBackend(numerics: .f32, threads: 2))
        let cached = try CachedFeatures(bench.folder.path("states"), plan: offline, pass: pass, threads: 2)
        let online = TargetFeatures(
            pass, points: plan.configuration.auxiliaryPoints, vocabulary: plan.vocabulary, threads: 2)
        let texts = Array(plan.texts.texts[3..<7])
        for (found, wanted) in zip(try cached.sequences(texts), try online.sequences(texts)) {
            #expect(found.embeddings.matrix == wanted.embeddings.matrix)
            #expect(found.teacher.positions == wanted.teacher.positions)
            let difference = zip(found.features.matrix.values, wanted.features.matrix.values).reduce(0.0) {
                $0 + pow(Double($1.0 - $1.1), 2)
            }
            let size = wanted.features.matrix.values.reduce(0.0) { $0 + pow(Double($1), 2) }
            #expect((difference / size).squareRoot() < limit)
            let shares =
                zip(
                    found.teacher.probabilities.matrix.values, wanted.teacher.probabilities.matrix.values
                ).map { abs($0 - $1) }.max() ?? 1
            #expect(Double(shares) < 20 * limit)
        }
        let result = try bench.run(offline, to: "out").run()
        let plain = try bench.run(plan, to: "plain").run()
        #expect(abs(result.loss - plain.loss) < 0.05 * plain.loss, "\(result.loss) and \(plain.loss)")
    }

    /// What the target's own distribution is: the softmax of its logits over the draft vocabulary.
    @Test func theTeacherIsTheTarget() throws {
        let bench = try TrainingBench()
        let plan = try bench.plan(try bench.data())
        let pass = ForwardPass(
            plan.weights.configuration, weights: plan.weights,
            backend: OpenBLASBackend(numerics: .f32, threads: 1))
        let text = plan.texts.texts[0]
        let sequence = try #require(
            try TargetFeatures(
                pass, points: plan.configuration.auxiliaryPoints, vocabulary: plan.vocabulary, threads: 1
            ).sequences([text]).first)
        let collector = LogitCollector()
        let states = AuxiliaryStates(plan.configuration.auxiliaryPoints)
        try pass.run([TokenSequence(text.tokens)], taps: [collector, states])
        #expect(sequence.features.matrix == states.joined)
        for (row, position) in text.judged.enumerated() {
            let all = collector.logits.row(position).map { exp(Double($0)) }
            let kept = plan.vocabulary.targetIds.map { all[$0] }
            let sum = kept.reduce(0, +)
            let found = sequence.teacher.probabilities.matrix.row(row)
            let worst = zip(found, kept).map { abs(Double($0) - $1 / sum) }.max() ?? 1
            #expect(worst < 1e-6)
            #expect(abs(Double(sequence.teacher.masses[row]) - sum / all.reduce(0, +)) < 1e-5)
            let best = all.indices.max { all[$0] < all[$1] } ?? 0
            #expect(sequence.teacher.choices[row] == plan.vocabulary.draftIds[best])
        }
    }

    @Test func aStoppedCacheGoesOn() throws {
        let bench = try TrainingBench()
        let plan = try bench.plan(try bench.data((0..<400).map(TrainingBench.row)))
        _ = try make(bench, plan, to: "whole").run()
        #expect(throws: Failure.self) { try make(bench, plan, to: "stopped").run(fileLimit: 1) }
        let result = try make(bench, plan, to: "stopped", resume: true).run()
        #expect(result.resumed == 1)
        #expect(try bench.files("stopped") == bench.files("whole"))
    }

    @Test func anotherCacheIsRefused() throws {
        let bench = try TrainingBench()
        let plan = try bench.plan(try bench.data())
        _ = try make(bench, plan, to: "states").run()
        let other = try bench.data((0..<21).map(TrainingBench.row), named: "other.jsonl")
        do {
            _ = try bench.run(try bench.plan(other, features: bench.folder.path("states")), to: "out")
            Issue.record("was taken")
        } catch { #expect((error as? Failure)?.findings.map(\.code) == [.featureCacheMalformed]) }
    }
}
