// ingot calibrate: what do the activations say?

import ArgumentParser
import Backends
import Calibration
import Checkpoints
import Diagnostics
import Documents
import Quantisation

/// Records statistics of activations.
struct Calibrate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Run texts through a checkpoint and record what its weights meet: ranges, moments, coverage.",
        usage: "ingot calibrate CHECKPOINT --data FILE.jsonl --output FOLDER [--report FILE.html]",
        discussion: """
            Every text is read once, in batches that fit --memory. The output is a folder with calibration.json and \
            calibration.safetensors. Statistics are maxima, counts and exact sums: they depend neither on the \
            batches nor on the number of threads where the backend's own numbers do not.
            """)

    @Argument(help: "The folder of the checkpoint.")
    var checkpoint: String

    @Option(help: ArgumentHelp("JSONL rows of conversations, text or tokens.", valueName: "file"))
    var data: String

    @Option(name: .shortAndLong, help: "The folder to make. It appears when it is whole.")
    var output: String

    @Option(
        help: ArgumentHelp(
            "What to record, with commas between: \(Observer.allCases.map(\.rawValue).joined(separator: ", ")).",
            valueName: "list"))
    var observe: String?

    @Flag(help: "Show every expert every token, for the statistics only; the model's numbers stay the same.")
    var allExperts = false

    @Flag(help: "Run the multi-token prediction layer too, where the model has one.")
    var prediction = false

    @Option(help: "Tokens that every expert should have met; fewer is a warning.")
    var least = 128

    @Flag(help: "Go on with the unfinished work of an earlier run of the same command.")
    var resume = false

    @Flag(help: "Put the new calibration in the place of the one that stands at the output.")
    var replace = false

    @Option(help: ArgumentHelp("Write the report as one HTML file.", valueName: "file"))
    var report: String?

    @OptionGroup var backend: BackendOptions
    @OptionGroup var options: ReportOptions

    func validate() throws {
        guard least >= 0 else { throw ValidationError("--least takes a number from 0") }
        guard !output.isEmpty else { throw ValidationError("--output takes the path of a folder") }
    }

    func run() throws {
        try options.report("calibrate") { () throws(Failure) in
            stopOnSignals()
            let folder = CalibrationRun.output(output, policy: .init(resume: resume, replace: replace))
            let plan = try CalibrationPlan(
                CalibrationRequest(
                    checkpoint: checkpoint, data: data,
                    observers: try observe.map(Observer.list) ?? Set(Observer.allCases),
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
            let clock = ContinuousClock()
            let start = clock.now
            let result = try run.run()
            let report = CalibrationReport(
                head: plan.head, configuration: plan.configuration, state: result.state, least: least)
            if let path = self.report { try report.write(to: path) }
            let seconds = (clock.now - start) / .seconds(1)
            return CommandResult(
                text: report.text(isVerbose: options.verbose) + "\n\n"
                    + ending(folder.path, result, plan.batches.count, seconds),
                document: report.document, findings: report.findings)
        }
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
