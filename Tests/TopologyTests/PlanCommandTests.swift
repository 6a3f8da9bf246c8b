// ingot shard plan as people run it: exit codes, words, the document, the page.

import Documents
import Foundation
import TestSupport
import Testing
import Topology

@Suite struct PlanCommandTests {
    static let tiny = Repository.path("Fixtures/checkpoints/ling-tiny-icd")

    private func plan(_ words: String..., checkpoint: String = tiny) throws -> ProgramRun {
        try ProgramRun(Repository.program("ingot"), ["shard", "plan", checkpoint] + words)
    }

    @Test("the best topology first, and the command that serves it")
    func text() throws {
        let run = try plan(
            "--target", "vllm-0.33.0/a100-40g", "--context", "2048", "--devices", "4", "--quiet")
        #expect(run.exit == 0, "\(run.errors)")
        // The model reaches 1,024: a longer one would be refused by the engine.
        #expect(run.output.contains("vllm serve") && run.output.contains("--max-model-len 1024"))
        let sglang = try plan(
            "--target", "sglang-0.5.23/a100-40g", "--context", "512", "--topology", "tp2-dp2-ep4", "--cache",
            "fp8",
            "--quiet")
        #expect(
            sglang.output.contains(
                "--tp 4 --dp 2 --enable-dp-attention --ep 4 --context-length 512 --kv-cache-dtype fp8_e4m3"))
    }

    @Test("the document says what the table says")
    func document() throws {
        let run = try plan(
            "--device", "910b-64g", "--context", "2048", "--topology", "tp2", "--topology", "tp3", "--json")
        guard case .object(let document) = try JSONValue(parsing: Array(run.output.utf8)),
            case .object(let result)? = document["result"], case .array(let rows)? = result["topologies"],
            case .object(let legal) = rows[0], case .object(let illegal) = rows[1]
        else {
            Issue.record("\(run.output)")
            return
        }
        #expect(result["target"] == "vllm-ascend-0.11.0rc3/910b-64g" && result["best"] == "tp2")
        #expect(legal["legal"] == true && legal["fits"] == true && illegal["legal"] == false)
        #expect(illegal["rank_bytes"] == .null)
    }

    @Test(
        "mistakes",
        arguments: [
            (["--target", "vllm-0.33.0/a100-40"], 64, "TARGET-002"),
            (["--device", "h20"], 64, "TARGET-002"),
            (["--target", "vllm-0.33.0/a100-40g", "--topology", "tp4-tp4"], 64, "TOPO-001"),
            (["--target", "vllm-0.33.0/a100-40g", "--context", "2048", "--topology", "tp3"], 1, "TOPO-004"),
            (["--target", "vllm-0.33.0/a100-40g", "--context", "2048", "--devices", "3"], 0, "serve"),
            (["--target", "vllm-0.33.0/a100-40g", "--placement", "balanced"], 65, "TOPO-013"),
            (
                [
                    "--target", "vllm-0.33.0/a100-40g", "--context", "2048", "--topology", "tp2-ep2",
                    "--expert-map", "map.json",
                ], 64, "TOPO-021"
            ),
            (["--target", "vllm-0.33.0/a100-40g", "--calibration", "nowhere"], 66, "FILE-001"),
            (["--target", "vllm-0.33.0/a100-40g", "--topology", "tp3", "--topology", "tp5"], 1, "TOPO-012"),
            (["--target", "transformers-4.56/cpu", "--verbose"], 0, "TOPO-011"),
            ([], 64, "--target"),
            (["--target", "vllm-0.33.0/a100-40g", "--devices", "0"], 64, "--devices"),
        ] as [([String], Int32, String)])
    func mistakes(words: [String], exit: Int32, says: String) throws {
        let run = try ProgramRun(Repository.program("ingot"), ["shard", "plan", Self.tiny] + words)
        #expect(run.exit == exit && (run.errors + run.output).contains(says), "\(run.exit) \(run.errors)")
    }

    @Test("load of experts from a calibration, the map, and the page")
    func calibration() throws {
        let folder = try TemporaryFolder()
        let calibrated = try ProgramRun.ingot(
            "calibrate", Self.tiny, "--data", Self.tiny + "/calibration.jsonl", "--observe", "routes",
            "--output",
            folder.path("calibration"), "--quiet")
        #expect(calibrated.exit == 0, "\(calibrated.errors)")
        let run = try plan(
            "--target", "sglang-0.5.23/a100-40g", "--context", "2048", "--topology", "tp4-ep4", "--placement",
            "balanced",
            "--calibration", folder.path("calibration"), "--expert-map", folder.path("map.json"), "--report",
            folder.path("plan.html"), "--json")
        #expect(run.exit == 0, "\(run.errors)")
        guard case .object(let document) = try JSONValue(parsing: Array(run.output.utf8)),
            case .object(let result)? = document["result"], case .array(let rows)? = result["imbalance"],
            case .object(let linear) = rows[0], case .object(let balanced) = rows[2],
            case .number(let before)? = linear["mean"], case .number(let after)? = balanced["mean"]
        else {
            Issue.record("\(run.output)")
            return
        }
        #expect(rows.count == 3 && (after.double ?? 9) < (before.double ?? 0))
        let map = try String(contentsOfFile: folder.path("map.json"), encoding: .utf8)
        #expect(map.hasPrefix("{\"physical_to_logical_map\":[["))
        let page = try String(contentsOfFile: folder.path("plan.html"), encoding: .utf8)
        #expect(page.contains("Load of experts") && page.contains("tp4-ep4 serves it"))
        #expect(try !MarkupReader(page).elements.isEmpty)
    }

    @Test("Ling-flash at full size: 24,161 tensors in 22 files of holes, within the memory of every stage")
    func fullSize() throws {
        let folder = try TemporaryFolder()
        var maker = try CheckpointMaker("Fixtures/configs/ling-flash-2.0.json")
        maker.isSparse = true
        let source = try maker.write(folder.path("flash"), shards: 22)
        let run = try plan("--target", "vllm-0.11.0/h20-96g", "--json", checkpoint: source)
        guard case .object(let document) = try JSONValue(parsing: Array(run.output.utf8)),
            case .number(let peak)? = document["peak_bytes"], case .object(let result)? = document["result"]
        else {
            Issue.record("\(run.errors)")
            return
        }
        #expect(run.exit == 0 && (peak.integer ?? .max) <= 64 << 20)
        #expect(result["best"] == "tp4" && result["weight_bytes"] == 205_779_426_304)
    }
}
