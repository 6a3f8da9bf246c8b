// Work that a command has planned and not begun: done whole, shown as a dry run, or done in units by several
// processes. Every command that writes weights ends here.

import ArgumentParser
import Checkpoints
import Diagnostics
import Documents
import Quantisation

/// A command whose work is a plan of units.
protocol UnitCommand: ParsableCommand {
    var output: OutputOptions { get }
    var options: ReportOptions { get }
    /// Opens what the command names and plans from headers; writes nothing.
    func planned() throws(Failure) -> any PlannedWork
}

/// Planned work of any kind.
protocol PlannedWork {
    /// Does what the command's own options ask for: everything, a dry run, or a plan for others.
    func perform(_ command: some UnitCommand, units: UnitOptions) throws(Failure) -> CommandResult
    /// What `plan.json` says of this work.
    func document(arguments: [String], folder: String) throws(Failure) -> UnitPlanFile
    func stage(_ task: UnitTask) throws(Failure) -> UnitStage
    func gone(_ found: String) -> Failure
    func work(_ units: [Int], _ task: UnitTask) throws(Failure) -> UnitWork
    func merge(_ task: UnitTask) throws(Failure) -> CommandResult
    /// Which units are sealed, by their lines.
    func sealedUnits() -> [Bool]
}

/// What a process does with a plan that others share.
struct UnitTask {
    let path: String
    let file: UnitPlanFile
    /// Units at once; nil for what the command said.
    let jobs: Int?
    let progress: any ProgressSink

    /// The command that does some units.
    func command(redoing keys: [String]) -> String {
        "ingot unit run \(shellWord(path)) " + keys.map { "--unit \(shellWord($0))" }.joined(separator: " ")
    }
}

/// Planned work of one kind of plan, with what there is to say about it.
struct PlannedRun<Plan: UnitPlan>: PlannedWork {
    let run: UnitRun<Plan>
    /// Said whatever is done.
    let notes: [Finding]
    /// What only a dry run says: what the check of the finished work would find.
    var forecast: () throws(Failure) -> [Finding] = { () throws(Failure) in [] }
    /// A dry run for people and programs.
    let summary: () -> (text: String, document: JSONValue)
    /// The report of finished work and the seconds it took; nil for work that had been finished before.
    let report: (UnitRun<Plan>.Result?, Double) throws(Failure) -> CommandResult

    func perform(_ command: some UnitCommand, units: UnitOptions) throws(Failure) -> CommandResult {
        if command.output.resume, try run.finishSeal() { return try report(nil, 0) }
        let findings = run.check()
        if command.output.dryRun {
            let forecast = try forecast()
            let (text, document) = summary()
            let isRefused = forecast.contains { $0.level == .error }
            return CommandResult(
                text: text, document: document, findings: notes + findings + forecast,
                exit: findings.first { $0.level == .error }?.code.exit ?? (isRefused ? .refused : .done))
        }
        try findings.throwErrors()
        if let path = units.units { return try open(path, notes + findings) }
        var result = try timed { () throws(Failure) in try run.run() }
        result.findings = notes + findings + result.findings
        return result
    }

    private func timed(_ body: () throws(Failure) -> UnitRun<Plan>.Result) throws(Failure) -> CommandResult {
        let clock = ContinuousClock()
        let start = clock.now
        let result = try body()
        return try report(result, (clock.now - start) / .seconds(1))
    }

    // MARK: Shared plans

    private func open(_ path: String, _ findings: [Finding]) throws(Failure) -> CommandResult {
        try checkPlanPlace(path, source: run.plan.sourceFolder, output: run.output)
        let file = try document(
            arguments: Array(CommandLine.arguments.dropFirst()), folder: workingFolder())
        let sealed = try run.open()
        do throws(Failure) { try file.write(path) } catch {
            run.abandon(sealed: sealed)
            throw error
        }
        let plan = shellWord(path)
        return CommandResult(
            text: """
                plan from \(run.plan.sourceFolder) to \(run.output.path): \(plan)
                  \(grouped(file.units.count)) unit\(file.units.count == 1 ? "" : "s"), \
                \(byteCount(file.units.reduce(0) { $0 + $1.read })) to read, \
                \(byteCount(file.units.reduce(0) { $0 + $1.written })) to write\
                \(sealed > 0 ? ", \(grouped(sealed)) sealed by an earlier run" : "")
                  each worker: ingot unit run \(plan) --index I --count N, I from 0 to N - 1
                  then once: ingot unit merge \(plan)
                """,
            document: [
                "plan": .string(path), "output": .string(run.output.path),
                "plan_sha256": .string(file.digest),
                "units": .integer(file.units.count), "sealed": .integer(sealed),
                "read_bytes": .integer(file.units.reduce(0) { $0 + $1.read }),
                "written_bytes": .integer(file.units.reduce(0) { $0 + $1.written }),
            ], findings: findings)
    }

    func document(arguments: [String], folder: String) throws(Failure) -> UnitPlanFile {
        try UnitPlanFile(run, version: ingotVersion, arguments: arguments, folder: folder)
    }

    func stage(_ task: UnitTask) throws(Failure) -> UnitStage { try run.stage(stood: task.file.stood) }

    func work(_ units: [Int], _ task: UnitTask) throws(Failure) -> UnitWork {
        try taken(task).work(units, stood: task.file.stood)
    }

    func merge(_ task: UnitTask) throws(Failure) -> CommandResult {
        switch try stage(task) {
        case .gone(let found): throw run.gone(found)
        case .complete:
            _ = try run.output.finishSeal()
            return CommandResult(
                text: "\(run.output.path) is complete: nothing to merge",
                document: ["output": .string(run.output.path), "complete": true])
        case .open:
            var result = try timed { () throws(Failure) in
                try taken(task).merge { task.command(redoing: $0) }
            }
            result.findings = notes + result.findings
            return result
        }
    }

    func gone(_ found: String) -> Failure { run.gone(found) }

    func sealedUnits() -> [Bool] { run.sealedUnits() }

    /// The run as a process of a shared plan asks for it.
    private func taken(_ task: UnitTask) -> UnitRun<Plan> {
        var run = run
        run.jobs = task.jobs ?? run.jobs
        run.progress = task.progress
        return run
    }
}
