// Bounded memory: 64 MiB whatever the size of a shard, of a model, and whatever the jobs.

import Foundation
import TestSupport
import Testing

@Suite(.serialized) struct MemoryTests {
    private static let limit = 64 << 20

    /// One shard of more than 2 GB of Ling-flash's own matrices, all holes.
    @Test func oneLargeShard() throws {
        let bench = try Workbench(shards: 1, maker: try largeMatrices(experts: 72))
        let size =
            try FileManager.default.attributesOfItem(atPath: bench.source + "/model.safetensors")[.size]
            as? Int ?? 0
        #expect(size > 2_000_000_000)
        let run = try MeasuredRun(Repository.program("ingot"), bench.arguments(["--quiet"]))
        #expect(run.exit == 0)
        #expect(run.peakBytes > 8 << 20)
        #expect(run.peakBytes <= Self.limit, "\(run.peakBytes >> 20) MiB")
        report("quantise one shard of \(size) bytes", run)
    }

    @Test(arguments: ["1", "4", "16"]) func anyJobs(_ jobs: String) throws {
        let bench = try Workbench(shards: 16, maker: try largeMatrices())
        let run = try MeasuredRun(
            Repository.program("ingot"), bench.arguments(["--quiet", "--jobs", jobs]))
        #expect(run.exit == 0)
        #expect(run.peakBytes > 8 << 20)
        #expect(run.peakBytes <= Self.limit, "\(run.peakBytes >> 20) MiB")
        report("quantise with --jobs \(jobs)", run)
    }

    /// All of Ling-flash-2.0: 24,161 tensors in 22 shards, 206 GB of holes.
    @Test func planOfTheWholeModel() throws {
        var maker = try CheckpointMaker("Fixtures/configs/ling-flash-2.0.json")
        maker.isSparse = true
        #expect(maker.inventory.entries.count == 24_161)
        let bench = try Workbench(shards: 22, maker: maker)
        let run = try MeasuredRun(
            Repository.program("ingot"), bench.arguments(["--dry-run", "--json", "--replace"]))
        // The output may well not fit on this disk; the plan is made all the same.
        #expect(run.exit == 0 || run.output.contains("OUT-007"), "\(run.output.prefix(2000))")
        #expect(run.peakBytes > 8 << 20)
        #expect(run.peakBytes <= Self.limit, "\(run.peakBytes >> 20) MiB")
        report("plan of Ling-flash-2.0", run)
    }

    /// As many tensors as Ling-flash-2.0 has, each a fraction of the size: the plan and the buffers together.
    @Test func asManyTensorsAsTheWholeModel() throws {
        var maker = try CheckpointMaker(
            "Fixtures/configs/ling-flash-2.0.json",
            [
                "hidden_size": 256, "moe_intermediate_size": 64, "moe_shared_expert_intermediate_size": 64,
                "intermediate_size": 8192, "vocab_size": 65_536, "eos_token_id": 5, "pad_token_id": 5,
            ])
        maker.isSparse = true
        #expect(maker.inventory.entries.count == 24_161)
        let bench = try Workbench(shards: 22, maker: maker)
        let run = try MeasuredRun(Repository.program("ingot"), bench.arguments(["--quiet"]))
        #expect(run.exit == 0)
        #expect(run.peakBytes > 8 << 20)
        #expect(run.peakBytes <= Self.limit, "\(run.peakBytes >> 20) MiB")
        report("quantise 24,161 tensors", run)
    }

    private func report(_ what: String, _ run: MeasuredRun) {
        print("\(what): \(run.peakBytes >> 10) KiB, \(String(format: "%.2f", run.seconds)) s")
    }
}
