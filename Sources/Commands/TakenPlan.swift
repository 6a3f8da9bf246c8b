// A plan taken up by another process: the file is read and compared with this program and the source, the command
// in it is parsed again and planned anew, and the two plans must be one.

import ArgumentParser
import Checkpoints
import Diagnostics
import Glibc
import Quantisation

/// A plan that was read and found to be what its command gives.
struct TakenPlan {
    let task: UnitTask
    let work: any PlannedWork

    /// Reads a plan and plans anew; the working directory of the process is then the plan's.
    ///
    /// - Throws: UNIT-001 to UNIT-005 for a plan that is not one, or not of this program, this source, this command.
    init(_ path: String, jobs: Int?, progress: any ProgressSink) throws(Failure) {
        let file = try UnitPlanFile.read(path)
        task = UnitTask(path: path, file: file, jobs: jobs, progress: progress)
        guard file.version == ingotVersion else {
            throw Failure(
                Finding(
                    .error, .unitVersionDiffers, "the plan was made by another version of this program",
                    file: path, field: "version", expected: "ingot \(file.version)",
                    found: "ingot \(ingotVersion)",
                    remedy: "use that version for every worker, or plan again with this one"))
        }
        guard chdir(file.folder) == 0 else {
            throw Failure(
                Finding(
                    .error, .unitFolderMissing, "the working directory of the plan is not on this machine",
                    file: path, field: "folder", expected: file.folder,
                    found: String(cString: strerror(errno)),
                    remedy: "mount the shared disk at the same path on every machine"))
        }
        try file.changedSources(path).throwErrors()
        work = try Self.command(file, path).planned()
        try file.check(try work.document(arguments: file.arguments, folder: file.folder), path)
    }

    private static func command(_ file: UnitPlanFile, _ path: String) throws(Failure) -> any UnitCommand {
        func malformed(_ expected: String, _ found: String) -> Failure {
            Failure(
                Finding(
                    .error, .unitPlanMalformed, "the command of the plan cannot be followed", file: path,
                    field: "arguments", expected: expected, found: found,
                    remedy: "plan again with --units; a plan is not written by hand"))
        }
        let parsed: any ParsableCommand
        do { parsed = try Ingot.parseAsRoot(file.arguments) } catch {
            throw malformed("a command of this program", Ingot.message(for: error))
        }
        guard let command = parsed as? any UnitCommand else {
            throw malformed(
                "quantise, dequantise, shard, shard gather or publish prepare",
                file.arguments.first.map { "ingot \($0)" } ?? "nothing")
        }
        return command
    }
}
