// The scripts of docs/scale where no cluster is: an array's tasks one by one, GNU parallel, the shell's own judge.

import Foundation
import TestSupport
import Testing

struct ScriptTests {
    /// What Slurm runs for each task, with the variables that Slurm sets.
    @Test func aTaskOfAnArrayDoesItsShare() throws {
        let site = try Site()
        let expected = try site.single()
        try site.plan()
        for share in 0..<3 {
            let run = try site.run(
                "/bin/sh", [Site.script("units.sbatch"), "plan.json", "3"],
                environment: ["SLURM_ARRAY_TASK_ID": "\(share)", "SLURM_ARRAY_JOB_ID": "7"])
            #expect(run.exit == 0, "\(run.errors)\(run.output)")
        }
        let merge = try site.run(Repository.program("ingot"), ["unit", "merge", "plan.json"])
        #expect(merge.exit == 0, "\(merge.errors)")
        #expect(try folderDigest(site.folder.path("out")) == expected)
    }

    /// The last line names the share and the command that does it again; Slurm is not asked to repeat it.
    @Test func aShareThatNoRepeatMendsIsNamed() throws {
        let site = try Site()
        let run = try site.run(
            "/bin/sh", [Site.script("units.sbatch"), "no-plan.json", "3"],
            environment: ["SLURM_ARRAY_TASK_ID": "2", "SLURM_ARRAY_JOB_ID": "7"])
        #expect(run.exit == 66, "\(run.errors)")
        let said = run.output.split(separator: "\n").last ?? ""
        #expect(
            said
                == "share 2 of 3 failed with 66; when its cause is mended: sbatch --array=2 units.sbatch no-plan.json 3"
        )
    }

    @Test func aTaskOutsideAnArraySaysHow() throws {
        let site = try Site()
        let run = try site.run("/bin/sh", [Site.script("units.sbatch"), "plan.json", "3"])
        #expect(run.exit != 0)
        #expect(run.errors.contains("submit this with --array=0-2"))
        let nothing = try site.run("/bin/sh", [Site.script("submit.sh")])
        #expect(nothing.exit == 64)
        #expect(nothing.errors.contains("submit.sh SHARES PLAN VERB ARGUMENTS"))
    }

    @Test(.enabled(if: Tool.hasParallel, "GNU parallel is not installed (Debian's package parallel)"))
    func parallelDoesAllSharesAndMerges() throws {
        let site = try Site()
        let expected = try site.single()
        try site.plan()
        try site.killOnce(share: 1)
        let run = try site.run(
            "/bin/sh", [Site.script("units-parallel.sh"), "plan.json", "4", "--jobs", "2"],
            environment: ["HOME": site.folder.path])
        #expect(run.exit == 0, "\(run.errors)\(run.output)")
        #expect(site.wasKilled)
        #expect(try folderDigest(site.folder.path("out")) == expected)
    }

    /// A share that fails each time is no reason to seal: the merge says what is missing, and with which command it
    /// is done.
    @Test(.enabled(if: Tool.hasParallel, "GNU parallel is not installed (Debian's package parallel)"))
    func parallelWithAShareThatFailsSealsNothing() throws {
        let site = try Site()
        try site.plan()
        try FileManager.default.createDirectory(
            atPath: site.folder.path("bin"), withIntermediateDirectories: true)
        let text = """
            #!/bin/sh
            case "$*" in *"--index 1 "*) exit 74 ;; esac
            exec '\(Repository.program("ingot"))' "$@"

            """
        try text.write(toFile: site.folder.path("bin/ingot"), atomically: false, encoding: .utf8)
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o755], ofItemAtPath: site.folder.path("bin/ingot"))
        let run = try site.run(
            "/bin/sh", [Site.script("units-parallel.sh"), "plan.json", "4"],
            environment: ["HOME": site.folder.path])
        #expect(run.exit != 0)
        #expect(run.errors.contains("ingot unit run"), "\(run.errors)")
        #expect(!FileManager.default.fileExists(atPath: site.folder.path("out")))
        let log = try String(contentsOfFile: site.folder.path("plan.json.joblog"), encoding: .utf8)
        #expect(log.contains("\t74\t"), "\(log)")
    }

    @Test(
        .enabled(
            if: Tool.path("shellcheck") != nil, "shellcheck is not installed (Debian's package shellcheck)"),
        arguments: [
            "docs/scale/submit.sh", "docs/scale/units.sbatch", "docs/scale/units-parallel.sh",
            "Tests/Clusters/slurm.sh",
        ])
    func theShellsJudgeHasNoObjection(_ script: String) throws {
        let run = try ProgramRun(Tool.path("shellcheck") ?? "", [Repository.path(script)])
        #expect(run.exit == 0, "\(run.output)")
    }
}
