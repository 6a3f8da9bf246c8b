// ingot shard gather: a folder of rank slices becomes the checkpoint it was made of.

import ArgumentParser
import Checkpoints
import Diagnostics
import Topology

/// Puts a checkpoint back.
struct ShardGather: UnitCommand {
    static let configuration = CommandConfiguration(
        commandName: "gather",
        abstract: "Put a checkpoint back from what ingot shard or an engine wrote for its ranks.",
        usage: "ingot shard gather FOLDER --output DIR",
        discussion: """
            From a folder of ranks the files come back as they were, to the last byte; every slice of every rank is \
            compared with its digest.

            Example:
              ingot shard gather ranks --output gathered
            """)

    @Argument(help: "The folder with the slices of all ranks.", completion: .directory)
    var folder: String

    @OptionGroup(title: OutputOptions.title) var output: OutputOptions
    @OptionGroup(title: OutputOptions.title) var units: UnitOptions
    @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

    func run() throws {
        try options.report("shard gather") { () throws(Failure) in
            stopOnSignals()
            return try planned().perform(self, units: units)
        }
    }

    func planned() throws(Failure) -> any PlannedWork {
        let (work, findings) = try GatherRequest(folder).plan()
        return planned(work, notes: findings, title: "\(lastComponent(folder)) gathered")
    }
}
