// ingot run: the whole chain, from a recipe.

import ArgumentParser
import Checkpoints
import Diagnostics
import Documents
import Workbench

/// Runs a recipe.
struct RunChain: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run the whole chain: validate, calibrate, quantise, draft, verify, shard, publish.",
        usage: """
            ingot run RECIPE.json --output DIR
            ingot run NAME --checkpoint DIR --output DIR [--set verify.data=FILE]
            ingot run RECIPE.json --plan
            ingot run --init CHECKPOINT --target ENGINE/DEVICE > RECIPE.json
            """,
        discussion: """
            A recipe says which stages there are and what each is to do; what it leaves out is the default of the \
            stage's own command. The chain ends at the first gate that fails. The same command again goes on \
            where it stopped: a stage whose inputs and plan are unchanged is not done again.

            In the output: a folder for each thing that was made, stages/ with the record and the log of each \
            stage, pages/, report.html and report.json.

            Example:
              ingot run h200-fp8 --checkpoint Ling-flash-2.0 --output out/h200 --plan
            """)

    @Argument(
        help: "The path of a recipe, or the name of one of the program's own.", completion: .recipes)
    var recipe: String?

    @Option(
        name: .customLong("init"),
        help: ArgumentHelp("Print a recipe for a checkpoint.", valueName: "checkpoint"),
        completion: .directory)
    var initial: String?

    @Option(
        help: ArgumentHelp("The source, in place of the recipe's.", valueName: "folder"),
        completion: .directory)
    var checkpoint: String?

    @Option(
        help: ArgumentHelp(
            "The engine and the device, in place of the recipe's: vllm-0.33.0/h20-96g.",
            valueName: "engine/device"), completion: .targets)
    var target: String?

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("Set a key of the recipe. May be repeated.", valueName: "section.key=value"))
    var settings: [String] = []

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "The folder of the run; the one of an earlier run is gone on with.", valueName: "folder"),
        completion: .directory)
    var output: String?

    @Flag(
        name: [.customLong("plan"), .customLong("dry-run")],
        help: "Print the stages with bytes, time, memory and disk; do nothing.")
    var plan = false

    @Option(
        help: ArgumentHelp(
            "Threads that multiply; the processors of the machine by default.", valueName: "count"))
    var threads: Int?

    @Option(
        help: ArgumentHelp(
            "Weights kept in memory, such as 8GiB, half of the machine's by default.", valueName: "size"))
    var memory: ByteSize?

    @Option(help: ArgumentHelp("Files converted at a time.", valueName: "count"))
    var jobs = 1

    @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

    func validate() throws {
        guard (1...64).contains(jobs) else { throw ValidationError("--jobs takes a number from 1 to 64") }
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("--threads takes a number from 1 to 1,024")
        }
        guard (recipe == nil) != (initial == nil) else {
            throw ValidationError("give a recipe, or --init CHECKPOINT to make one")
        }
        if initial == nil, !plan, output == nil {
            throw ValidationError("--output takes the folder of the run")
        }
        for setting in settings where RecipeSetting(setting) == nil {
            throw ValidationError("--set takes SECTION.KEY=VALUE, not \(setting)")
        }
    }

    func run() throws {
        try options.report("run") { () throws(Failure) in
            stopOnSignals()
            if let initial { return try start(initial) }
            let plan = try RunPlan(
                try Recipe.read(recipe ?? "", settings: allSettings),
                pace: RunPlan.Pace(
                    threads: threads, memory: memory?.bytes, jobs: jobs))
            let folder = RunFolder(output ?? "out/\(plan.recipe.name)")
            if self.plan {
                let resolved = try ResolvedPlan(plan, folder: folder)
                return CommandResult(
                    text: resolved.text, document: resolved.document, findings: resolved.findings,
                    exit: resolved.findings.first { $0.level == .error }?.code.exit ?? .done)
            }
            let resolved = try ResolvedPlan(plan, folder: folder)
            try resolved.findings.throwErrors()
            return try perform(resolved)
        }
    }

    private var allSettings: [RecipeSetting] {
        var all = settings.compactMap(RecipeSetting.init)
        if let checkpoint { all.append(RecipeSetting(path: ["checkpoint"], value: .string(checkpoint))) }
        if let target { all.append(RecipeSetting(path: ["target"], value: .string(target))) }
        return all
    }

    private func start(_ checkpoint: String) throws(Failure) -> CommandResult {
        let opened = try OpenedCheckpoint(checkpoint)
        let document = try Recipe.initial(
            checkpoint: absolute(checkpoint, from: workingFolder()), target: target,
            isQuantised: opened.quantised.layout.fp8 != nil, dataBytes: opened.checkpoint.dataBytes,
            settings: settings.compactMap(RecipeSetting.init))
        return CommandResult(text: document.text(), document: document, findings: opened.findings)
    }

    private func perform(_ resolved: ResolvedPlan) throws(Failure) -> CommandResult {
        let result = try ChainRun(resolved).run(
            ChainProgress(isQuiet: options.quiet, style: options.progress), options.sink)
        let report = RunReport(result)
        try report.write()
        var findings = resolved.findings
        var exit = ExitStatus.done
        if let stopper = result.stopper {
            let (own, status) = told(stopper, result)
            (findings, exit) = (findings + own, status)
        }
        let page = result.folder.file(RunFolder.pageName)
        var lines = [report.text, ""]
        lines.append(report.isComplete ? "complete: \(page)" : "not complete: \(page)")
        return CommandResult(
            text: lines.joined(separator: "\n"), document: report.document, findings: findings, exit: exit)
    }

    /// What a stage that ended the chain found, and what to do.
    private func told(_ outcome: StageOutcome, _ result: ChainResult) -> ([Finding], ExitStatus) {
        let name = outcome.stage.name.rawValue
        var status = ExitStatus.ourFault
        var end = Finding(
            .error, .stageFailed, "the stage \(name) ends the chain",
            file: result.folder.file(
                RunFolder.log(of: outcome.stage.name)), expected: "exit status 0",
            remedy: "mend what it says, then give the same command again; by hand: "
                + outcome.stage.line(in: result.folder.path))
        switch outcome.end {
        case .stopped:
            status = .stopped
            end = Finding(
                .error, .chainStopped, "the chain was stopped in the stage \(name)", file: result.folder.path,
                found: "what is sealed is kept", remedy: "give the same command again: \(again)")
        case .failed(let code):
            status = ExitStatus(rawValue: code) ?? .ourFault
            end.found = code > 128 ? "ended by signal \(code - 128)" : "exit status \(code)"
        case .done, .reused: break
        }
        let report = RunReport(result).stages.first { $0.name == outcome.stage.name }
        let own = (report?.findings ?? []).compactMap { Finding($0, exit: status) }.filter {
            $0.level == .error
        }
        return (own + [end], status)
    }

    private var again: String {
        (["ingot"] + CommandLine.arguments.dropFirst()).map(shellWord).joined(separator: " ")
    }
}
