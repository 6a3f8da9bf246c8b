// What the tests of the scripts in docs/scale share: the scripts, the programs they need, and a checkpoint of eight
// shards with the bytes that one process makes of it.

import Documents
import Foundation
import TestSupport
import Testing

/// Programs of the machine, which may or may not be there.
enum Tool {
    /// The path of a program on PATH or among the system's own; nil where it is not installed.
    static func path(_ name: String) -> String? {
        let places = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(
            String.init)
        return (places + ["/usr/sbin", "/sbin"]).map { "\($0)/\(name)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Whether a Slurm can be started here: slurmd and munged of a test run as root.
    static let hasSlurm =
        geteuid() == 0
        && ["munged", "mungekey", "slurmctld", "slurmd", "sbatch"].allSatisfy { path($0) != nil }

    /// GNU parallel; moreutils has another program of that name.
    static let hasParallel: Bool = {
        guard let parallel = path("parallel"), let run = try? ProgramRun(parallel, ["--version"]) else {
            return false
        }
        return run.output.hasPrefix("GNU parallel")
    }()
}

/// A folder as the scripts meet it: a checkpoint, room for outputs, and `ingot` on the PATH.
struct Site {
    let folder: TemporaryFolder
    let source: String

    /// - Parameters:
    ///   - source: where the checkpoint stands in the folder.
    ///   - changes: of the micro checkpoint's config.
    init(source: String = "source", changes: [String: JSONValue?] = [:]) throws {
        folder = try TemporaryFolder()
        self.source = folder.path(source)
        try CheckpointMaker.micro(changes).write(self.source, shards: 8)
    }

    static func script(_ name: String) -> String { Repository.path("docs/scale/\(name)") }

    /// Runs a shell command with the built `ingot` on its PATH, and `bin` of this folder before it.
    func run(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws
        -> ProgramRun
    {
        let bin = URL(fileURLWithPath: Repository.program("ingot")).deletingLastPathComponent().path
        let path = [folder.path("bin"), bin, "/usr/bin", "/bin"].joined(separator: ":")
        return try ProgramRun(
            program, arguments, in: folder.path, environment: environment.merging(["PATH": path]) { $1 })
    }

    /// What one process makes of the checkpoint.
    func single() throws -> [String: String] {
        let output = folder.path("single")
        let run = try ProgramRun(
            Repository.program("ingot"),
            ["quantise", source, "--scheme", "fp8-block", "--output", output, "--quiet"])
        #expect(run.exit == 0, "\(run.errors)")
        return try folderDigest(output)
    }

    /// Writes the plan of eight units to `plan.json`, output `out`.
    func plan() throws {
        let run = try run(
            Repository.program("ingot"),
            ["quantise", source, "--scheme", "fp8-block", "--output", "out", "--units", "plan.json"])
        #expect(run.exit == 0, "\(run.errors)")
    }

    /// Puts a program called ingot before the real one: the first time that `--index` is `share` it dies as a worker
    /// that is killed does, in the middle of its work.
    func killOnce(share: Int) throws {
        try FileManager.default.createDirectory(
            atPath: folder.path("bin"), withIntermediateDirectories: true)
        try FileManager.default.createDirectory(
            atPath: folder.path("kill"), withIntermediateDirectories: true)
        let text = """
            #!/bin/sh
            case "$*" in *"--index \(share) "*)
                if rmdir '\(folder.path("kill"))' 2>/dev/null; then
                    '\(Repository.program("ingot"))' "$@" & sleep 0.01; kill -9 $!; wait $!; exit $?
                fi ;;
            esac
            exec '\(Repository.program("ingot"))' "$@"

            """
        try text.write(toFile: folder.path("bin/ingot"), atomically: false, encoding: .utf8)
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o755], ofItemAtPath: folder.path("bin/ingot"))
    }

    var wasKilled: Bool { !FileManager.default.fileExists(atPath: folder.path("kill")) }
}
