// The forms of output: the standard layout and who opens which file of it, engines' own files and back.

import Architectures
import Checkpoints
import Documents
import Foundation
import TestSupport
import Testing
import Topology

@Suite struct FormTests {
    private func source(_ folder: FastFolder, _ changes: [String: JSONValue?] = [:]) throws -> String {
        try SmallModel.maker(changes).write(folder.path("source"), shards: 3)
    }

    @Test("a rank opens the common files and those of its own experts, and finds all that it holds there")
    func ownFiles() throws {
        let folder = try fastFolder()
        let source = try source(folder)
        let (checkpoint, artefact) = try opened(source)
        for name in ["tp4-dp2-ep8", "tp2-ep2-pp3", "tp4", "dp3-ep3"] {
            let rules = SplitRules(
                artefact.configuration, try ParallelTopology(name), family: .vllm, remainder: .middle,
                vocabularyMultiple: 64)
            let plan = StandardLayoutPlan(checkpoint, artefact, rules, fileBytes: 100_000)
            #expect(plan.files.reduce(0) { $0 + $1.tensorNames.count } == checkpoint.tensorCount)
            for rank in rules.topology.ranks {
                let files = plan.files(of: rank)
                let own = Set(files.flatMap(\.tensorNames))
                let needed = artefact.inventory.entries.filter { rules.share($0, rank) != .absent }.map(
                    \.name)
                #expect(Set(needed).isSubset(of: own), "\(name) rank \(rank.index)")
                // Nothing of another expert rank is opened.
                let foreign = own.subtracting(needed)
                #expect(foreign.isEmpty, "\(name) rank \(rank.index): \(foreign.sorted().prefix(3))")
                #expect(
                    files.count < plan.files.count || rules.topology.expert * rules.topology.pipeline == 1)
            }
        }
    }

    @Test("eight expert ranks of Ling-flash: each opens its experts' files and the common ones")
    func counted() throws {
        let folder = try fastFolder()
        let source = try source(folder)
        try run(try work(source, ParallelTopology("tp4-dp2-ep8"), .standard), folder.path("out"))
        let opened = try Checkpoint.open(folder.path("out"))
        #expect(opened.shards.count == 9)
        var withExperts: [String: Set<Int>] = [:]
        let inventory = try SmallModel.maker([:]).inventory
        for shard in opened.shards {
            for record in shard.header.tensors {
                if let expert = inventory[name: record.name]?.expert {
                    withExperts[shard.name, default: []].insert(expert)
                }
            }
        }
        #expect(withExperts.values.map { Array($0) }.sorted { $0[0] < $1[0] } == (0..<8).map { [$0] })
        // The record says the same to those who copy files to machines.
        let record = try JSONValue(
            parsing: try FileAccess.read(folder.path("out/topology.json"), limit: 1 << 20))
        guard case .object(let object) = record, case .array(let ranks)? = object["ranks"] else {
            Issue.record("no ranks")
            return
        }
        #expect(ranks.count == 8)
        for case .object(let rank) in ranks {
            guard case .array(let files)? = rank["files"] else { continue }
            #expect(files.count == 2)
        }
    }

    @Test(
        "the standard layout has every tensor as it was, and validates",
        arguments: ["tp4-dp2-ep8", "pp2-tp2", "tp1"])
    func standard(name: String) throws {
        let folder = try fastFolder()
        let source = try source(folder)
        let plan = try ShardRequest(
            topology: ParallelTopology(name), form: .standard,
            engine: try Target.engine("vllm-0.33.0", profiles), fileBytes: 150_000)
        let (checkpoint, artefact) = try opened(source)
        try run(try plan.plan(checkpoint, artefact).work, folder.path("out"))
        #expect(try contents(folder.path("out")) == contents(source))
        let judged = try ProgramRun.ingot("validate", folder.path("out"), "--quiet")
        #expect(judged.exit == 0, "\(judged.errors)")
        // Gathering it is laying it out once more.
        try run(try GatherRequest(folder.path("out")).plan().work, folder.path("back"))
        #expect(try contents(folder.path("back")) == contents(source))
    }

    @Test("in a file: layers ascending, experts in numeric order, each weight beside its scale")
    func order() throws {
        let folder = try fastFolder()
        let source = try SmallModel.maker(["num_experts": 16]).write(folder.path("source"))
        let quantised = try ProgramRun.ingot(
            "quantise", source, "--scheme", "fp8-channel", "--output", folder.path("codes"), "--quiet")
        #expect(quantised.exit == 0)
        let (checkpoint, artefact) = try opened(folder.path("codes"))
        let rules = SplitRules(
            artefact.configuration, ParallelTopology(), family: .vllm, remainder: .middle,
            vocabularyMultiple: 64)
        let names = StandardLayoutPlan(checkpoint, artefact, rules).files.flatMap(\.tensorNames)
        let experts = names.compactMap { artefact.inventory[name: $0] }.filter { $0.layer == 1 }
            .compactMap(\.expert)
        #expect(experts == experts.sorted() && Set(experts).count == 16)
        for (index, name) in names.enumerated() where name.hasSuffix("_scale") {
            #expect(names[index - 1] + "_scale" == name)
        }
    }

    @Test(
        "engines' files gather to every tensor as it was",
        arguments: [
            ("vllm-sharded-state@0.32", "tp1"), ("vllm-sharded-state@0.32", "tp2"),
            ("vllm-sharded-state@0.32", "tp8"), ("vllm-sharded-state@0.32", "tp4-ep4"),
            ("vllm-sharded-state@0.32", "tp2-ep2-pp2"), ("vllm-sharded-state@0.32", "pp3"),
            ("deepseek-mp", "tp1"), ("deepseek-mp", "tp4-ep4"), ("deepseek-mp", "tp8-ep8"),
        ])
    func engines(form: String, name: String) throws {
        let folder = try fastFolder()
        for changes in [[:], SmallModel.oneHead, SmallModel.ragged] as [[String: JSONValue?]] {
            // DeepSeek's code pads no vocabulary.
            if form == "deepseek-mp", changes["vocab_size"] != nil, name != "tp1" { continue }
            let source = try SmallModel.maker(changes).write(folder.path("source"))
            try run(try work(source, ParallelTopology(name), ShardForm(named: form)), folder.path("ranks"))
            let (gather, _) = try GatherRequest(folder.path("ranks")).plan()
            try run(gather, folder.path("back"))
            #expect(try contents(folder.path("back")) == contents(source), "\(form) \(name)")
            for path in ["source", "ranks", "back"] {
                try FileManager.default.removeItem(atPath: folder.path(path))
            }
        }
    }

    @Test("files of vLLM: names of version 0.32, router in F32, padded vocabulary, scales of the cache")
    func shardedState() throws {
        let folder = try fastFolder()
        let source = try SmallModel.maker(SmallModel.ragged).write(folder.path("source"))
        let form = try ShardForm(named: "vllm-sharded-state@0.32")
        try run(try work(source, ParallelTopology("tp2"), form), folder.path("ranks"))
        let header = try ShardHeader.read(path: folder.path("ranks/model-rank-1-part-0.safetensors"))
        var shapes: [String: String] = [:]
        for record in header.tensors { shapes[record.name] = "\(record.dtype.rawValue) \(record.shape)" }
        for (name, expected) in [
            ("model.word_embeddings.weight", "BF16 [64, 32]"), ("lm_head.weight", "BF16 [64, 32]"),
            ("model.layers.0.mlp.gate_up_proj.weight", "BF16 [128, 32]"),
            ("model.layers.0.mlp.down_proj.weight", "BF16 [32, 64]"),
            ("model.layers.1.mlp.gate.weight", "F32 [8, 32]"),
            ("model.layers.1.mlp.experts.routed_experts.e_score_correction_bias", "F32 [8]"),
            ("model.layers.1.mlp.experts.routed_experts.w13_weight", "BF16 [8, 64, 32]"),
            ("model.layers.1.mlp.experts.routed_experts.w2_weight", "BF16 [8, 32, 32]"),
            ("model.layers.1.mlp.experts._shared_experts._layer.gate_up_proj.weight", "BF16 [64, 32]"),
            ("model.layers.2.attention.attn._prob_scale", "F32 []"),
            ("model.layers.2.attention.query_key_value.weight", "BF16 [192, 32]"),
        ] { #expect(shapes[name] == expected, "\(name)") }
        // 77 rows padded to 128: the second rank has 13 of them and 51 of zeros.
        let record = try #require(header.tensors.first { $0.name == "lm_head.weight" })
        let bytes = try FileAccess.read(
            folder.path("ranks/model-rank-1-part-0.safetensors"), range: record.dataRange)
        #expect(bytes[(13 * 64)...].allSatisfy { $0 == 0 } && bytes[..<(13 * 64)].contains { $0 != 0 })
    }

    @Test("forms refuse what they cannot hold")
    func refused() throws {
        let folder = try fastFolder()
        let source = try source(folder, SmallModel.prediction)
        for (form, name, code) in [
            ("vllm-sharded-state@0.32", "tp2-dp2-ep4", "TOPO-014"), ("deepseek-mp", "tp4", "TOPO-014"),
            ("deepseek-mp", "pp2", "TOPO-014"), ("vllm-sharded-state@0.11", "tp2", "TOPO-015"),
            ("rank", "tp2", "TOPO-015"),
        ] {
            let run = try ProgramRun.ingot(
                "shard", source, "--topology", name, "--form", form, "--output", folder.path("out"))
            #expect(run.exit == 64 && run.errors.contains(code), "\(form) \(name): \(run.errors)")
            #expect(!FileManager.default.fileExists(atPath: folder.path("out")))
        }
        // The prediction layer is said to be left out, and its config agrees with what is there.
        let left = try ProgramRun.ingot(
            "shard", source, "--topology", "tp2", "--form", "vllm-sharded-state@0.32", "--output",
            folder.path("out"))
        #expect(left.exit == 0 && left.errors.contains("TOPO-022"))
        try run(try GatherRequest(folder.path("out")).plan().work, folder.path("back"))
        #expect(try ProgramRun.ingot("validate", folder.path("back"), "--quiet").exit == 0)
    }
}
