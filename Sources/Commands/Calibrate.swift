// ingot calibrate: what do the activations say?

import ArgumentParser
import Backends
import Calibration
import Checkpoints
import Diagnostics
import Documents
import Quantisation

/// Records statistics of activations, or adds what was recorded.
struct Calibrate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Record what the weights of a checkpoint meet on texts, for schemes that need it.",
        usage: """
            ingot calibrate CHECKPOINT --data FILE.jsonl --output FOLDER
            ingot calibrate merge RUN RUN... --output FOLDER
            """,
        discussion: """
            Block FP8 needs no calibration; static scales, balanced placement of experts and some searches do.

            `ingot calibrate run --help` lists the options; the word run may be left out.

            Example:
              ingot calibrate Ling-flash-2.0 --data texts.jsonl --output calibration
              ingot calibrate merge calibration-1 calibration-2 --output both
            """,
        subcommands: [CalibrateRun.self, CalibrateMerge.self], defaultSubcommand: CalibrateRun.self)
}

/// Records statistics of activations.
struct CalibrateRun: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract:
            "Run texts through a checkpoint and record what its weights meet: ranges, moments, coverage.",
        usage: "ingot calibrate CHECKPOINT --data FILE --output FOLDER [--report FILE]",
        discussion: """
            Every text is read once, in batches that fit --memory. The output is a folder with calibration.json and \
            the arrays it names. Statistics are maxima, counts and exact sums: they depend neither on the \
            batches nor on the number of threads where the backend's own numbers do not.

            Runs over parts of the texts, on one machine or many, add up: `ingot calibrate merge RUN RUN --output FOLDER`.

            Example:
              ingot calibrate Ling-flash-2.0 --data texts.jsonl --output calibration
            """)

    @Argument(help: "The folder of the checkpoint.", completion: .directory)
    var checkpoint: String

    @Option(
        help: ArgumentHelp("JSONL rows of conversations, text or tokens.", valueName: "file"),
        completion: .rows)
    var data: String

    @Option(
        name: .shortAndLong, help: "The folder to make. It appears when it is whole.",
        completion: .directory)
    var output: String

    @Option(
        help: ArgumentHelp(
            "What to record, with commas between: \(Observer.allCases.map(\.rawValue).joined(separator: ", ")).",
            valueName: "list"), completion: .observers)
    var observe: String?

    @Option(
        help: ArgumentHelp(
            "Record what this scheme can use, and nothing else. May be repeated.", valueName: "scheme"),
        completion: .schemes)
    var scheme: [String] = []

    @Flag(help: "Show every expert every token, for the statistics only; the model's numbers stay the same.")
    var allExperts = false

    @Flag(help: "Run the multi-token prediction layer too, where the model has one.")
    var prediction = false

    @Option(
        help: ArgumentHelp(
            "Tokens that every expert should have met; fewer is a warning.", valueName: "tokens"))
    var least = 128

    @Flag(help: "Check everything and print the plan; run nothing.")
    var dryRun = false

    @Flag(help: "Go on with the unfinished work of an earlier run of the same command.")
    var resume = false

    @Flag(help: "Put the new calibration in the place of the one that stands at the output.")
    var replace = false

    @Option(
        help: ArgumentHelp("Write the report as one HTML file.", valueName: "file"), completion: .page)
    var report: String?

    @OptionGroup(title: BackendOptions.title) var backend: BackendOptions
    @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

    func validate() throws {
        guard least >= 0 else { throw ValidationError("--least takes a number from 0") }
        if observe != nil, !scheme.isEmpty {
            throw ValidationError("--scheme chooses what --observe would: give one of them")
        }
        guard !output.isEmpty else { throw ValidationError("--output takes the path of a folder") }
    }

    func run() throws {
        try options.report("calibrate") { () throws(Failure) in
            stopOnSignals()
            let folder = CalibrationRun.output(output, policy: .init(resume: resume, replace: replace))
            let reasons = scheme.isEmpty ? [] : try SchemeStatistics.needed(by: scheme)
            let wanted = reasons.isEmpty ? Observer.allCases : reasons.map(\.observer)
            let plan = try CalibrationPlan(
                CalibrationRequest(
                    checkpoint: checkpoint, data: data,
                    observers: try observe.map(Observer.list) ?? Set(wanted),
                    allExperts: allExperts, predicts: prediction, memory: backend.budget,
                    tool: "ingot \(ingotVersion)"),
                backend: try backend.makeBackend())
            let run = CalibrationRun(plan: plan, output: folder, progress: options.sink)
            if resume, try run.isDone() {
                return CommandResult(
                    text: "\(folder.path) is complete: nothing to resume",
                    document: ["output": .string(folder.path), "complete": true])
            }
            try run.check().throwErrors()
            try checkPage(self.report)
            if dryRun { return self.plan(plan) }
            let clock = ContinuousClock()
            let start = clock.now
            let result = try run.run()
            let report = CalibrationReport(
                head: plan.head, configuration: plan.configuration, state: result.state, least: least,
                reasons: reasons)
            if let path = self.report { try report.write(to: path) }
            let seconds = (clock.now - start) / .seconds(1)
            return CommandResult(
                text: report.text(isVerbose: options.verbose) + "\n\n"
                    + ending(folder.path, result, plan.batches.count, seconds),
                document: report.document, findings: report.findings)
        }
    }

    /// What a dry run says.
    private func plan(_ plan: CalibrationPlan) -> CommandResult {
        let observers = Observer.allCases.filter(plan.request.observers.contains).map(\.rawValue)
        let passes = "\(grouped(plan.batches.count)) pass\(plan.batches.count == 1 ? "" : "es")"
        return CommandResult(
            text: """
                calibration of \(lastComponent(checkpoint)) with \(observers.joined(separator: ", "))
                  \(grouped(plan.head.texts)) texts in \(passes), \(byteCount(plan.stateBytes)) of statistics
                  \(output)
                """,
            document: [
                "texts": .integer(plan.head.texts), "passes": .integer(plan.batches.count),
                "output_bytes": .integer(plan.stateBytes),
                "observers": .array(observers.map(JSONValue.string)),
            ])
    }

    private func ending(
        _ folder: String, _ result: CalibrationResult, _ batches: Int, _ seconds: Double
    ) -> String {
        var line = "wrote \(folder): \(byteCount(result.bytes)) in \(decimals(seconds, 2)) s, "
        line += "\(grouped(batches)) batch\(batches == 1 ? "" : "es")"
        if result.resumed > 0 { line += ", \(grouped(result.resumed)) of them by an earlier run" }
        return line
    }
}
