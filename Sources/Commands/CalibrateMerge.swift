// ingot calibrate merge: runs over parts of the texts become one calibration.

import ArgumentParser
import Calibration
import Checkpoints
import Diagnostics
import Documents
import Quantisation

/// Adds calibrations.
struct CalibrateMerge: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Add calibrations of one checkpoint over different texts.",
        usage: "ingot calibrate merge RUN RUN... --output FOLDER",
        discussion: """
            The arrays are those of one run over all the texts, bit for bit. Runs of another checkpoint, with other \
            options, or over the same texts are refused.

            Example:
              ingot calibrate merge calibration-1 calibration-2 --output both
            """)

    @Argument(
        help: ArgumentHelp("The folders of `ingot calibrate`.", valueName: "run"), completion: .directory)
    var runs: [String]

    @Option(
        name: .shortAndLong, help: "The folder to make. It appears when it is whole.",
        completion: .directory)
    var output: String

    @Flag(help: "Put the new calibration in the place of the one that stands at the output.")
    var replace = false

    @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

    func validate() throws {
        guard !output.isEmpty else { throw ValidationError("--output takes the path of a folder") }
    }

    func run() throws {
        try options.report("calibrate merge") { () throws(Failure) in
            stopOnSignals()
            let merge = try CalibrationMerge(runs, tool: "ingot \(ingotVersion)")
            let folder = CalibrationRun.output(output, policy: .init(resume: false, replace: replace))
            for run in runs { try folder.check(input: run, bytes: merge.bytes).throwErrors() }
            let bytes = try merge.run(output: folder, progress: options.sink)
            let head = merge.head
            return CommandResult(
                text:
                    "merged \(grouped(runs.count)) runs on \(head.dataNames): \(grouped(head.texts)) texts, "
                    + "\(grouped(head.tokens)) tokens\nwrote \(folder.path): \(byteCount(bytes))",
                document: [
                    "output": .string(folder.path), "runs": .integer(runs.count),
                    "texts": .integer(head.texts), "tokens": .integer(head.tokens), "bytes": .integer(bytes),
                ])
        }
    }
}
