// ingot unit run: one worker's share of a plan.

import ArgumentParser
import Checkpoints
import Diagnostics
import Documents

/// Does some units of a plan.
struct UnitRunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Do a share of a plan's units.",
        usage: """
            ingot unit run plan.json --index I --count N
            ingot unit run plan.json --unit KEY
            """,
        discussion: """
            Shares have about as many bytes each. A unit that is sealed is passed over when its files are what was \
            sealed.

            Without --index: SLURM_ARRAY_TASK_ID (less SLURM_ARRAY_TASK_MIN, of SLURM_ARRAY_TASK_COUNT), or \
            JOB_COMPLETION_INDEX with --count or JOB_COMPLETIONS.

            Example:
              ingot unit run plan.json --index 0 --count 2
            """)

    @OptionGroup var file: UnitPlanArgument

    @Option(help: ArgumentHelp("Which share, from 0.", valueName: "i"))
    var index: Int?

    @Option(help: ArgumentHelp("How many shares there are.", valueName: "n"))
    var count: Int?

    @Option(help: ArgumentHelp("Do this unit instead of a share. May be repeated.", valueName: "key"))
    var unit: [String] = []

    @Option(
        help: ArgumentHelp(
            "Units at once, as far as 64 MiB of memory go; what the plan's command says by default.",
            valueName: "count"))
    var jobs: Int?

    @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

    func validate() throws {
        if let jobs, !(1...64).contains(jobs) {
            throw ValidationError("--jobs takes a number from 1 to 64")
        }
        if !unit.isEmpty, index != nil || count != nil {
            throw ValidationError("--unit names units; --index and --count name a share: give one of them")
        }
    }

    func run() throws {
        try options.report("unit run") { () throws(Failure) in
            stopOnSignals()
            // What is wrong with the share is told before a large checkpoint is opened.
            let share =
                unit.isEmpty
                ? try UnitShareChoice(index: index, count: count, environment: UnitShareChoice.variable) : nil
            let taken = try TakenPlan(file.plan, jobs: jobs, progress: options.sink)
            let task = taken.task
            let plan = task.file
            let mine: [Int]
            if let share {
                mine = UnitShare.deal(plan.loads, count: share.count)[share.index]
            } else {
                mine = try named(plan)
            }
            let work: UnitWork
            switch try taken.work.stage(task) {
            case .gone(let found): throw taken.work.gone(found)
            case .complete: work = .late(count: mine.count)
            case .open: work = try taken.work.work(mine, task)
            }
            return result(work, mine, share, task)
        }
    }

    private func named(_ plan: UnitPlanFile) throws(Failure) -> [Int] {
        var places: [String: Int] = [:]
        for (place, unit) in plan.units.enumerated() { places[unit.key] = place }
        var chosen: Set<Int> = []
        for key in unit {
            guard let place = places[key] else {
                throw Failure(
                    Finding(
                        .error, .unitUnknown, "the plan has no such unit", file: file.plan,
                        option: "--unit \(shellWord(key))", expected: abridged(plan.units.map(\.key)),
                        found: key,
                        remedy: nearMiss(key, among: plan.units.map(\.key)).map { "--unit \(shellWord($0))" }
                            ?? "ingot unit list \(shellWord(file.plan))"))
            }
            chosen.insert(place)
        }
        return chosen.sorted()
    }

    private func result(
        _ work: UnitWork, _ mine: [Int], _ share: UnitShareChoice?, _ task: UnitTask
    ) -> CommandResult {
        let plan = task.file
        let name = share.map { "share \($0.index) of \($0.count)" } ?? "units by name"
        var object = JSONObject()
        object["output"] = .string(plan.output)
        object["plan_sha256"] = .string(plan.digest)
        object["index"] = share.map { .integer($0.index) }
        object["count"] = share.map { .integer($0.count) }
        object["units"] = .array(mine.map { .string(plan.units[$0].key) })
        object["done"] = .integer(work.done)
        object["sealed_before"] = .integer(work.sealed)
        object["bytes"] = .integer(work.bytes)
        object["complete"] = .bool(work.isComplete)
        let text =
            work.isComplete
            ? "\(plan.output) is complete: nothing to do"
            : "\(name): \(grouped(work.done)) unit\(work.done == 1 ? "" : "s") done, "
                + "\(grouped(work.sealed)) sealed before, \(byteCount(work.bytes)) of files"
        return CommandResult(text: text, document: .object(object))
    }
}
