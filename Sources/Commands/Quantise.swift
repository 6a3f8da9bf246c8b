// ingot quantise: a checkpoint becomes an FP8 artefact.

import Architectures
import ArgumentParser
import Calibration
import Checkpoints
import Diagnostics
import Documents
import Quantisation

/// Quantises a checkpoint.
struct Quantise: UnitCommand {
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
    @OptionGroup(title: OutputOptions.title) var units: UnitOptions
    @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

    func validate() throws {
        guard outline == nil || output.dryRun else { throw ValidationError("--outline goes with --dry-run") }
    }

    func run() throws {
        try options.report("quantise") { () throws(Failure) in
            stopOnSignals()
            return try planned().perform(self, units: units)
        }
    }

    func planned() throws(Failure) -> any PlannedWork {
        let opened = try OpenedCheckpoint(checkpoint)
        let (asked, findings) = try choice.request(opened.inventory, hasCacheScales: kvScales)
        let bought = try keepBudget.spend(on: asked, opened.inventory)
        let request = try calibrated(bought?.request ?? asked, opened)
        let split = splitGroups(request, opened.inventory)
        try split.throwErrors()
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
        return planned(run, notes: opened.findings + findings + split) { result, seconds in
            let report = QuantisationReport(
                plan: plan, inventory: opened.inventory, request: request, bought: bought,
                result: result, output: output.folder.path, seconds: seconds, verbose: options.verbose)
            return (report.text, report.document)
        }
    }

    /// What engines fuse and this request stores in two ways: an error where the target is such an engine.
    private func splitGroups(_ request: QuantisationRequest, _ inventory: TensorInventory) -> [Finding] {
        let split = request.splitGroups(inventory)
        guard let first = split.first else { return [] }
        let isFused = choice.target.map { !$0.hasPrefix("transformers") } ?? false
        return [
            Finding(
                isFused ? .error : .warning, .groupSplit,
                "engines fuse these matrices, and they would be stored in two ways",
                tensor: "\(first.group.name), in all \(grouped(split.count)) groups",
                expected: "\(first.kept.name) and \(first.quantised.name) alike",
                found: "\(first.kept.name) kept, \(first.quantised.name) quantised",
                remedy: "keep all of \(first.group.part.rawValue), or none of it")
        ]
    }
}

extension UnitCommand {
    /// A conversion with its report.
    func planned(
        _ run: ConversionRun, notes: [Finding],
        report: @escaping (ConversionResult, Double) -> (String, JSONValue)
    ) -> any PlannedWork {
        let path = run.units.output.path
        return PlannedRun(run: run.units, notes: notes) {
            let summary = PlanSummary(plan: run.plan, output: path)
            return (summary.text, summary.document)
        } report: { result, seconds in
            guard let result else { return .nothingLeft(path) }
            let (text, document) = report(ConversionResult(result), seconds)
            return CommandResult(text: text, document: document)
        }
    }
}

extension CommandResult {
    /// A run that was killed after its last step has nothing left to do but to tidy up.
    static func nothingLeft(_ output: String) -> CommandResult {
        CommandResult(
            text: "\(output) is complete: nothing to resume",
            document: ["output": .string(output), "complete": true])
    }
}
