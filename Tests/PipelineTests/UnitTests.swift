// Units: whoever does them, whenever they are killed, the output is that of one process.

import Checkpoints
import Foundation
import TestSupport
import Testing

@Suite(.serialized) struct UnitTests {
    /// What can be done in units, and the shares it is done in.
    private static let commands: [(String, [String], Int)] = [
        ("quantise", ["quantise", "SOURCE", "--scheme", "fp8-block"], 5),
        ("dequantise", ["dequantise", "FP8"], 2),
        ("ranks", ["shard", "SOURCE", "--topology", "tp2-ep2", "--form", "ranks"], 3),
        ("hf", ["shard", "SOURCE", "--topology", "tp2-ep2", "--file-size", "4MB"], 7),
        ("deepseek-mp", ["shard", "SOURCE", "--topology", "tp2-ep2", "--form", "deepseek-mp"], 2),
        ("gather", ["shard", "gather", "RANKS"], 3),
        (
            "publish",
            [
                "publish", "prepare", "FP8", "--base-model", "acme/base", "--license", "apache-2.0",
                "--license-file", Repository.path("LICENSE"), "--shard-size", "4MB", "--bom",
            ], 4
        ),
    ]

    /// What nobody sealed is not in the output, and a link in a file's place is no file.
    @Test func strangersInThePartialFolderAreNotSealed() throws {
        let bench = try Workbench()
        let shared = try SharedPlan.quantisation(bench)
        #expect(try shared.ingot(shared.command + ["--output", "out"]).exit == 0)
        let reference = try deepDigest(shared.output)
        try FileManager.default.removeItem(atPath: shared.output)
        #expect(try shared.open().exit == 0)
        #expect(try shared.work("--index", "0", "--count", "1").exit == 0)
        let partial = shared.output + ".partial"
        try Data("x".utf8).write(to: URL(fileURLWithPath: partial + "/model-00010-of-00009.safetensors"))
        try FileManager.default.createDirectory(
            atPath: partial + "/notes", withIntermediateDirectories: false)
        #expect(try shared.merge().exit == 0)
        try shared.expectWhole(reference)

        try FileManager.default.removeItem(atPath: shared.output)
        #expect(try shared.open("--replace").exit == 0)
        #expect(try shared.work("--index", "0", "--count", "1").exit == 0)
        let shard = try #require(
            try FileManager.default.contentsOfDirectory(atPath: partial).first {
                $0.hasSuffix(".safetensors")
            })
        let away = bench.folder.path("away")
        try FileManager.default.moveItem(atPath: partial + "/" + shard, toPath: away)
        try FileManager.default.createSymbolicLink(atPath: partial + "/" + shard, withDestinationPath: away)
        let merged = try shared.merge()
        #expect(merged.exit != 0 && merged.errors.contains(shard), "\(merged.errors)")
    }

    @Test func bytesAreThoseOfOneProcess() throws {
        let bench = try Workbench()
        let fp8 = bench.folder.path("fp8")
        let ranks = bench.folder.path("ranks")
        for words in [
            ["quantise", bench.source, "--output", fp8],
            ["shard", bench.source, "--topology", "tp2-ep2", "--form", "ranks", "--output", ranks],
        ] { #expect(try ProgramRun(Repository.program("ingot"), words).exit == 0) }
        let places = ["SOURCE": bench.source, "FP8": fp8, "RANKS": ranks]
        for (name, words, count) in Self.commands {
            let shared = try SharedPlan(words.map { places[$0] ?? $0 })
            // A release of random weights without a tokenizer is made, and its check says no.
            let expected: Int32 = name == "publish" ? 1 : 0
            let single = try shared.ingot(shared.command + ["--output", "out"])
            #expect(single.exit == expected, "\(name): \(single.errors)")
            let reference = try deepDigest(shared.output)
            try FileManager.default.removeItem(atPath: shared.output)
            let opened = try shared.open()
            #expect(opened.exit == 0, "\(name): \(opened.errors)")
            #expect(!FileManager.default.fileExists(atPath: shared.output), "\(name)")
            for index in 0..<count {
                let run = try shared.work("--index", "\(index)", "--count", "\(count)")
                #expect(run.exit == 0, "\(name): \(run.errors)")
            }
            let merged = try shared.merge()
            #expect(merged.exit == expected, "\(name): \(merged.errors)")
            try shared.expectWhole(reference, "\(name)")
            // Once more, and a worker that comes late: there is nothing to do.
            #expect(try shared.merge().exit == 0, "\(name)")
            let late = try shared.work("--index", "0", "--count", "1")
            #expect(late.exit == 0 && late.output.contains("out is complete"), "\(name): \(late.output)")
            try shared.expectWhole(reference, "\(name)")
        }
    }

    @Test func killedWorkersAndAMerge() throws {
        let bench = try Workbench()
        let reference = try bench.reference()
        let shared = try SharedPlan.quantisation(bench)
        #expect(try shared.open().exit == 0)
        var generator = SeededGenerator(seed: 11)
        var killed = 0
        // At least 40; more where the machine lets workers end before their kill.
        for attempt in 0..<400 where attempt < 40 || killed == 0 {
            let run = try shared.start("--index", "\(attempt % 2)", "--count", "2")
            usleep(UInt32(15_000 + attempt % 40 * 2500) + UInt32(generator.next() % 40_000))
            run.send(SIGKILL)
            if try run.wait().exit == 128 + SIGKILL { killed += 1 }
        }
        #expect(killed > 0)
        #expect(try shared.work("--index", "0", "--count", "2", "--jobs", "3").exit == 0)
        let run = try shared.work("--index", "1", "--count", "2")
        #expect(run.exit == 0, "\(run.errors)")
        let merge = try StartedProgram(
            Repository.program("ingot"), ["unit", "merge", "plan.json"], in: shared.folder.path)
        usleep(30_000)
        merge.send(SIGKILL)
        _ = try merge.wait()
        let merged = try shared.merge()
        #expect(merged.exit == 0, "\(merged.errors)")
        try shared.expectWhole(reference)
    }

    /// Files in the making are of the size of a shard: whoever comes later clears away those of dead workers, and
    /// no others.
    @Test func deadWorkersAreClearedAway() throws {
        // A worker can end before it is frozen, where the machine is busy: then all begins again.
        var begun = 0
        repeat { begun += 1 } while try !deadWorkerIsClearedAway() && begun < 20
        #expect(begun < 20)
    }

    /// - Returns: false where a worker ended before it was frozen.
    private func deadWorkerIsClearedAway() throws -> Bool {
        let bench = try Workbench(shards: 1, maker: try largeMatrices())
        let shared = try SharedPlan.quantisation(bench)
        #expect(try shared.open().exit == 0)
        let making = { try names(in: shared.lines).filter { $0.contains("-") } }
        func frozen() throws -> StartedProgram? {
            let before = Set(try making())
            let worker = try shared.start("--index", "0", "--count", "1")
            while worker.isRunning, before.isSuperset(of: try making()) { usleep(100) }
            worker.send(SIGSTOP)
            usleep(2000)
            if !before.isSuperset(of: try making()) { return worker }
            worker.send(SIGCONT)
            _ = try worker.wait()
            return nil
        }
        guard let dead = try frozen() else { return false }
        dead.send(SIGKILL)
        _ = try dead.wait()
        let left = try making()
        #expect(left.count == 1, "\(left)")
        guard let living = try frozen() else { return false }
        let other = try making().filter { !left.contains($0) }
        #expect(try making() == other && other.count == 1, "the dead worker's file is not cleared away")
        #expect(try shared.work("--index", "0", "--count", "1").exit == 0)
        #expect(try making() == other, "the living worker's file is gone")
        living.send(SIGCONT)
        let woken = try living.wait()
        #expect(woken.exit == 0, "\(woken.errors)")
        #expect(try making().isEmpty)
        #expect(try shared.merge().exit == 0)
        return true
    }

    @Test func twoWorkersOnEveryUnitAtOnce() throws {
        let bench = try Workbench()
        let shared = try SharedPlan.quantisation(bench)
        #expect(try shared.open().exit == 0)
        let workers = try (0..<3).map { _ in try shared.start("--index", "0", "--count", "1") }
        for worker in workers {
            let run = try worker.wait()
            #expect(run.exit == 0, "\(run.errors)")
        }
        #expect(try shared.merge().exit == 0)
        try shared.expectWhole(try bench.reference())
    }

    /// A worker that is frozen in the middle of a unit, goes on after the merge.
    @Test func workerThatWakesUpAfterTheMerge() throws {
        let bench = try Workbench()
        let shared = try SharedPlan.quantisation(bench)
        #expect(try shared.open().exit == 0)
        let sleeper = try shared.start("--index", "0", "--count", "1")
        while sleeper.isRunning, try names(in: shared.lines).isEmpty { usleep(200) }
        sleeper.send(SIGSTOP)
        #expect(try shared.work("--index", "0", "--count", "1").exit == 0)
        #expect(try shared.merge().exit == 0)
        sleeper.send(SIGCONT)
        let woken = try sleeper.wait()
        #expect(woken.exit == 0, "\(woken.errors)")
        try shared.expectWhole(try bench.reference())
    }

    @Test func oneProcessGoesOnFromUnits() throws {
        let bench = try Workbench()
        let shared = try SharedPlan.quantisation(bench)
        #expect(try shared.open().exit == 0)
        #expect(try shared.work("--index", "1", "--count", "3").exit == 0)
        let run = try shared.ingot(shared.command + ["--output", "out", "--resume"])
        #expect(run.exit == 0 && run.output.contains("4 of them sealed by an earlier run"), "\(run.output)")
        try shared.expectWhole(try bench.reference())
    }

    @Test func unitsGoOnFromOneProcess() throws {
        let bench = try Workbench()
        try bench.killAfterSeal()
        let plan = bench.folder.path("plan.json")
        let opened = try bench.run("--resume", "--units", plan)
        #expect(opened.exit == 0 && opened.output.contains("sealed by an earlier run"), "\(opened.output)")
        let program = Repository.program("ingot")
        #expect(try ProgramRun(program, ["unit", "run", plan, "--index", "0", "--count", "1"]).exit == 0)
        #expect(try ProgramRun(program, ["unit", "merge", plan]).exit == 0)
        try FileManager.default.removeItem(atPath: plan)
        try bench.expectWhole(try bench.reference())
    }

    /// The artefact that stands at the output stands until the merge.
    @Test func replacing() throws {
        let bench = try Workbench()
        let shared = try SharedPlan.quantisation(bench)
        let old = try shared.ingot(
            ["quantise", bench.source, "--scheme", "fp8-channel", "--output", "out"])
        #expect(old.exit == 0)
        #expect(try shared.open().errors.contains("OUT-001"))
        let before = try deepDigest(shared.output)
        #expect(try shared.open("--replace").exit == 0)
        #expect(try shared.work("--index", "0", "--count", "1").exit == 0)
        #expect(try deepDigest(shared.output) == before)
        #expect(try shared.merge().exit == 0)
        try shared.expectWhole(try bench.reference())
        #expect(try shared.merge().exit == 0)
    }
}
