// ingot quantise: a checkpoint becomes an FP8 artefact.

import Architectures
import ArgumentParser
import Calibration
import Checkpoints
import Diagnostics
import Documents
import Quantisation

/// Quantises a checkpoint.
struct Quantise: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Quantise a checkpoint to FP8.",
        usage: "ingot quantise CHECKPOINT [--scheme NAME] [--target ENGINE/DEVICE] -o DIR",
        discussion: """
            Schemes: \(SchemeLibrary.names.joined(separator: ", ")); or the path of a scheme file. \
            `ingot profiles show fp8-block` prints one. fp8-tensor-static needs --calibration.

            A run that was stopped goes on with --resume and ends with the same bytes.

            Example:
              ingot quantise Ling-flash-2.0 --target vllm-0.33.0/h20-96g --output FP8
            """,
        aliases: ["quantize"])

    @Argument(help: "The folder of the checkpoint.", completion: .directory)
    var checkpoint: String

    @OptionGroup var choice: SchemeOptions

    @Option(
        help: ArgumentHelp(
            "The folder of `ingot calibrate`: for static scales, --kv-scales and --clip second-moment.",
            valueName: "folder"), completion: .directory)
    var calibration: String?

    @Flag(help: "Store scales of keys and values, for a cache in FP8, from the calibration.")
    var kvScales = false

    @Option(
        help: ArgumentHelp(
            "With --dry-run: make the headers of the artefact there, with no data, for `ingot shard plan`.",
            valueName: "folder"), completion: .directory)
    var outline: String?

    @OptionGroup var keepBudget: KeepBudgetOptions
    @OptionGroup(title: OutputOptions.title) var output: OutputOptions
    @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

    func validate() throws {
        guard outline == nil || output.dryRun else { throw ValidationError("--outline goes with --dry-run") }
    }

    func run() throws {
        try options.report("quantise") { () throws(Failure) in
            stopOnSignals()
            let opened = try OpenedCheckpoint(checkpoint)
            let (asked, findings) = try choice.request(opened.inventory, hasCacheScales: kvScales)
            let bought = try keepBudget.spend(on: asked, opened.inventory)
            let request = try calibrated(bought?.request ?? asked, opened)
            let planner = QuantisationPlanner(
                checkpoint: opened.checkpoint, inventory: opened.inventory, request: request)
            let plan = try planner.plan()
            if let outline {
                try FileAccess.createFolder(outline)
                try plan.writeOutline(to: outline)
            }
            let run = ConversionRun(
                plan: plan, output: output.folder, jobs: output.jobs, progress: options.sink,
                recordName: QuantisationPlanner.recordName)
            return try convert(
                run, output: output, notes: opened.findings + findings
            ) { result, seconds in
                let report = QuantisationReport(
                    plan: plan, inventory: opened.inventory, request: request, bought: bought,
                    result: result, output: output.folder.path, seconds: seconds, verbose: options.verbose)
                return (report.text, report.document)
            }
        }
    }
}

/// Checks a conversion, and unless it is a dry run does it and reports.
func convert(
    _ run: ConversionRun, output: OutputOptions, notes: [Finding],
    report: (ConversionResult, Double) -> (String, JSONValue)
) throws(Failure) -> CommandResult {
    if output.resume, let done = try alreadyDone(run) { return done }
    let findings = run.check()
    if output.dryRun {
        let summary = PlanSummary(plan: run.plan, output: run.output.path)
        let verdict = findings.first { $0.level == .error }?.code.exit ?? .done
        return CommandResult(
            text: summary.text, document: summary.document, findings: notes + findings, exit: verdict)
    }
    try findings.throwErrors()
    let clock = ContinuousClock()
    let start = clock.now
    let result = try run.run()
    let (text, document) = report(result, (clock.now - start) / .seconds(1))
    return CommandResult(text: text, document: document, findings: notes + findings)
}

/// A run that was killed after its last step has nothing left to do but to tidy up.
private func alreadyDone(_ run: ConversionRun) throws(Failure) -> CommandResult? {
    guard RecordHead.read(run.output.path, name: run.recordName)?.plan == run.plan.digest,
        try run.output.finishSeal()
    else { return nil }
    return CommandResult(
        text: "\(run.output.path) is complete: nothing to resume",
        document: ["output": .string(run.output.path), "complete": true])
}
