// Folders of ranks that are not what was written, and runs that are stopped.

import Checkpoints
import Documents
import Foundation
import TestSupport
import Testing
import Topology

@Suite struct DamageTests {
    /// The slices of the small model for tp2-dp2-ep4, in a folder of its own.
    private func slices(_ folder: FastFolder) throws -> String {
        let source = try SmallModel.maker([:]).write(folder.path("source"), shards: 2)
        try run(try work(source, ParallelTopology("tp2-dp2-ep4"), .ranks), folder.path("ranks"))
        return folder.path("ranks")
    }

    /// Gathers with the program, which must refuse and leave nothing behind.
    private func refuses(_ ranks: String, _ folder: FastFolder, _ code: String, _ words: String...) throws {
        let run = try ProgramRun.ingot("shard", "gather", ranks, "--output", folder.path("back"))
        #expect(run.exit != 0 && run.errors.contains(code), "\(code): \(run.errors)")
        for word in words { #expect(run.errors.contains(word), "\(word) in \(run.errors)") }
        #expect(!FileManager.default.fileExists(atPath: folder.path("back")))
        let left = try names(in: folder.path).filter { $0.hasPrefix("back") }
        // With a sealed shard the partial folder stays, to be gone on from.
        #expect(left.isEmpty || left == ["back.partial"])
        for name in left { try FileManager.default.removeItem(atPath: folder.path(name)) }
    }

    private func alter(_ path: String, at offset: Int) throws {
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        defer { try? file.close() }
        try file.seek(toOffset: UInt64(offset))
        let byte = try #require(try file.read(upToCount: 1)?.first)
        try file.seek(toOffset: UInt64(offset))
        try file.write(contentsOf: Data([byte ^ 1]))
    }

    @Test("a rank's folder, or a file of it, is missing")
    func missing() throws {
        let folder = try fastFolder()
        let ranks = try slices(folder)
        let file = ranks + "/rank-00002/model-00002-of-00002.safetensors"
        try FileManager.default.moveItem(atPath: file, toPath: folder.path("aside"))
        try refuses(ranks, folder, "TOPO-017", "rank-00002/model-00002-of-00002.safetensors")
        try FileManager.default.moveItem(atPath: folder.path("aside"), toPath: file)
        try FileManager.default.moveItem(
            atPath: ranks + "/rank-00003", toPath: folder.path("aside"))
        try refuses(ranks, folder, "TOPO-017", "rank-00003")
        try FileManager.default.removeItem(atPath: folder.path("aside"))
    }

    @Test("a byte of any rank's slice is altered, copies included", arguments: [0, 1, 2, 3])
    func altered(rank: Int) throws {
        let folder = try fastFolder()
        let ranks = try slices(folder)
        let path = ranks + "/rank-0000\(rank)/model-00001-of-00002.safetensors"
        let size = try #require(
            try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
        // Somewhere in the middle, and the very end.
        for offset in [size / 2, size - 1] {
            try alter(path, at: offset)
            try refuses(ranks, folder, "TOPO-018", "rank-0000\(rank)", "XXH3-128")
            try alter(path, at: offset)
        }
        #expect(try ProgramRun.ingot("shard", "gather", ranks, "--output", folder.path("back")).exit == 0)
    }

    @Test("a file of another length, a sidecar that changed")
    func lengths() throws {
        let folder = try fastFolder()
        let ranks = try slices(folder)
        try alter(ranks + "/config.json", at: 3)
        try refuses(ranks, folder, "TOPO-018", "config.json")
        try alter(ranks + "/config.json", at: 3)
        let path = ranks + "/rank-00001/model-00001-of-00002.safetensors"
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try file.truncate(atOffset: try file.seekToEnd() - 4)
        try file.close()
        try refuses(ranks, folder, "TOPO-018", "rank-00001")
    }

    @Test(
        "a record that says something else",
        arguments: [
            ("\"schema\": 1", "\"schema\": 2"), ("\"form\": \"ranks\"", "\"form\": \"rank\""),
            ("\"topology\": \"tp2-dp2-ep4\"", "\"topology\": \"tp2_dp2\""), ("\"stages\"", "\"stage\""),
            ("\"ranks\":[0", "\"ranks\":[99"), ("\"ranges\":[[0,", "\"ranges\":[[1,"),
            ("\"dtype\":\"BF16\"", "\"dtype\":\"F16\""), ("\"xxh3\":\"", "\"xxh3\":\"z"),
            ("\"axis\":0", "\"axis\":2"), ("\"name\": \"config.json\"", "\"name\": \"../config.json\""),
            ("\"name\": \"rank-00001/", "\"name\": \"rank-00009/"), ("{", "["),
        ])
    func records(from: String, to: String) throws {
        let folder = try fastFolder()
        let ranks = try slices(folder)
        let path = ranks + "/topology.json"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text.contains(from))
        try text.replacing(from, with: to, maxReplacements: 1).write(
            toFile: path, atomically: false, encoding: .utf8)
        try refuses(ranks, folder, "TOPO-01")
    }

