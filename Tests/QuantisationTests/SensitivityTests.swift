// Which parts suffer: errors of outputs against whole products, effects of parts, and what a budget buys.

import Architectures
import Backends
import Checkpoints
import Diagnostics
import Documents
import Quantisation
import ReferenceModel
import TestSupport
import Testing

/// Everything a sensitivity analysis of a fixture needs.
private struct Analysis {
    let checkpoint: Checkpoint
    let inventory: TensorInventory
    let request: QuantisationRequest
    let run: SensitivityRun

    init(_ name: String, scheme: String = "fp8-block") throws {
        let folder = Repository.checkpoint(name)
        (checkpoint, inventory) = try open(folder)
        request = QuantisationRequest(scheme: try SchemeLibrary.scheme(scheme))
        let weights = try CheckpointWeights.open(folder, budget: 1 << 30)
        var generator = SeededGenerator(seed: 5)
        let vocabulary = UInt64(inventory.configuration.vocabularySize)
        let texts = [17, 40, 9].map { length in (0..<length).map { _ in Int(generator.next() % vocabulary) } }
        run = SensitivityRun(
            pass: ForwardPass(
                weights.configuration, weights: weights, backend: ReferenceBackend(numerics: .f32)),
            request: request, texts: texts, batchTokens: 50, progress: SilentProgress())
    }

    func record(measuresGroups: Bool) throws -> SensitivityRecord {
        try run.record(
            model: "micro", groups: request.groups(inventory), measuresGroups: measuresGroups,
            backend: ReferenceBackend(numerics: .f32))
    }
}

struct SensitivityTests {
    @Test(arguments: schemeNames) func encodedInMemoryIsTheArtefact(scheme: String) throws {
        let folder = try TemporaryFolder()
        let source = Repository.checkpoint("micro")
        let artefact = try quantise(source, SchemeLibrary.scheme(scheme), to: folder.path("out"))
        let plain = try CheckpointWeights.open(source, budget: 0)
        let stored = try CheckpointWeights.open(artefact.folder, budget: 0)
        let request = QuantisationRequest(scheme: try SchemeLibrary.scheme(scheme))
        let encoded = EncodedWeights(plain, request)
        let (_, inventory) = try open(source)
        for entry in inventory.entries where entry.shape.rank == 2 {
            let key = WeightKey(entry.role, layer: entry.layer, expert: entry.expert)
            let (a, b) = (try encoded.weight(key), try stored.weight(key))
            #expect(Array(a.bytes) == Array(b.bytes), "\(entry.name)")
            #expect(a.decoded == b.decoded, "\(entry.name)")
        }
    }

    @Test func outputErrorsAreThoseOfWholeProducts() throws {
        let analysis = try Analysis("micro")
        let backend = ReferenceBackend(numerics: .f32)
        let errors = try analysis.run.outputErrors(backend: backend)
        let inputs = InputCollector()
        for text in analysis.run.texts {
            try analysis.run.pass.run([TokenSequence(text)], logits: .none, taps: [inputs])
        }
        let encoded = EncodedWeights(analysis.run.pass.weights, analysis.request)
        var own: [ModuleRole: (error: Double, output: Double)] = [:]
        for (key, x) in inputs.inputs {
            guard let layer = key.layer else { continue }
            let (w, q) = (try analysis.run.pass.weights.weight(key).decoded, try encoded.weight(key).decoded)
            let place = ModuleRole(role: key.role, layer: layer)
            for row in 0..<x.rows {
                for n in 0..<w.count / x.columns {
                    var (lost, out) = (0.0, 0.0)
                    for k in 0..<x.columns {
                        let (a, b) = (Double(w[n * x.columns + k]), Double(q[n * x.columns + k]))
                        lost += Double(x.row(row)[row * x.columns + k]) * (b - a)
                        out += Double(x.row(row)[row * x.columns + k]) * a
                    }
                    own[place, default: (0, 0)].error += lost * lost
                    own[place, default: (0, 0)].output += out * out
                }
            }
        }
        #expect(own.count > 6)
        for (place, sums) in own {
            let made = try #require(errors[place])
            let relative = (sums.error / sums.output).squareRoot()
            #expect(abs(made.relative - relative) < 1e-5 * relative, "\(place)")
            #expect(made.relative > 0.005 && made.relative < 0.06, "\(place) \(made.relative)")
        }
        // Up is never shown and has an error all the same.
        for place in errors.keys where place.role == .expert(.gate) {
            #expect(errors[ModuleRole(role: .expert(.up), layer: place.layer)] != nil)
        }
    }

    @Test func aPartQuantisedIsThatPartAlone() throws {
        let analysis = try Analysis("micro")
        let groups = analysis.request.groups(analysis.inventory).map(\.group)
        let all = try analysis.run.divergences([.all, .without(Set(groups)), .role(.attentionQKV)])
        #expect(all[1].sums.allSatisfy { abs($0) < 1e-12 }, "nothing quantised is the model itself")
        #expect(all[0].sums.allSatisfy { $0 > 0 })
        #expect(all[2].sums.allSatisfy { $0 > 0 })
        #expect(all[0].counts == [17, 40, 9])
        let alone = try #require(all[0].estimate)
        #expect(abs(alone.mean - all[0].sums.reduce(0, +) / 66) < 1e-12)
        #expect(all[0].less(all[0])?.mean == 0)
    }

