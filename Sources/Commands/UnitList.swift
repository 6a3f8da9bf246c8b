// ingot unit list: what a plan's units are, and how far they are.

import ArgumentParser
import Checkpoints
import Diagnostics
import Documents

/// Lists the units of a plan.
struct UnitList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the units of a plan with their bytes, and which are sealed.",
        usage: "ingot unit list plan.json",
        discussion: """
            A sealed unit has a line; its files are not read. `ingot unit merge` reads them.

            Example:
              ingot unit list plan.json
            """)

    @OptionGroup var file: UnitPlanArgument
    @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

    func run() throws {
        try options.report("unit list") { () throws(Failure) in
            let taken = try TakenPlan(file.plan, jobs: nil, progress: SilentProgress())
            let plan = taken.task.file
            let sealed: [Bool]
            let state: String
            switch try taken.work.stage(taken.task) {
            case .open: (sealed, state) = (taken.work.sealedUnits(), "open")
            case .complete: (sealed, state) = (plan.units.map { _ in true }, "complete")
            case .gone: (sealed, state) = (plan.units.map { _ in false }, "gone")
            }
            var table = TextTable(["unit", "bytes read", "bytes written", "sealed"], numeric: [1, 2])
            for (unit, sealed) in zip(plan.units, sealed) {
                table.add([unit.key, grouped(unit.read), grouped(unit.written), sealed ? "yes" : "no"])
            }
            let count = sealed.count { $0 }
            return CommandResult(
                text: table.text + "\n\(plan.stage) to \(plan.output), \(state): "
                    + "\(grouped(count)) of \(grouped(plan.units.count)) units sealed",
                document: [
                    "output": .string(plan.output), "plan_sha256": .string(plan.digest),
                    "stage": .string(plan.stage), "state": .string(state), "sealed": .integer(count),
                    "units": .array(
                        zip(plan.units, sealed).map { unit, sealed in
                            [
                                "key": .string(unit.key), "read": .integer(unit.read),
                                "written": .integer(unit.written), "sealed": .bool(sealed),
                            ]
                        }),
                ])
        }
    }
}
