// What goes wrong with shared plans is named: units, files, sources, versions, plans that somebody wrote by hand.

import Checkpoints
import Documents
import Foundation
import TestSupport
import Testing

@Suite(.serialized) struct UnitMistakeTests {
    /// A plan of which all units but one are done, and the key of that one.
    private func unfinished(_ bench: Workbench) throws -> (SharedPlan, missing: String) {
        let shared = try SharedPlan.quantisation(bench)
        #expect(try shared.open().exit == 0)
        let keys = try shared.keys()
        #expect(keys.count == 12)
        for key in keys where key != keys[4] { #expect(try shared.work("--unit", key).exit == 0) }
        return (shared, keys[4])
    }

    @Test func missingAndDamagedUnitsAreNamedWithTheirCommand() throws {
        let bench = try Workbench()
        let (shared, missing) = try unfinished(bench)
        let early = try shared.merge()
        #expect(early.exit == 1 && early.errors.contains("UNIT-007"), "\(early.errors)")
        #expect(early.errors.contains("ingot unit run plan.json --unit \(missing)"))
        #expect(!FileManager.default.fileExists(atPath: shared.output))
        let list = try shared.ingot(["unit", "list", "plan.json"])
        #expect(list.exit == 0 && list.output.contains("open: 11 of 12 units sealed"), "\(list.output)")
        // A byte of another unit, too.
        let other = try shared.keys()[7]
        try flipByte(shared.partial + "/" + other, at: 5000)
        let both = try shared.merge("--json")
        #expect(both.exit == 65 && both.output.contains("UNIT-008") && both.output.contains("UNIT-007"))
        let run = try shared.work("--unit", missing, "--unit", other)
        #expect(run.exit == 0 && run.output.contains("2 units done, 0 sealed before"), "\(run.output)")
        #expect(try shared.merge().exit == 0)
        try shared.expectWhole(try bench.reference())
    }

    @Test func aLineThatLiesIsNoLine() throws {
        let bench = try Workbench()
        let (shared, missing) = try unfinished(bench)
        let lines = shared.lines
        let line = lines + "/" + (try #require(try names(in: lines).first))
        let text = try String(contentsOfFile: line, encoding: .utf8)
        for hostile in [
            "", "{", text.replacing("model-", with: "../../model-"), text.replacing("sha256", with: "sha"),
            text.replacing("\"unit\":\"", with: "\"unit\":\"x"),
            text.replacing("\"bytes\":", with: "\"bytes\":1"),
        ] {
            try hostile.write(toFile: line, atomically: true, encoding: .utf8)
            let merge = try shared.merge()
            #expect(merge.exit == 1 && merge.errors.contains("10; not "), "\(merge.errors)")
        }
        #expect(try shared.work("--index", "0", "--count", "1").exit == 0)
        #expect(missing.hasSuffix("safetensors"))
        #expect(try shared.merge().exit == 0)
        try shared.expectWhole(try bench.reference())
    }

    @Test func aChangedSourceIsRefused() throws {
        let bench = try Workbench(own: true)
        let shared = try SharedPlan.quantisation(bench)
        #expect(try shared.open().exit == 0)
        #expect(try shared.work("--index", "0", "--count", "2").exit == 0)
        let shard = bench.source + "/model-00003-of-00012.safetensors"
        let date = try #require(
            try FileManager.default.attributesOfItem(atPath: shard)[.modificationDate] as? Date)
        try FileManager.default.setAttributes(
            [.modificationDate: date.addingTimeInterval(2)], ofItemAtPath: shard)
        for run in [try shared.work("--index", "1", "--count", "2"), try shared.merge()] {
            #expect(run.exit == 65 && run.errors.contains("UNIT-003"), "\(run.errors)")
            #expect(run.errors.contains("model-00003-of-00012.safetensors"))
        }
    }

    /// On another node of a cluster a file has the same size and time, and other numbers.
    @Test func aSourceWithOtherFileNumbersIsTheSame() throws {
        let bench = try Workbench(own: true)
        let shared = try SharedPlan.quantisation(bench)
        #expect(try shared.open().exit == 0)
        #expect(try shared.work("--index", "0", "--count", "2").exit == 0)
        let copied = try ProgramRun("/bin/cp", ["-a", bench.source, bench.source + "2"])
        #expect(copied.exit == 0)
        try FileManager.default.removeItem(atPath: bench.source)
        try FileManager.default.moveItem(atPath: bench.source + "2", toPath: bench.source)
        #expect(try shared.work("--index", "1", "--count", "2").exit == 0)
        let merged = try shared.merge()
        #expect(merged.exit == 0, "\(merged.errors)")
        #expect(try deepDigest(shared.output).count == 15)
    }

    @Test func aPlanThatSomebodyWroteIsRefused() throws {
        let bench = try Workbench()
        let shared = try SharedPlan.quantisation(bench)
        #expect(try shared.open().exit == 0)
        let text = try String(contentsOfFile: shared.plan, encoding: .utf8)
        let cases: [(String, (inout JSONObject) -> Void)] = [
            ("UNIT-001", { $0["format"] = 2 }),
            ("UNIT-001", { $0["format"] = "1" }),
            ("UNIT-001", { $0["unit"] = $0["units"] }),
            ("UNIT-001", { $0["arguments"] = ["inspect", "x"] }),
            ("UNIT-001", { $0["arguments"] = ["quantise", "--nonsense"] }),
            ("UNIT-001", { $0["arguments"] = [] }),
            ("UNIT-001", { $0["units"] = [["key": "x", "read": -1, "written": 1]] }),
            ("UNIT-001", { $0["units"] = [["key": "x", "read": .real(1e300), "written": 1]] }),
            ("UNIT-002", { $0["version"] = "0.0.9" }),
            ("UNIT-003", { $0["sources"] = [["path": "/etc/passwd", "bytes": 1, "modified": "1.1"]] }),
            ("UNIT-004", { $0["sources"] = [] }),
            ("UNIT-004", { $0["plan_sha256"] = "0" }),
            ("UNIT-004", { $0["output"] = "../../elsewhere" }),
            ("UNIT-004", { $0["units"] = [["key": "../../x", "read": 1, "written": 1]] }),
            ("UNIT-005", { $0["folder"] = "/no/such/folder" }),
        ]
        for (code, change) in cases {
            try shared.rewrite(change)
            for run in [try shared.work("--index", "0", "--count", "1"), try shared.merge()] {
                #expect(run.exit == (code == "UNIT-005" ? 66 : 65), "\(run.errors)")
                #expect(run.errors.contains(code), "\(code): \(run.errors)")
            }
            try text.write(toFile: shared.plan, atomically: true, encoding: .utf8)
        }
        try shared.rewrite { plan in
            plan["unitz"] = plan["units"]
            plan["units"] = nil
        }
        #expect(try shared.merge().errors.contains("rename \"unitz\" to \"units\""))
        try "no plan".write(toFile: shared.plan, atomically: true, encoding: .utf8)
        #expect(try shared.merge().errors.contains("UNIT-001"))
        #expect(try names(in: shared.lines).isEmpty)
    }

    @Test func theWorkMustBeThere() throws {
        let bench = try Workbench()
        let shared = try SharedPlan.quantisation(bench)
        #expect(try shared.open().exit == 0)
        try FileManager.default.removeItem(atPath: shared.partial)
        for run in [try shared.work("--index", "0", "--count", "1"), try shared.merge()] {
            #expect(run.exit == 73 && run.errors.contains("UNIT-006"), "\(run.errors)")
        }
        #expect(!FileManager.default.fileExists(atPath: shared.partial))
        // Another plan has taken the place.
        #expect(try shared.open().exit == 0)
        let other = try shared.ingot(
            [
                "quantise", bench.source, "--scheme", "fp8-channel", "--output", "out", "--replace",
                "--units", "b.json",
            ])
        #expect(other.exit == 0, "\(other.errors)")
        let run = try shared.work("--index", "0", "--count", "1")
        #expect(run.exit == 73 && run.errors.contains("another plan"), "\(run.errors)")
    }

    @Test func whereAPlanMayBeWritten() throws {
        let bench = try Workbench(own: true)
        let shared = try SharedPlan.quantisation(bench)
        try "mine".write(toFile: shared.folder.path("mine.txt"), atomically: true, encoding: .utf8)
        for path in [
            bench.source + "/plan.json", shared.partial + "/plan.json", shared.output + "/plan.json",
            "no/such/folder.json", "mine.txt",
        ] {
            let run = try shared.ingot(shared.command + ["--output", "out", "--units", path])
            #expect(run.exit == 73 && run.errors.contains("UNIT-011"), "\(path): \(run.errors)")
        }
        #expect(try names(in: shared.folder.path) == ["mine.txt"])
        #expect(try shared.open().exit == 0)
        // Again only when it is asked for.
        #expect(try shared.open().errors.contains("OUT-002"))
        #expect(try shared.open("--resume").exit == 0)
    }

    @Test func sharesAndUnitsThatAreNot() throws {
        let bench = try Workbench()
        let shared = try SharedPlan.quantisation(bench)
        #expect(try shared.open().exit == 0)
        for words in [
            [], ["--index", "0"], ["--count", "2"], ["--index", "2", "--count", "2"],
            ["--index", "0", "--count", "0"], ["--index", "-1", "--count", "2"],
        ] {
            let run = try shared.ingot(["unit", "run", "plan.json"] + words)
            #expect(run.exit == 64, "\(words): \(run.errors)")
        }
        let key = try shared.keys()[0]
        let near = try shared.work("--unit", String(key.dropLast()))
        #expect(near.exit == 64 && near.errors.contains("UNIT-010"))
        #expect(near.errors.contains("--unit \(key)"), "\(near.errors)")
        #expect(try shared.work("--unit", key, "--index", "0").exit == 64)
    }

    @Test(arguments: [
        (
            ["SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_MIN": "5", "SLURM_ARRAY_TASK_COUNT": "4"],
            "share 2 of 4"
        ),
        (
            [
                "SLURM_ARRAY_TASK_ID": "9", "SLURM_ARRAY_TASK_MIN": "5", "SLURM_ARRAY_TASK_STEP": "2",
                "SLURM_ARRAY_TASK_COUNT": "3",
            ], "share 2 of 3"
        ),
        (["JOB_COMPLETION_INDEX": "1", "JOB_COMPLETIONS": "12"], "share 1 of 12"),
        (["SLURM_ARRAY_TASK_ID": "x", "SLURM_ARRAY_TASK_COUNT": "4"], "UNIT-009"),
        (["SLURM_ARRAY_TASK_ID": "4", "SLURM_ARRAY_TASK_COUNT": "4"], "UNIT-009"),
        (["JOB_COMPLETION_INDEX": "1"], "UNIT-009"),
    ])
    func schedulersSayWhichShare(_ environment: [String: String], _ says: String) throws {
        let bench = try Workbench()
        let shared = try SharedPlan.quantisation(bench)
        #expect(try shared.open().exit == 0)
        let run = try shared.work(environment: environment)
        #expect((run.output + run.errors).contains(says), "\(run.output)\(run.errors)")
        // Options win.
        let own = try shared.work("--index", "3", "--count", "12", environment: environment)
        #expect(own.exit == 0 && own.output.contains("share 3 of 12"), "\(own.errors)")
    }
}
