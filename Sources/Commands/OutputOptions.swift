// Options of every command that writes an artefact.

import ArgumentParser
import Checkpoints

/// Where the output goes and what to do about what stands there.
struct OutputOptions: ParsableArguments {
    /// The title of these options in the help.
    static let title = "Output"

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("The folder to make. It appears when it is whole.", valueName: "folder"),
        completion: .directory)
    var output: String

    @Flag(help: "Check everything and print the plan; write nothing.")
    var dryRun = false

    @Flag(help: "Go on with the unfinished work of an earlier run of the same command.")
    var resume = false

    @Flag(help: "Put the new artefact in the place of the checkpoint that stands at the output.")
    var replace = false

    @Option(
        help: ArgumentHelp("Shards converted at once, as far as 64 MiB of memory go.", valueName: "count"))
    var jobs = 1

    func validate() throws {
        guard (1...64).contains(jobs) else { throw ValidationError("--jobs takes a number from 1 to 64") }
        guard !output.isEmpty else { throw ValidationError("--output takes the path of a folder") }
    }

    var folder: OutputFolder {
        OutputFolder(path: output, policy: .init(resume: resume, replace: replace))
    }
}
