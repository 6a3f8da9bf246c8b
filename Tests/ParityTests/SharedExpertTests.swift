// A model without a shared expert is one whose shared expert adds nothing.

import Documents
import Parity
import TestSupport
import Testing

struct SharedExpertTests {
    @Test func withoutOneIsWithOneThatAddsNothing() throws {
        let folder = try TemporaryFolder()
        var silent = try CheckpointDamage(Repository.checkpoint("micro"))
        try silent.edit(all: "shared_experts.down_proj") { $0 = $0.map { _ in 0 } }
        var without = try CheckpointDamage(Repository.checkpoint("micro"))
        without.config["num_shared_experts"] = 0
        without.file.tensors = without.file.tensors.filter { !$0.key.contains("shared_experts") }
        let left = ParitySide.model(try model(try silent.write(folder.path("silent"))))
        let right = ParitySide.model(try model(try without.write(folder.path("without"))))
        let result = try compare(left, right, [.forward], tolerance: "exact")
        #expect(result.differences?.outputs.largestDifference?.value == 0)
        #expect(result.differences?.layers.allSatisfy { $0.largest == 0 } == true, "\(result.told)")
        let folderWithout = folder.path("without")
        for command in [
            ["validate", folderWithout, "--deep"],
            ["shard", "plan", folderWithout, "--topology", "tp2", "--target", "vllm-0.32.0/cpu"],
        ] {
            let run = try ProgramRun(Repository.program("ingot"), command)
            #expect(run.exit == 0, "\(run.errors)")
        }
        // Where the config has one, its tensors are missed.
        without.config["num_shared_experts"] = 1
        let lost = try ProgramRun.ingot("validate", try without.write(folder.path("lost")))
        #expect(lost.exit != 0 && lost.errors.contains("shared_experts"), "\(lost.errors)")
    }
}
