// What --resume takes over and what it does again; and what other runs may not touch.

import Foundation
import TestSupport
import Testing

@Suite(.serialized) struct ResumeTests {
    @Test func anotherPlanIsRefused() throws {
        let bench = try Workbench()
        let reference = try bench.reference()
        try bench.killAfterSeal()
        let before = try names(in: bench.partial)
        let other = try bench.run("--resume", scheme: "fp8-channel")
        #expect(other.exit == 73)
        #expect(other.errors.contains("OUT-006"), "\(other.errors)")
        #expect(
            try names(in: bench.partial).filter { !$0.contains(".writing") }
                == before.filter { !$0.contains(".writing") })
        #expect(try bench.run("--resume").exit == 0)
        try bench.expectWhole(reference)
    }

    @Test func unfinishedWorkIsNotStartedOverUnasked() throws {
        let bench = try Workbench()
        let reference = try bench.reference()
        try bench.killAfterSeal()
        let again = try bench.run()
        #expect(again.exit == 73)
        #expect(again.errors.contains("OUT-002"), "\(again.errors)")
        #expect(try bench.run("--replace").exit == 0)
        try bench.expectWhole(reference)
    }

    @Test(arguments: [9, 100_000]) func damagedSealedShardIsMadeAgain(_ offset: UInt64) throws {
        let bench = try Workbench()
        let reference = try bench.reference()
        try bench.killAfterSeal()
        try flipByte(bench.partial + "/model-00001-of-00012.safetensors", at: offset)
        #expect(try bench.run("--resume").exit == 0)
        try bench.expectWhole(reference)
    }

    @Test func removedSealedShardIsMadeAgain() throws {
        let bench = try Workbench()
        let reference = try bench.reference()
        try bench.killAfterSeal()
        try FileManager.default.removeItem(atPath: bench.partial + "/model-00001-of-00012.safetensors")
        #expect(try bench.run("--resume").exit == 0)
        try bench.expectWhole(reference)
    }

    @Test(arguments: ["{\"shard\":\"model-0000", "\u{0}\u{1}garbage\n", "{\"shard\":1}\n"])
    func tornJournalIsReadToItsLastWholeLine(_ tail: String) throws {
        let bench = try Workbench()
        let reference = try bench.reference()
        try bench.killAfterSeal()
        let journal = try FileHandle(
            forUpdating: URL(fileURLWithPath: bench.partial + "/" + Workbench.journal))
        try journal.seekToEnd()
        try journal.write(contentsOf: Data(tail.utf8))
        try journal.close()
        #expect(try bench.run("--resume").exit == 0)
        try bench.expectWhole(reference)
    }

    @Test func changedSourceShardIsConvertedAgain() throws {
        let bench = try Workbench(own: true)
        try bench.killAfterSeal()
        let shard = bench.source + "/model-00001-of-00012.safetensors"
        // The low bit of a weight in the last matrix.
        let size = try #require(try FileManager.default.attributesOfItem(atPath: shard)[.size] as? UInt64)
        try flipByte(shard, at: size - 2)
        #expect(try bench.run("--resume").exit == 0)
        let resumed = try folderDigest(bench.output)
        try FileManager.default.removeItem(atPath: bench.output)
        #expect(try bench.fresh() == resumed)
        #expect(try bench.reference() != resumed)
    }

    @Test func resumingFinishedWorkSaysSo() throws {
        let bench = try Workbench()
        let reference = try bench.reference()
        #expect(try bench.run().exit == 0)
        let again = try bench.run("--resume")
        #expect(again.exit == 0)
        #expect(again.output.contains("nothing to resume"))
        try bench.expectWhole(reference)
    }

    @Test(arguments: [[], ["--resume"], ["--replace"]]) func oneRunForAnOutput(_ options: [String]) throws {
        let bench = try Workbench()
        let reference = try bench.reference()
        let first = try bench.frozenAfterSeal()
        let second = try ProgramRun(Repository.program("ingot"), bench.arguments(options))
        #expect(second.exit == 73)
        #expect(second.errors.contains("OUT-003"), "\(second.errors)")
        first.send(SIGCONT)
        #expect(try first.wait().exit == 0)
        try bench.expectWhole(reference)
    }

    @Test func sameBytesWhateverTheJobs() throws {
        let bench = try Workbench()
        let reference = try bench.reference()
        for jobs in ["2", "3", "4", "7", "64"] {
            let run = try bench.run("--jobs", jobs)
            #expect(run.exit == 0, "\(jobs): \(run.errors)")
            try bench.expectWhole(reference, "--jobs \(jobs)")
            try FileManager.default.removeItem(atPath: bench.output)
        }
    }
}
