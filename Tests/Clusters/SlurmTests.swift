// The scripts of docs/scale on a real Slurm of two nodes, which slurm.sh starts on this machine and ends again.

import Foundation
import TestSupport
import Testing

@Suite(
    .enabled(
        if: Tool.hasSlurm,
        "no Slurm can be started here: root and Debian's packages slurm-wlm and munge (sh .ci/setup cluster)")
)
struct SlurmTests {
    /// Eight shards of about 110 MB, drawn: a worker is caught while it writes one.
    @Test(.timeLimit(.minutes(30))) func twoNodesMakeTheBytesOfOneProcess() throws {
        let folder = try TemporaryFolder()
        let maker = try CheckpointMaker(
            "Fixtures/configs/ling-flash-2.0.json",
            [
                "num_hidden_layers": 2, "num_experts": 16, "vocab_size": 4096, "eos_token_id": 5,
                "pad_token_id": 5,
            ])
        try maker.write(folder.path("source"), shards: 8)
        let run = try ProgramRun(
            "/bin/bash",
            [Repository.path("Tests/Clusters/slurm.sh"), Repository.program("ingot"), folder.path("source")],
            environment: ["TMPDIR": folder.path])
        print(run.output)
        #expect(run.exit == 0, "\(run.errors)\(run.output)")
        let passed = run.output.split(separator: "\n").count { $0.hasPrefix("PASS ") }
        #expect(passed == 10, "\(passed) claims hold")
    }
}
