// What forms with an engine's names cannot hold, and what their config says.

import Checkpoints
import Documents
import Foundation
import TestSupport
import Testing
import Topology

@Suite struct EngineFormTests {
    private let folder: FastFolder

    init() throws { folder = try fastFolder() }

    private func shard(_ source: String, _ form: String, _ topology: String = "tp1") throws -> ProgramRun {
        try ProgramRun.ingot(
            "shard", source, "--topology", topology, "--form", form, "--output", folder.path("out"))
    }

    @Test(
        "what becomes one tensor of vLLM is stored alike, or the form is refused",
        arguments: [
            ("expert-up", ".mlp.experts.0.up_proj.weight"),
            ("shared-expert-gate", ".mlp.shared_experts.up_proj.weight"),
            ("dense-up", ".mlp.up_proj.weight"),
        ])
    func mixed(role: String, tensor: String) throws {
        let plain = try SmallModel.maker([:]).write(folder.path("plain"))
        let source = try quantised(plain, folder, "fp8-block", "--keep", role)
        let run = try shard(source, "vllm-sharded-state@0.32")
        #expect(run.exit == 64 && run.errors.contains("TOPO-014"), "\(run.exit) \(run.errors)")
        #expect(run.errors.contains(tensor) && run.errors.contains("F8_E4M3 with F32 scales"))
        #expect(!FileManager.default.fileExists(atPath: folder.path("out")))
        // DeepSeek's files keep gate and up apart.
        #expect(try shard(source, "deepseek-mp").exit == 0)
        try gather(folder.path("out"), folder.path("back"))
        #expect(try contents(folder.path("back")) == contents(source))
    }

    @Test(
        "scales of DeepSeek's files keep the type and shape of their source",
        arguments: ["fp8-block", "fp8-block-ct", "fp8-channel"])
    func scales(scheme: String) throws {
        let plain = try SmallModel.maker([:]).write(folder.path("plain"))
        let source = try quantised(plain, folder, scheme)
        #expect(try shard(source, "deepseek-mp", "tp2-ep2").exit == 0)
        try gather(folder.path("out"), folder.path("back"))
        #expect(try contents(folder.path("back")) == contents(source))
    }

    @Test("without its prediction layer a config's skip list does not name it")
    func skipList() throws {
        let plain = try SmallModel.maker(SmallModel.prediction).write(folder.path("plain"))
        for (scheme, form) in [("fp8-block", "vllm-sharded-state@0.32"), ("fp8-channel", "deepseek-mp")] {
            let source = try quantised(plain, folder, scheme)
            #expect(try text(source + "/config.json").contains("model.layers.3."))
            #expect(try shard(source, form).exit == 0)
            #expect(try !text(folder.path("out/config.json")).contains("model.layers.3."))
            try gather(folder.path("out"), folder.path("back"))
            let judged = try ProgramRun.ingot("validate", folder.path("back"))
            #expect(judged.exit == 0 && !(judged.output + judged.errors).contains("QUANT-010"))
            for name in ["out", "back"] { try FileManager.default.removeItem(atPath: folder.path(name)) }
        }
    }

    private func gather(_ ranks: String, _ output: String) throws {
        try run(try GatherRequest(ranks).plan().work, output)
    }

    private func text(_ path: String) throws -> String {
        try String(contentsOfFile: path, encoding: .utf8)
    }
}