    @Test("a record that lost a shard, says one twice, or has a header that changed")
    func shards() throws {
        let folder = try fastFolder()
        let ranks = try slices(folder)
        let path = ranks + "/topology.json"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        func header(_ member: JSONValue) -> Bool {
            member.text().contains("00002-of-00002.safetensors.header")
        }
        for change in [
            { $0[list: "shards"].removeLast() },
            {
                // The shard with its header: its tensors are left.
                $0[list: "shards"].removeLast()
                $0[list: "carried"].removeAll(where: header)
            },
            { $0[list: "shards"].append($0[list: "shards"][0]) },
            { $0[list: "carried"].removeAll(where: header) },
            { $0[list: "files"].append($0[list: "files"][0]) },
        ] as [(inout JSONObject) -> Void] {
            try edit(path, change)
            try refuses(ranks, folder, "TOPO-016")
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        }
        // Not all of a header is of a tensor: its bytes have a digest.
        try edit(path) { record in
            record[list: "carried"] = record[list: "carried"].map { member in
                guard case .object(var file) = member, header(member) else { return member }
                file["sha256"] = .string(String(repeating: "0", count: 64))
                return .object(file)
            }
        }
        try refuses(ranks, folder, "TOPO-018", "model-00002-of-00002.safetensors.header", "SHA-256")
    }

    @Test("a folder that holds no slices")
    func nothing() throws {
        let folder = try fastFolder()
        let source = try SmallModel.maker([:]).write(folder.path("source"))
        try refuses(source, folder, "TOPO-016")
    }

    @Test("vLLM files without a rank, and of a weight that was repacked")
    func engineFiles() throws {
        let folder = try fastFolder()
        let source = try SmallModel.maker([:]).write(folder.path("source"))
        let form = try ShardForm(named: "vllm-sharded-state@0.32")
        try run(try work(source, ParallelTopology("tp4"), form), folder.path("ranks"))
        let file = folder.path("ranks/model-rank-2-part-0.safetensors")
        try FileManager.default.moveItem(atPath: file, toPath: folder.path("aside"))
        try refuses(folder.path("ranks"), folder, "TOPO-017", "rank 2")
        // Without the last rank the folder looks like three ranks, which nothing here divides by.
        try FileManager.default.moveItem(atPath: folder.path("aside"), toPath: file)
        try FileManager.default.removeItem(
            atPath: folder.path("ranks/model-rank-3-part-0.safetensors"))
        let run = try ProgramRun.ingot(
            "shard", "gather", folder.path("ranks"), "--output", folder.path("back"))
        #expect(run.exit != 0 && run.errors.contains("TOPO-01"), "\(run.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.path("back")))
    }

    @Test("names that announce thousands of ranks give a few findings, not millions")
    func manyRanks() throws {
        let folder = try fastFolder()
        let source = try SmallModel.maker([:]).write(folder.path("source"))
        let form = try ShardForm(named: "vllm-sharded-state@0.32")
        try run(try work(source, ParallelTopology("tp4"), form), folder.path("ranks"))
        try FileManager.default.moveItem(
            atPath: folder.path("ranks/model-rank-3-part-0.safetensors"),
            toPath: folder.path("ranks/model-pp-4095-tp-4095-part-0.safetensors"))
        // As vLLM leaves it: the record would say that there are four.
        try FileManager.default.removeItem(atPath: folder.path("ranks/topology.json"))
        let gathered = try ProgramRun.ingot(
            "shard", "gather", folder.path("ranks"), "--output", folder.path("back"))
        #expect(gathered.exit == 66, "\(gathered.errors)")
        #expect(gathered.errors.components(separatedBy: "error:").count == 9, "\(gathered.errors)")
        #expect(gathered.errors.contains("files of 16777216 ranks"))
    }

