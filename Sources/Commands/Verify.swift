// ingot verify: is the artefact still the model?

import Architectures
import ArgumentParser
import Backends
import Checkpoints
import Diagnostics
import Documents
import Parity
import ReferenceModel
import Tokenisation

/// Compares two sides.
struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compare two checkpoints, or one with a recorded run: is it still the model?",
        usage: "ingot verify LEFT RIGHT [--data FILE.jsonl] [--report FILE.html]",
        discussion: """
            LEFT is what is right, RIGHT is what is judged: each a checkpoint, or a recorded run (a folder with \
            golden.json and a safetensors file). Both run side by side, layer by layer, in bounded memory. Limits \
            come from a tolerance profile, chosen from what the two are unless --tolerance names one. Exit status \
            1 when a limit is broken.
            """)

    @Argument(help: "The side that is right: a checkpoint or a recorded run.")
    var left: String

    @Argument(help: "The side that is judged.")
    var right: String

    @OptionGroup var samples: ParitySampleOptions

    @Option(
        help: ArgumentHelp(
            "The limits: \(Tolerance.names(.embedded).joined(separator: ", ")), or a file.", valueName: "name"
        ))
    var tolerance: String?

    @Option(
        help: ArgumentHelp(
            "What to look at, with commas between: \(ParityCheck.allCases.map(\.rawValue).joined(separator: ", ")).",
            valueName: "list"))
    var checks: String?

    @Option(help: ArgumentHelp("Write the report as one HTML file.", valueName: "file"))
    var report: String?

    @Flag(help: "Try known faults when a limit is broken, on a large checkpoint too: each costs a pass.")
    var diagnose = false

    @Option(help: ArgumentHelp("How the left side multiplies; as --backend by default.", valueName: "name"))
    var leftBackend: String?

    @Option(help: ArgumentHelp("Whose roundings the left side has.", valueName: "name"))
    var leftNumerics = Numerics.f32.name

    @OptionGroup var backend: BackendOptions
    @OptionGroup var options: ReportOptions

    func run() throws {
        try options.report("verify") { () throws(Failure) in
            stopOnSignals()
            let (first, second) = (try side(left, isLeft: true), try side(right, isLeft: false))
            let (profile, reason) = try chooseTolerance(first, second)
            let rows = try samples.rows(first, second)
            let items = try samples.items(first, second)
            let run = ParityRun(
                left: first, right: second, rows: rows, items: items, tolerance: profile,
                checks: try chosenChecks(first, second, hasItems: !items.isEmpty),
                batchTokens: samples.batchTokens(first, second, budget: backend.budget),
                diagnoses: diagnose)
            let result = try run.run(progress: options.sink)
            let report = ParityReport(run: run, result: result, toleranceReason: reason)
            if let path = self.report { try report.write(to: path) }
            return CommandResult(
                text: report.text(isVerbose: options.verbose), document: report.document,
                findings: result.findings, exit: result.passed ? .done : .refused)
        }
    }

    // MARK: Sides

    private func side(_ path: String, isLeft: Bool) throws(Failure) -> ParitySide {
        if RecordedRun.isRecording(path) { return .recorded(try RecordedRun.open(path)) }
        let backend =
            isLeft
            ? try BackendOptions.make(
                leftBackend ?? self.backend.backend, leftNumerics,
                threads: self.backend.threads ?? BackendOptions.processors)
            : try self.backend.makeBackend()
        // Both sides keep weights between passes, and activations want their share.
        let weights = try CheckpointWeights.open(path, budget: self.backend.budget / 4)
        return .model(
            ModelSide(
                folder: path, weights: weights,
                pass: ForwardPass(weights.configuration, weights: weights, backend: backend)))
    }

    private func chooseTolerance(
        _ left: ParitySide, _ right: ParitySide
    ) throws(Failure) -> (Tolerance, String) {
        if let tolerance { return (try Tolerance.named(tolerance, .embedded), "as asked") }
        let (name, reason) = ToleranceChoice.choose(left, right)
        return (try Tolerance.named(name, .embedded), reason)
    }

    private func chosenChecks(
        _ left: ParitySide, _ right: ParitySide, hasItems: Bool
    ) throws(Failure) -> Set<ParityCheck> {
        let possible = ParityRun.possible(left, right, hasItems: hasItems)
        guard let checks else { return possible }
        var chosen: Set<ParityCheck> = []
        for word in checks.split(separator: ",") {
            let name = word.trimmingPrefix { $0 == " " }
            let names = ParityCheck.allCases.map(\.rawValue)
            guard let check = ParityCheck(rawValue: String(name)) else {
                throw Failure(
                    Finding(
                        .error, .checkImpossible, "no check of this name", option: "--checks \(checks)",
                        expected: names.joined(separator: ", "), found: String(name),
                        remedy: nearMiss(String(name), among: names).map { "did you mean \($0)?" }))
            }
            guard possible.contains(check) else {
                throw Failure(
                    Finding(
                        .error, .checkImpossible, "this check cannot be made of these two sides",
                        option: "--checks \(checks)", expected: check.requirement,
                        found: "\(left.title); \(right.title)",
                        remedy: "leave \(check.rawValue) out of --checks"))
            }
            chosen.insert(check)
        }
        return chosen
    }
}