    @Test func aRecordReadsBackAsItWas() throws {
        let folder = try TemporaryFolder()
        let record = try Analysis("micro").record(measuresGroups: true)
        try record.write(to: folder.path("s.json"))
        #expect(try SensitivityRecord.read(folder.path("s.json")) == record)
        #expect(record.groups.filter(\.isMeasured).allSatisfy { $0.damage > 0 })
        #expect(record.expectedDivergence(keeping: []) == record.whole.mean)
        let all = Set(record.groups.map(\.group))
        #expect(abs(record.expectedDivergence(keeping: all)) < 1e-15)
    }

    @Test func estimatesShareTheDamageOfALayer() throws {
        let record = try Analysis("micro").record(measuresGroups: false)
        for layer in record.layers {
            let sum = record.groups.filter { $0.group.layer == layer.layer }.reduce(0) { $0 + $1.damage }
            #expect(abs(sum - layer.effect.mean) < 1e-9)
        }
        #expect(record.groups.allSatisfy { !$0.isMeasured })
    }

    @Test func aBudgetTakesTheMostForEachByte() {
        func cost(_ part: ModuleGroup.Part, _ layer: Int, _ bytes: Int) -> ModuleCost {
            ModuleCost(group: ModuleGroup(part, layer: layer), extraBytes: bytes)
        }
        let costs = [
            cost(.attentionQKV, 0, 10), cost(.experts, 1, 100), cost(.attentionOutput, 1, 10),
            cost(.denseDown, 0, 5),
        ]
        let damage = [costs[0].group: 2.0, costs[1].group: 50.0, costs[2].group: 1.0]
        let small = KeepBudget(bytes: 25, among: costs, damage: damage)
        #expect(small.kept == [costs[0], costs[2]], "experts do not fit, what has no damage is not kept")
        let large = KeepBudget(bytes: 110, among: costs, damage: damage)
        #expect(large.kept == [costs[0], costs[1]] && large.extraBytes == 110)
        #expect(KeepBudget(bytes: 4, among: costs, damage: damage).kept.isEmpty)
        let drawn = (1...9).map { KeepBudget(bytes: 12, among: costs, seed: $0) }
        #expect(drawn.allSatisfy { $0.extraBytes <= 12 } && Set(drawn.map(\.groups)).count > 1)
        #expect(KeepBudget(bytes: 12, among: costs, seed: 3) == drawn[2])
    }

    @Test func whatIsKeptIsWrittenAsItWas() throws {
        let folder = try TemporaryFolder()
        let (checkpoint, inventory) = try open(Repository.checkpoint("micro"))
        let scheme = try SchemeLibrary.scheme("fp8-block")
        let layer = inventory.configuration.layerCount - 1
        let kept = [ModuleGroup(.experts, layer: layer), ModuleGroup(.sharedGateUp, layer: layer)]
        let request = QuantisationRequest(scheme: scheme).adapted(
            kept.map { .init(.keepGroup($0), reason: "test") })
        let plain = try QuantisationPlanner(
            checkpoint: checkpoint, inventory: inventory, request: QuantisationRequest(scheme: scheme)
        ).plan()
        let planner = QuantisationPlanner(checkpoint: checkpoint, inventory: inventory, request: request)
        let plan = try planner.plan()
        let costs = QuantisationRequest(scheme: scheme).groups(inventory).filter { kept.contains($0.group) }
        let extra = costs.reduce(0) { $0 + $1.extraBytes }
        let headers = abs(plan.byteCount - plain.byteCount - extra)
        #expect(headers < 100 * inventory.entries(layer: layer).count, "\(headers) bytes of headers")
        for entry in inventory.entries where entry.shape.rank == 2 && entry.role.isQuantisable {
            let isKept = ModuleGroup(entry.role, layer: entry.layer).map(kept.contains) ?? false
            #expect(planner.skipped.contains(entry.module) == isKept, "\(entry.name)")
        }
        let output = OutputFolder(path: folder.path("out"), policy: .init(resume: false, replace: false))
        _ = try ConversionRun(
            plan: plan, output: output, jobs: 1, progress: SilentProgress(),
            recordName: QuantisationPlanner.recordName
        ).run()
        let judged = try CheckpointJudge(profiles: []).judge(try Checkpoint.open(folder.path("out")))
        #expect(judged.findings.filter { $0.level == .error } == [])
    }
}

/// Keeps what weights are multiplied with.
private final class InputCollector: Taps {
    var inputs: [(WeightKey, Matrix)] = []

    func input(_ x: Matrix, of key: WeightKey, tokens: [Int]) {
        inputs.append((key, x))
        let up: TensorRole? =
            switch key.role {
            case .expert(.gate): .expert(.up)
            case .sharedExpert(.gate): .sharedExpert(.up)
            case .denseMLP(.gate): .denseMLP(.up)
            default: nil
            }
        if let up { inputs.append((WeightKey(up, layer: key.layer, expert: key.expert), x)) }
    }
}