    @Test("a router that was trained after it was widened does not fit BF16")
    func narrowing() throws {
        let folder = try fastFolder()
        let source = try SmallModel.maker(["router_dtype": "fp32"]).write(folder.path("source"))
        let form = try ShardForm(named: "vllm-sharded-state@0.32")
        try run(try work(source, ParallelTopology("tp2"), form), folder.path("ranks"))
        for rank in 0..<2 {
            let path = folder.path("ranks/model-rank-\(rank)-part-0.safetensors")
            var file = try TensorFile(path)
            let name = try #require(file.tensors.keys.first { $0.hasSuffix(".mlp.gate.weight") })
            file[name]?.floats[3] = 0.1
            try file.write(path)
        }
        // The engine trained and saved these.
        try FileManager.default.removeItem(atPath: folder.path("ranks/topology.json"))
        try refuses(folder.path("ranks"), folder, "TOPO-019", ".mlp.gate.weight")
    }

    @Test("a run that was killed goes on and ends with the same bytes")
    func resumed() throws {
        let folder = try TemporaryFolder()
        let maker = try CheckpointMaker.micro([
            "hidden_size": 512, "intermediate_size": 4096, "moe_intermediate_size": 256,
            "moe_shared_expert_intermediate_size": 256, "num_experts": 16, "num_hidden_layers": 5,
            "num_attention_heads": 8, "num_key_value_heads": 2, "vocab_size": 4096, "eos_token_id": 5,
            "pad_token_id": 5, "bos_token_id": 4,
        ])
        let source = try maker.write(folder.path("source"), shards: 12)
        for form in ["ranks", "hf"] {
            let words = ["shard", source, "--topology", "tp2-ep2", "--form", form, "--file-size", "4MB"]
            let program = Repository.program("ingot")
            #expect(try ProgramRun(program, words + ["--output", folder.path("whole")]).exit == 0)
            let started = try StartedProgram(program, words + ["--output", folder.path("out")])
            let journal = folder.path("out.partial/.ingot-journal.jsonl")
            while started.isRunning {
                let lines = (try? String(contentsOfFile: journal, encoding: .utf8)) ?? ""
                if lines.count(where: { $0 == "\n" }) >= 3 { break }
                usleep(500)
            }
            started.send(SIGKILL)
            _ = try started.wait()
            if !FileManager.default.fileExists(atPath: folder.path("out")) {
                let again = try ProgramRun(program, words + ["--output", folder.path("out")])
                #expect(again.exit == 73 && again.errors.contains("OUT-002"))
                let resumed = try ProgramRun(program, words + ["--output", folder.path("out"), "--resume"])
                #expect(resumed.exit == 0 && resumed.output.contains("sealed by an earlier run"))
            } else if FileManager.default.fileExists(atPath: folder.path("out/.ingot-journal.jsonl")) {
                // Killed between the last rename and tidying up.
                let tidied = try ProgramRun(program, words + ["--output", folder.path("out"), "--resume"])
                #expect(tidied.exit == 0 && tidied.output.contains("nothing to resume"))
            }
            #expect(try digests(folder.path("out")) == digests(folder.path("whole")), "\(form)")
            for name in ["out", "whole"] { try FileManager.default.removeItem(atPath: folder.path(name)) }
        }
    }

    /// Every file below a folder with its bytes' digest.
    private func digests(_ folder: String) throws -> [String: String] {
        var found: [String: String] = [:]
        for name in try names(in: folder) {
            var isFolder: ObjCBool = false
            _ = FileManager.default.fileExists(atPath: folder + "/" + name, isDirectory: &isFolder)
            if isFolder.boolValue {
                for (inner, digest) in try folderDigest(folder + "/" + name) {
                    found[name + "/" + inner] = digest
                }
            } else {
                found[name] = try digestFile(folder + "/" + name).digest
            }
        }
        return found
    }
}
