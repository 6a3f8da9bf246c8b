// ingot unit merge: the units of a plan become its output.

import ArgumentParser
import Diagnostics

/// Verifies the units of a plan and seals the output.
struct UnitMerge: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Verify every unit of a plan and seal the output.",
        usage: "ingot unit merge plan.json",
        discussion: """
            The SHA-256 of every file is taken anew and compared. Where units are missing or damaged, they are \
            named with the command that does them, and nothing is sealed; exit status 1 or 65.

            Example:
              ingot unit merge plan.json
            """)

    @OptionGroup var file: UnitPlanArgument
    @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

    func run() throws {
        try options.report("unit merge") { () throws(Failure) in
            stopOnSignals()
            let taken = try TakenPlan(file.plan, jobs: nil, progress: options.sink)
            return try taken.work.merge(taken.task)
        }
    }
}
