// ingot sensitivity: which parts of a model suffer most from a scheme.

import Architectures
import ArgumentParser
import Backends
import Checkpoints
import Diagnostics
import Documents
import Parity
import Quantisation
import ReferenceModel
import Tokenisation

/// Measures what quantising each part of a model does.
struct Sensitivity: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure what quantising each role, layer and module of a checkpoint does to its outputs.",
        usage: "ingot sensitivity CHECKPOINT --data FILE [--scheme NAME] --output FILE",
        discussion: """
            Nothing is quantised on disk: each part is encoded in memory while a pass reads the texts, and the \
            logits are compared with the model's own. The file is for `ingot quantise --keep-budget`. With \
            --judge and --keep-budget the choice is also tried on other texts, beside random ones of the same size.

            Example:
              ingot sensitivity Ling-flash-2.0 --data texts.jsonl --output damage.json
            """)

    @Argument(help: "The folder of the checkpoint.", completion: .directory)
    var checkpoint: String

    @OptionGroup var choice: SchemeOptions

    @Option(
        help: ArgumentHelp(
            "Texts to run over: JSONL rows of conversations, text or tokens.", valueName: "file"),
        completion: .rows)
    var data: String

    @Option(help: "Tokens to run over, at most; whole rows, but the last one may be cut.")
    var tokens = 4096

    @Option(
        help: ArgumentHelp("Where to write what was found.", valueName: "file"), completion: .record)
    var output: String?

    @Option(
        help: ArgumentHelp("Write the report as one HTML file.", valueName: "file"), completion: .page)
    var report: String?

    @Flag(help: "No pass for each group of modules: estimate them from roles and layers. For large models.")
    var estimateModules = false

    @Option(help: ArgumentHelp("Texts to try a budget on.", valueName: "file"), completion: .rows)
    var judge: String?

    @Option(help: ArgumentHelp("The budget to try on the texts of --judge, such as 2GB.", valueName: "size"))
    var keepBudget: ByteSize?

    @Option(
        help: ArgumentHelp("Random choices of the same size to try beside it.", valueName: "count"))
    var random = 5

    @OptionGroup(title: BackendOptions.title) var backend: BackendOptions
    @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

    func validate() throws {
        guard tokens > 0 else { throw ValidationError("--tokens takes a number above 0") }
        guard (0...100).contains(random) else {
            throw ValidationError("--random takes a number from 0 to 100")
        }
        if (judge == nil) != (keepBudget == nil) {
            throw ValidationError("--judge and --keep-budget go together")
        }
    }

    func run() throws {
        try options.report("sensitivity") { () throws(Failure) in
            stopOnSignals()
            try checkPage(report)
            let opened = try OpenedCheckpoint(checkpoint)
            let (request, findings) = try choice.request(opened.inventory)
            let costs = request.groups(opened.inventory)
            let run = try sensitivityRun(request, opened, data).withOwnMoments()
            let record = try run.record(
                model: lastComponent(checkpoint), groups: costs, measuresGroups: !estimateModules,
                backend: try BackendOptions.make(
                    backend.backend, Numerics.f32.name,
                    threads: backend.threads ?? BackendOptions.processors))
            if let output { try record.write(to: output) }
            let trial = try trial(record, request, costs, opened, run.moments)
            let found = SensitivityReport(record: record, trial: trial, output: output)
            if let report { try found.write(to: report) }
            return CommandResult(
                text: found.text(isVerbose: options.verbose), document: found.document,
                findings: opened.findings + findings)
        }
    }

    private func sensitivityRun(
        _ request: QuantisationRequest, _ opened: OpenedCheckpoint, _ file: String
    ) throws(Failure) -> SensitivityRun {
        let rows = TokenRow.cut(try TokenRow.read(file, folder: checkpoint), to: tokens)
        let configuration = opened.inventory.configuration
        try TokenRow.check(rows, vocabulary: configuration.vocabularySize, file: file)
        try TokenRow.requireText(rows, file: file)
        // Every part of the model is run through many times: as much of it as fits stays in memory.
        let weights = try CheckpointWeights(
            opened.checkpoint, opened.quantised, budget: backend.budget / 2)
        let each =
            ParitySamples.bytesPerToken(configuration) + 12 * configuration.vocabularySize
        return SensitivityRun(
            pass: ForwardPass(configuration, weights: weights, backend: try backend.makeBackend()),
            request: request, texts: rows.map(\.tokens),
            batchTokens: max(64, min(1 << 14, (backend.budget / 4) / each)), progress: options.sink)
    }

    /// Tries the budget on other texts.
    private func trial(
        _ record: SensitivityRecord, _ request: QuantisationRequest, _ costs: [ModuleCost],
        _ opened: OpenedCheckpoint, _ moments: (any InputMoments)?
    ) throws(Failure) -> BudgetTrial? {
        guard let judge, let bytes = keepBudget?.bytes else { return nil }
        let chosen = KeepBudget(bytes: bytes, among: costs, damage: record.damage)
        // What is drawn may cost what was spent, not more: the same bytes, not the same budget.
        let measured = costs.filter { record.damage[$0.group, default: 0] > 0 }
        let drawn = (0..<random).map {
            KeepBudget(bytes: chosen.extraBytes, among: measured, seed: UInt64($0 + 1))
        }
        let parts = [.all, .without(chosen.groups)] + drawn.map { QuantisedPart.without($0.groups) }
        let results = try sensitivityRun(request, opened, judge).with(moments).divergences(parts)
        return BudgetTrial(
            limit: bytes, chosen: chosen, random: drawn, plain: results[0], budgeted: results[1],
            drawn: Array(results.dropFirst(2)),
            expected: record.expectedDivergence(keeping: chosen.groups))
    }
}
