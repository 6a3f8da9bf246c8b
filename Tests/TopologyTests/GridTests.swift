// gather(slice(x)) is x, to the last byte of every file: every legal topology of up to 32 ranks, plain and
// quantised, for models with one key/value head, a ragged vocabulary and a prediction layer.

import Architectures
import Checkpoints
import Documents
import Foundation
import TestSupport
import Testing
import Topology

@Suite struct GridTests {
    /// A variant of the small model.
    enum Variant: String, CaseIterable { case oneHead, ragged, prediction }
    /// How it is stored.
    enum Form: String, CaseIterable { case bf16, block, channel }

    private func write(_ variant: Variant, _ form: Form, in folder: FastFolder) throws -> String {
        let changes =
            switch variant {
            case .oneHead: SmallModel.oneHead
            case .ragged: SmallModel.ragged
            case .prediction: SmallModel.prediction
            }
        let plain = try SmallModel.maker(changes).write(folder.path("plain"), shards: 2)
        guard form != .bf16 else { return plain }
        var scheme = "fp8-channel"
        if form == .block {
            // Blocks of 16: small matrices that are cut into whole blocks.
            scheme = folder.path("small.json")
            let text = try Repository.text("Profiles/schemes/fp8-block.json").replacing("128", with: "16")
            try text.write(toFile: scheme, atomically: true, encoding: .utf8)
        }
        let run = try ProgramRun.ingot(
            "quantise", plain, "--scheme", scheme, "--output", folder.path("codes"), "--quiet")
        #expect(run.exit == 0, "\(run.errors)")
        return folder.path("codes")
    }

    /// Every product of up to 32 ranks.
    private var products: [ParallelTopology] {
        (1...32).flatMap { ParallelTopology.all(world: $0, family: .vllm, pipelines: true) }
    }

    @Test(arguments: Variant.allCases, Form.allCases)
    func everyLegalTopologyGathersToTheSameBytes(_ variant: Variant, _ form: Form) throws {
        let folder = try fastFolder()
        let source = try write(variant, form, in: folder)
        let (checkpoint, artefact) = try opened(source)
        let wanted = try folderDigest(source)
        let engine = try Target.engine("vllm-0.32.0", profiles)
        var legal: [String] = []
        for topology in products where topology.pipeline <= 3 {
            let request = ShardRequest(topology: topology, form: .ranks, engine: engine)
            guard let plan = try? request.plan(checkpoint, artefact).work else { continue }
            legal.append(topology.name)
            let (slices, back) = (folder.path("slices"), folder.path("back"))
            try run(plan, slices)
            #expect(try names(in: slices).count { $0.hasPrefix("rank-") } == topology.world)
            try run(try GatherRequest(slices).plan().work, back)
            #expect(try folderDigest(back) == wanted, "\(variant) \(form) \(topology.name)")
            for path in [slices, back] { try FileManager.default.removeItem(atPath: path) }
        }
        #expect(legal.count >= (form == .block ? 25 : 60), "\(legal)")
        #expect(legal.contains("tp4-dp2-ep8") && legal.contains("dp3-ep3") && legal.contains("tp2-ep2-pp3"))
    }

    @Test("SGLang's rules, and placements in turn, gather as well")
    func otherRules() throws {
        let folder = try fastFolder()
        let source = try write(.ragged, .bf16, in: folder)
        let wanted = try folderDigest(source)
        for (name, engine, placement) in [
            ("tp4-dp2-ep4", "sglang-0.5.23", ExpertPlacement.Name.linear),
            ("tp8-ep2-pp2", "sglang-0.5.23", .linear), ("tp8-ep8", "vllm-0.32.0", .roundRobin),
        ] {
            let plan = try work(
                source, ParallelTopology(name), .ranks, engine: engine, placement: placement)
            try run(plan, folder.path("slices"), replace: true)
            try run(
                try GatherRequest(folder.path("slices")).plan().work, folder.path("back"), replace: true)
            #expect(try folderDigest(folder.path("back")) == wanted, "\(name)")
        }
    }
}
