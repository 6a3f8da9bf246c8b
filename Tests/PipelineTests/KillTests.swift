// Interruption: whatever kills a run and whenever, the next one with --resume ends with the same bytes.

import Foundation
import TestSupport
import Testing

@Suite(.serialized) struct KillTests {
    @Test func killedAtAnyPointAndResumed() throws {
        let bench = try Workbench()
        let reference = try bench.reference()
        let seconds = try MeasuredRun(Repository.program("ingot"), bench.arguments(["--quiet"])).seconds
        // The time a run takes depends on what else the machine does: whenever one ends before its kill, the
        // next ones are killed earlier, until enough were hit.
        let wanted = 20
        var killed = 0
        var haste = 1.0
        for attempt in 0..<200 where killed < wanted {
            try? FileManager.default.removeItem(atPath: bench.output)
            let run = try bench.start()
            let share = (Double(attempt % wanted) + 0.5) / Double(wanted)
            usleep(UInt32(seconds * haste * share * 1e6))
            run.send(SIGKILL)
            if try run.wait().exit == 128 + SIGKILL { killed += 1 } else { haste *= 0.85 }
            let resumed = try bench.run("--resume")
            #expect(resumed.exit == 0, "attempt \(attempt): \(resumed.errors)")
            try bench.expectWhole(reference, "attempt \(attempt)")
        }
        #expect(killed >= wanted, "\(killed) runs were killed before their end")
    }

    @Test func killedAgainAndAgain() throws {
        let bench = try Workbench()
        let reference = try bench.reference()
        var generator = SeededGenerator(seed: 9)
        var kills = 0
        for attempt in 0..<200 {
            let run = try bench.start("--resume", "--jobs", "2")
            usleep(UInt32(30_000 + attempt * 1000) + UInt32(generator.next() % 60_000))
            run.send(SIGKILL)
            if try run.wait().exit == 128 + SIGKILL {
                kills += 1
            } else if kills > 0 {
                break
            } else {
                // It ended before its first kill.
                try FileManager.default.removeItem(atPath: bench.output)
            }
        }
        #expect(kills > 0)
        try bench.expectWhole(reference, "after \(kills) kills")
    }

    /// Until the new artefact is whole the old one stands, to the last byte.
    @Test func killedWhileReplacing() throws {
        let bench = try Workbench()
        let new = try bench.reference()
        let old = try bench.reference(scheme: "fp8-channel")
        #expect(old != new)
        let seconds = try MeasuredRun(Repository.program("ingot"), bench.arguments(["--quiet"])).seconds
        let points = 8
        var stood = 0
        for point in 0..<points {
            let remade = try bench.run("--replace", scheme: "fp8-channel")
            #expect(remade.exit == 0, "\(remade.errors)")
            try bench.expectWhole(old)
            let run = try bench.start("--replace")
            // Denser towards the end, where the names change.
            let share = 1.1 * (1 - pow(1 - Double(point) / Double(points), 2))
            usleep(UInt32(seconds * 1e6 * share))
            run.send(SIGKILL)
            _ = try run.wait()
            var now = try folderDigest(bench.output)
            now[Workbench.journal] = nil
            #expect(now == old || now == new, "point \(point)")
            stood += now == old ? 1 : 0
            let resumed = try bench.run("--resume", "--replace")
            #expect(resumed.exit == 0, "point \(point): \(resumed.errors)")
            try bench.expectWhole(new, "point \(point)")
        }
        #expect(stood > 0)
    }

    /// The moment between taking the name and removing what stood there before.
    @Test(arguments: [["--resume", "--replace"], ["--replace"]])
    func killedAfterTheSwap(_ options: [String]) throws {
        let bench = try Workbench()
        let new = try bench.reference()
        #expect(try bench.run(scheme: "fp8-channel").exit == 0)
        let files = FileManager.default
        try files.moveItem(atPath: bench.output, toPath: bench.partial)
        // Some of the old artefact is gone already; a file of its own must not get into the new one.
        try files.removeItem(atPath: bench.partial + "/config.json")
        try Data("old".utf8).write(to: URL(fileURLWithPath: bench.partial + "/old.txt"))
        let other = bench.folder.path("other")
        let made = try ProgramRun.ingot("quantise", bench.source, "--output", other)
        #expect(made.exit == 0)
        try files.moveItem(atPath: other, toPath: bench.output)
        try Data().write(to: URL(fileURLWithPath: bench.output + "/" + Workbench.journal))
        let run = try ProgramRun(Repository.program("ingot"), bench.arguments(options))
        #expect(run.exit == 0, "\(run.errors)")
        try bench.expectWhole(new)
    }

    @Test(arguments: [SIGINT, SIGTERM]) func askedToStop(_ signal: Int32) throws {
        let bench = try Workbench()
        let reference = try bench.reference()
        let run = try bench.frozenAfterSeal()
        run.send(signal)
        run.send(SIGCONT)
        let stopped = try run.wait()
        #expect(stopped.exit == 75, "\(stopped.errors)")
        #expect(stopped.errors.contains("OUT-008"))
        #expect(stopped.errors.contains("--resume"))
        #expect(!FileManager.default.fileExists(atPath: bench.output))
        let left = try names(in: bench.partial)
        #expect(!left.contains { $0.contains(".writing") }, "\(left)")
        let resumed = try bench.run("--resume", "--json")
        #expect(resumed.exit == 0)
        #expect(!resumed.output.contains("\"resumed_shards\": 0,"), "nothing was kept")
        try bench.expectWhole(reference)
    }

    @Test func stoppedBeforeAnythingWasSealed() throws {
        let bench = try Workbench(shards: 1, maker: try largeMatrices())
        let run = try bench.frozen { $0.contains { $0.contains(".writing") } }
        run.send(SIGINT)
        run.send(SIGCONT)
        #expect(try run.wait().exit == 75)
        #expect(try names(in: bench.folder.path) == ["source"])
        #expect(try bench.run("--resume").exit == 0)
    }
}
