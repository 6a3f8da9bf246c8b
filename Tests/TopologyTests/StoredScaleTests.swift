// Scales of inputs and of the cache go where their matrices go: an expert's to the ranks of that expert.

import Architectures
import Checkpoints
import Foundation
import TestSupport
import Testing
import Topology

@Suite struct StoredScaleTests {
    private let folder: FastFolder
    private let source: String

    init() throws {
        folder = try fastFolder()
        let plain = try SmallModel.maker([:]).write(folder.path("plain"))
        let data = folder.path("data.jsonl")
        try "{\"tokens\": \((0..<40).map { $0 * 7 % 97 })}\n".write(
            toFile: data, atomically: true, encoding: .utf8)
        source = folder.path("codes")
        for arguments in [
            ["calibrate", plain, "--data", data, "--output", folder.path("cal")],
            [
                "quantise", plain, "--scheme", "fp8-tensor-static", "--kv-scales", "--calibration",
                folder.path("cal"), "--output", source, "--quiet",
            ],
        ] {
            let run = try ProgramRun(Repository.program("ingot"), arguments)
            #expect(run.exit == 0, "\(run.errors)")
        }
    }

    private func expert(_ name: String, _ inventory: TensorInventory) -> Int? {
        guard case .input(let entry)? = inventory.storedScale(named: name) else { return nil }
        return inventory.entries[entry].expert
    }

    @Test func ranksHoldTheScalesOfTheirExperts() throws {
        let (_, artefact) = try opened(source)
        try run(try work(source, ParallelTopology("tp2-ep2-pp3"), .ranks), folder.path("ranks"))
        var seen: [Int: Set<Int>] = [:]
        var caches = 0
        for rank in 0..<6 {
            let part = folder.path("ranks") + "/rank-0000\(rank)"
            for file in try FileAccess.names(in: part) where file.hasSuffix(".safetensors") {
                let names = try ShardHeader.read(path: part + "/" + file).tensors.map(\.name)
                let scales = names.compactMap { expert($0, artefact.inventory) }
                let weights = names.compactMap { artefact.inventory[name: $0]?.expert }
                #expect(Set(scales) == Set(weights), "rank \(rank)")
                seen[rank % 2, default: []].formUnion(scales)
                caches += names.count { $0.hasSuffix(".k_scale") }
            }
        }
        #expect(seen == [0: [0, 1, 2, 3], 1: [4, 5, 6, 7]])
        // Three layers, one to a stage, for two ranks each.
        #expect(caches == 6)
        try run(try GatherRequest(folder.path("ranks")).plan().work, folder.path("back"))
        #expect(try folderDigest(folder.path("back")) == folderDigest(source))
    }

    @Test func filesOfExpertsHoldTheirScales() throws {
        let (checkpoint, artefact) = try opened(source)
        let rules = SplitRules(
            artefact.configuration, try ParallelTopology("tp2-ep2"), family: .vllm, remainder: .middle,
            vocabularyMultiple: 64)
        for file in StandardLayoutPlan(checkpoint, artefact, rules).files {
            let experts = Set(file.tensorNames.compactMap { expert($0, artefact.inventory) })
            switch file.expertRank {
            case nil: #expect(experts.isEmpty)
            case let rank?: #expect(experts == Set(rank * 4..<rank * 4 + 4))
            }
        }
    }

    @Test("forms without a place for these scales are refused, whatever else they could hold")
    func engineForms() throws {
        let run = try ProgramRun.ingot(
            "quantise", folder.path("plain"), "--scheme", "fp8-block", "--kv-scales", "--calibration",
            folder.path("cal"), "--output", folder.path("cache"), "--quiet")
        #expect(run.exit == 0, "\(run.errors)")
        for (form, checkpoint) in [
            ("vllm-sharded-state@0.32", folder.path("cache")), ("deepseek-mp", folder.path("cache")),
            ("deepseek-mp", source),
        ] {
            let run = try ProgramRun.ingot(
                "shard", checkpoint, "--topology", "tp1", "--form", form, "--output", folder.path("out"))
            #expect(run.exit == 64 && run.errors.contains("TOPO-014"), "\(run.errors)")
            #expect(run.errors.contains("scales of inputs, keys and values"), "\(run.errors)")
            #expect(!FileManager.default.fileExists(atPath: folder.path("out")))
        }
    }
}
