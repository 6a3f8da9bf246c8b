// Folders of engines' rank files that are not what was written, with their record and without.

import Checkpoints
import Documents
import Foundation
import Tensors
import TestSupport
import Testing
import Topology

@Suite struct EngineDamageTests {
    private let folder: FastFolder
    private let ranks: String

    init() throws {
        folder = try fastFolder()
        let source = try SmallModel.maker([:]).write(folder.path("source"))
        ranks = folder.path("ranks")
        try run(
            try work(source, ParallelTopology("tp2-ep2"), ShardForm(named: "vllm-sharded-state@0.32")), ranks)
    }

    private func file(_ rank: Int, part: Int = 0) -> String {
        "\(ranks)/model-rank-\(rank)-part-\(part).safetensors"
    }

    private func dropRecord() throws {
        try FileManager.default.removeItem(atPath: ranks + "/topology.json")
    }

    private func refuses(
        _ code: String, _ words: String..., sourceLocation: SourceLocation = #_sourceLocation
    )
        throws
    {
        let run = try ProgramRun.ingot("shard", "gather", ranks, "--output", folder.path("back"))
        #expect(
            run.exit != 0 && run.errors.contains(code), "\(code): \(run.errors)",
            sourceLocation: sourceLocation)
        for word in words {
            #expect(run.errors.contains(word), "\(word) in \(run.errors)", sourceLocation: sourceLocation)
        }
        #expect(
            !FileManager.default.fileExists(atPath: folder.path("back")), sourceLocation: sourceLocation)
        try? FileManager.default.removeItem(atPath: folder.path("back.partial"))
    }

    @Test("files of two ranks are swapped, which have the same names and shapes")
    func swapped() throws {
        try FileManager.default.moveItem(atPath: file(0), toPath: folder.path("aside"))
        try FileManager.default.moveItem(atPath: file(1), toPath: file(0))
        try FileManager.default.moveItem(atPath: folder.path("aside"), toPath: file(1))
        try refuses("TOPO-018", "model-rank-0-part-0.safetensors", "SHA-256")
    }

    @Test("a byte is altered, a file is longer")
    func altered() throws {
        var bytes = try Data(contentsOf: URL(fileURLWithPath: file(1)))
        bytes[bytes.count - 3] ^= 1
        try bytes.write(to: URL(fileURLWithPath: file(1)))
        try refuses("TOPO-018", "model-rank-1-part-0.safetensors", "SHA-256")
        bytes.append(0)
        try bytes.write(to: URL(fileURLWithPath: file(1)))
        try refuses("TOPO-018", "model-rank-1-part-0.safetensors", "bytes")
    }

    @Test("a second file of a rank holds what the first holds")
    func duplicates() throws {
        try FileManager.default.copyItem(atPath: file(0), toPath: file(0, part: 7))
        try refuses("TOPO-016", "model-rank-0-part-7.safetensors")
        try dropRecord()
        try refuses("TOPO-018", "model-rank-0-part-7.safetensors", "also in model-rank-0-part-0.safetensors")
    }

    @Test(
        "a tensor of another type or shape, and one that nothing asks for, are refused without a record too",
        arguments: ["type", "shape", "unknown", "lost"])
    func tensors(what: String) throws {
        let stack = "model.layers.1.mlp.experts.routed_experts.w13_weight"
        var changed = try TensorFile(file(1))
        var tensor = try #require(changed[stack])
        switch what {
        case "type": tensor.dtype = .f16
        case "shape": tensor.shape.reverse()
        case "unknown": changed["zzz"] = TensorFile.Tensor([1] as [Float], [1])
        default: break
        }
        changed[stack] = what == "lost" ? nil : tensor
        try changed.write(file(1))
        try refuses("TOPO-018")
        try dropRecord()
        try refuses(what == "lost" ? "TOPO-017" : "TOPO-018", what == "unknown" ? "zzz" : stack)
    }

    @Test("a tensor file of no rank is no sidecar, nor is one of another division a rank's")
    func strays() throws {
        for name in [
            "model-rank-9223372036854775807-part-0.safetensors", "model0-mp2.safetensors",
            "a.safetensors",
        ] {
            try FileManager.default.copyItem(atPath: file(0), toPath: ranks + "/" + name)
            try refuses("TOPO-016")
            try FileManager.default.removeItem(atPath: ranks + "/" + name)
        }
    }

    @Test(
        "a record that the files are not those of",
        arguments: [
            ("\"placement\": \"linear\"", "\"placement\": \"balanced\"", "TOPO-016"),
            ("\"topology\": \"tp2-ep2\"", "\"topology\": \"tp2\"", "TOPO-018"),
            ("\"topology\": \"tp2-ep2\"", "\"topology\": \"tp2-ep2-pp2\"", "TOPO-017"),
            ("\"topology\": \"tp2-ep2\"", "\"topology\": \"tp1\"", "TOPO-016"),
            ("\"topology\": \"tp2-ep2\"", "\"topology\": \"tp1-dp2-ep2\"", "TOPO-016"),
            ("\"form\": \"vllm", "\"form\": \"llm", "TOPO-016"),
            ("model-rank-1-part-0", "model-rank-1-part-1", "TOPO-017"),
        ])
    func record(from: String, to: String, code: String) throws {
        let path = ranks + "/topology.json"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text.contains(from))
        try text.replacing(from, with: to, maxReplacements: 1).write(
            toFile: path, atomically: false, encoding: .utf8)
        try refuses(code)
    }

    @Test("a folder as an engine leaves it gathers, with the index of its source beside it")
    func whole() throws {
        try dropRecord()
        try "{}".write(
            toFile: ranks + "/model.safetensors.index.json", atomically: true, encoding: .utf8)
        try run(try GatherRequest(ranks).plan().work, folder.path("back"))
        #expect(try contents(folder.path("back")) == contents(folder.path("source")))
    }
}
