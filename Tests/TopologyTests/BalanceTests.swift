// Placements by load: how even they are, what engines read of them.

import Architectures
import Diagnostics
import Documents
import Foundation
import TestSupport
import Testing
import Topology

@Suite struct BalanceTests {
    /// Loads in which a few experts do most, another few in each layer.
    private func skewed(layers: Range<Int>, experts: Int) -> ExpertLoad {
        var generator = SeededGenerator(seed: 7)
        var tokens: [Int: [Int]] = [:]
        for layer in layers {
            tokens[layer] = (0..<experts).map { _ in
                let draw = Int(generator.next() % 1000)
                return draw * draw * draw / 100_000
            }
        }
        return ExpertLoad(tokens: tokens)
    }

    @Test(
        "a balanced placement has the counts of a linear one and is never less even",
        arguments: [2, 3, 8, 16])
    func even(ranks: Int) {
        let load = skewed(layers: 1..<6, experts: 64)
        let placement = load.balanced(ranks: ranks)
        for layer in 1..<6 {
            let counts = (0..<ranks).map {
                placement.experts(ofRank: $0, layer: layer, experts: 64, ranks: ranks).count
            }
            #expect(
                counts == (0..<ranks).map { ExpertPlacement.count(ofRank: $0, experts: 64, ranks: ranks) })
        }
        let balanced = load.imbalance(placement, ranks: ranks)
        let linear = load.imbalance(.linear, ranks: ranks)
        let turns = load.imbalance(.roundRobin, ranks: ranks)
        #expect(balanced.mean <= linear.mean && balanced.mean <= turns.mean)
        // With four experts a rank the most loaded expert alone may be more than the mean.
        #expect(balanced.worst < (ranks <= 8 ? 1.05 : 1.3) && linear.worst > balanced.worst)
    }

    @Test("imbalance, worked out by hand")
    func byHand() {
        let load = ExpertLoad(tokens: [1: [8, 0, 0, 0], 2: [1, 1, 1, 1], 3: [0, 0, 0, 0]])
        let linear = load.imbalance(.linear, ranks: 2)
        #expect(linear.mean == (2.0 + 1 + 1) / 3 && linear.worst == 2 && linear.worstLayer == 1)
        // 6 4 3 3 2 2: two ranks of three can both have ten.
        let even = ExpertLoad(tokens: [1: [6, 4, 3, 3, 2, 2]])
        #expect(even.imbalance(even.balanced(ranks: 2), ranks: 2).mean == 1)
    }

    @Test("a placement by load slices and gathers like any other")
    func sliced() throws {
        let folder = try fastFolder()
        let source = try SmallModel.maker([:]).write(folder.path("source"))
        let (checkpoint, artefact) = try opened(source)
        let request = ShardRequest(
            topology: try ParallelTopology("tp2-dp2-ep4"), form: .ranks,
            engine: try Target.engine("vllm-0.33.0", profiles), placement: .balanced,
            load: skewed(layers: 1..<3, experts: 8))
        try run(try request.plan(checkpoint, artefact).work, folder.path("ranks"))
        try run(try GatherRequest(folder.path("ranks")).plan().work, folder.path("back"))
        #expect(try folderDigest(folder.path("back")) == folderDigest(source))
    }

    @Test("the plan of a placement by load is the same in every process")
    func digest() throws {
        let folder = try fastFolder()
        let source = try SmallModel.maker(["num_hidden_layers": 9]).write(folder.path("source"))
        let data = folder.path("data.jsonl")
        try "{\"tokens\": \((0..<40).map { $0 * 7 % 97 })}\n".write(
            toFile: data, atomically: true, encoding: .utf8)
        let calibrated = try ProgramRun.ingot(
            "calibrate", source, "--data", data, "--output", folder.path("cal"))
        #expect(calibrated.exit == 0, "\(calibrated.errors)")
        var outputs: Set<String> = []
        for _ in 0..<3 {
            let run = try ProgramRun.ingot(
                "shard", source, "--topology", "tp2-ep2", "--form", "ranks", "--placement", "balanced",
                "--calibration", folder.path("cal"), "--output", folder.path("out"), "--dry-run")
            #expect(run.exit == 0 && run.output.contains("plan sha256"), "\(run.errors)")
            outputs.insert(run.output)
        }
        #expect(outputs.count == 1, "\(outputs)")
    }

    @Test("an engine's files have no numbers of experts: a placement by load is refused")
    func engineForms() throws {
        let folder = try fastFolder()
        let source = try SmallModel.maker([:]).write(folder.path("source"))
        let (checkpoint, artefact) = try opened(source)
        for form in ["vllm-sharded-state@0.32", "deepseek-mp"] {
            let request = ShardRequest(
                topology: try ParallelTopology("tp2-ep2"), form: try ShardForm(named: form),
                engine: try Target.engine("vllm-0.33.0", profiles), placement: .balanced,
                load: skewed(layers: 1..<3, experts: 8))
            let failure = #expect(throws: Failure.self) { try request.plan(checkpoint, artefact) }
            #expect(failure?.findings.map(\.code.name) == ["TOPO-014"], "\(form)")
        }
    }

    @Test("the files that SGLang and vllm-ascend read")
    func maps() throws {
        let configuration = try SmallModel.maker([:]).inventory.configuration
        let placement = ExpertPlacement.listed([1: [1, 0, 1, 0, 1, 0, 1, 0], 2: [0, 0, 1, 1, 0, 0, 1, 1]])
        let sglang = try ExpertMapFile.document(
            placement, configuration, ranks: 2, engine: try Target.engine("sglang-0.5.23", profiles))
        #expect(
            sglang.text(.compact)
                == "{\"physical_to_logical_map\":[[0,1,2,3,4,5,6,7],[1,3,5,7,0,2,4,6],[0,1,4,5,2,3,6,7]]}")
        let ascend = try ExpertMapFile.document(
            placement, configuration, ranks: 2,
            engine: try Target.engine("vllm-ascend-0.11.0rc3", profiles))
        #expect(
            ascend.text(.compact).hasPrefix(
                "{\"moe_layer_count\":2,\"layer_list\":[{\"layer_id\":0,\"device_count\":2,\"device_list\":"
                    + "[{\"device_id\":0,\"device_expert\":[1,3,5,7]},{\"device_id\":1,\"device_expert\":[0,2,4,6]}]}"
            ))
        #expect(throws: (any Error).self) {
            try ExpertMapFile.document(
                placement, configuration, ranks: 2, engine: try Target.engine("vllm-0.33.0", profiles))
        }
    }
}
