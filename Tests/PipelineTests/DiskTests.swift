// A disk that is full, read-only, or limits the size of a file. Where this process may not mount, what
// needs a mount is skipped.

import Checkpoints
import Foundation
import TestSupport
import Testing

/// A small file system in memory, unmounted with this object.
private final class SmallDisk {
    let path: String
    private let folder: TemporaryFolder

    init(megabytes: Int) throws {
        folder = try TemporaryFolder()
        path = folder.path("disk")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        let mount = try ProgramRun("/bin/mount", ["-t", "tmpfs", "-o", "size=\(megabytes)m", "none", path])
        guard mount.exit == 0 else { throw CannotMount() }
    }

    deinit { _ = try? ProgramRun("/bin/umount", ["-l", path]) }

    func makeReadOnly() throws {
        guard try ProgramRun("/bin/mount", ["-o", "remount,ro", path]).exit == 0 else { throw CannotMount() }
    }

    /// Removes a file and waits until its room is free: a child process of another test may hold it open.
    func free(_ file: String) throws {
        let size = try FileManager.default.attributesOfItem(atPath: file)[.size] as? UInt64 ?? 0
        func room() -> UInt64 {
            var status = statvfs()
            return statvfs(path, &status) == 0 ? UInt64(status.f_bavail) * UInt64(status.f_frsize) : 0
        }
        let before = room()
        try FileManager.default.removeItem(atPath: file)
        for _ in 0..<600 where room() < before + size { usleep(50_000) }
    }

    static let canMount = (try? SmallDisk(megabytes: 1)) != nil

    struct CannotMount: Error {}
}

@Suite(.serialized) struct DiskTests {
    private static let why: Comment = "this process may not mount a file system"

    @Test(.enabled(if: SmallDisk.canMount, why)) func tooSmallIsSaidBeforehand() throws {
        let disk = try SmallDisk(megabytes: 8)
        let bench = try Workbench()
        let run = try ProgramRun.ingot("quantise", bench.source, "--output", disk.path + "/out")
        #expect(run.exit == 73)
        #expect(run.errors.contains("OUT-007"), "\(run.errors)")
        #expect(try names(in: disk.path).isEmpty)
    }

    @Test(.enabled(if: SmallDisk.canMount, why)) func fullInTheMiddle() throws {
        let disk = try SmallDisk(megabytes: 80)
        let bench = try Workbench()
        let reference = try bench.reference()
        // Leaves room for some shards only; --resume trusts that the rest was there before.
        let filler = disk.path + "/filler"
        try Data(count: 60 << 20).write(to: URL(fileURLWithPath: filler))
        let run = try ProgramRun.ingot(
            "quantise", bench.source, "--output", disk.path + "/out", "--resume")
        #expect(run.exit == 73)
        #expect(run.errors.contains("FILE-008"), "\(run.errors)")
        #expect(!FileManager.default.fileExists(atPath: disk.path + "/out"))
        let left = try names(in: disk.path + "/out.partial")
        #expect(left.contains { $0.hasSuffix(".safetensors") })
        #expect(!left.contains { $0.contains(".writing") })
        try disk.free(filler)
        let resumed = try ProgramRun.ingot(
            "quantise", bench.source, "--output", disk.path + "/out", "--resume")
        #expect(resumed.exit == 0, "\(resumed.errors)")
        #expect(try folderDigest(disk.path + "/out") == reference)
        #expect(try names(in: disk.path) == ["out"])
    }

    @Test(.enabled(if: SmallDisk.canMount, why)) func readOnly() throws {
        let disk = try SmallDisk(megabytes: 8)
        try disk.makeReadOnly()
        let run = try ProgramRun.ingot(
            "quantise", Repository.checkpoint("micro"), "--output", disk.path + "/out")
        #expect(run.exit == 73)
        #expect(run.errors.contains("FILE-006"), "\(run.errors)")
        #expect(run.errors.contains("Read-only file system"))
    }

    @Test(.enabled(if: SmallDisk.canMount, why)) func mountPoint() throws {
        let disk = try SmallDisk(megabytes: 8)
        for more in ["--replace", "--resume", "--quiet"] {
            let run = try ProgramRun.ingot(
                "quantise", Repository.checkpoint("micro"), "--output", disk.path, more)
            #expect(run.exit == 73)
            #expect(run.errors.contains("OUT-005"), "\(run.errors)")
        }
    }

    /// A limit on the size of a file ends the write, not the process.
    @Test(arguments: [100, 2000]) func fileSizeLimit(_ blocks: Int) throws {
        let bench = try Workbench()
        let ingot = Repository.program("ingot")
        let run = try MeasuredRun(
            "/bin/sh",
            [
                "-c", "ulimit -f \(blocks); exec \"$0\" \"$@\"", ingot, "quantise", bench.source, "--output",
                bench.output, "--json",
            ])
        #expect(run.exit == 73, "\(run.output)")
        #expect(run.output.contains("FILE-008"), "\(run.output)")
        #expect(try names(in: bench.folder.path) == ["source"])
    }
}
