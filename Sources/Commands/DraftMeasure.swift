// ingot draft measure: how much of what a head drafts stays?

import Architectures
import ArgumentParser
import Checkpoints
import Diagnostics
import Documents
import DraftHeads
import ReferenceModel
import Tokenisation

/// Measures a draft head.
struct DraftMeasure: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "measure",
        abstract: "Decode prompts with a draft head and tell how much of its drafts stays.",
        usage: "ingot draft measure TARGET HEAD --data FILE [--steps 3] [--report FILE]",
        discussion: """
            Speculative decoding as engines do it, on the CPU: the head drafts, the target checks all of a draft in \
            one pass. The acceptance length counts the target's own token: plain decoding has 1, a chain of k at most \
            k + 1. Greedy answers are decoded plainly too and must be the same, token for token; another answer is \
            exit status 1. Sampled answers follow the target's distribution by the usual rejection.

            Example:
              ingot draft measure Ling-flash-2.0 head --data prompts.jsonl --steps 3
            """)

    @Argument(help: "The folder of the target.", completion: .directory)
    var target: String

    @Argument(help: "The folder of the head, in any form.", completion: .directory)
    var head: String

    @Option(
        help: ArgumentHelp(
            "JSONL rows of conversations, text or tokens; what stands before the first answer is the prompt.",
            valueName: "file"), completion: .rows)
    var data: String

    @Option(
        help: ArgumentHelp("Rows of the data to use, the first ones; all by default.", valueName: "count"))
    var rows: Int?

    @Option(
        help: ArgumentHelp(
            "Prompts decoded at once: changes speed and memory, never a number.", valueName: "count"))
    var batch = 32

    @Flag(help: "Leave the comparison with plain decoding out.")
    var skipPlain = false

    @Option(
        help: ArgumentHelp("Say no, with exit status 1, to a shorter acceptance length.", valueName: "length")
    )
    var atLeast: Double?

    @Flag(help: "Check everything and print the plan; run nothing.")
    var dryRun = false

    @Option(
        help: ArgumentHelp("Write the report as one HTML file.", valueName: "file"), completion: .page)
    var report: String?

    @OptionGroup(title: DraftShapeOptions.title) var shape: DraftShapeOptions
    @OptionGroup(title: SamplingOptions.title) var sampling: SamplingOptions
    @OptionGroup(title: DraftShapeOptions.title) var layers: LayerOptions
    @OptionGroup(title: BackendOptions.title) var backend: BackendOptions
    @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

    func validate() throws {
        guard (1...4096).contains(batch) else {
            throw ValidationError("--batch takes a number from 1 to 4096")
        }
        guard (rows ?? 1) > 0 else { throw ValidationError("--rows takes a number from 1") }
    }

    func run() throws {
        try options.report("draft measure") { () throws(Failure) in
            stopOnSignals()
            try checkPage(report)
            let backend = try self.backend.makeBackend()
            let opened = try OpenedCheckpoint(target)
            let weights = try CheckpointWeights(
                opened.checkpoint, opened.quantised, budget: self.backend.budget)
            let pass = ForwardPass(weights.configuration, weights: weights, backend: backend)
            let (prompts, tooLong) = try DraftPrompt.read(
                data, folder: target, weights.configuration, limit: rows)
            try TokenRow.check(
                prompts.map { TokenRow(name: $0.name, tokens: $0.tokens) },
                vocabulary: weights.configuration.vocabularySize, file: data)
            let draft = try OpenedDraft(head, layers: layers.layers, pass: pass)
            if dryRun {
                return CommandResult(
                    text: "\(grouped(prompts.count)) prompts, \(shape.shape.words), \(backend.name) backend",
                    document: ["prompts": .integer(prompts.count)], findings: opened.findings)
            }
            let (sidecars, _) = Sidecars.read(opened.checkpoint)
            let seed = sampling.seed ?? UInt64.random(in: 0..<1 << 53)
            let clock = ContinuousClock()
            let start = clock.now
            let measurement = try DraftMeasurement.run(
                prompts, pass: pass, drafter: draft.drafter, shape: shape.shape, rule: sampling.rule,
                endTokens: Set(SpecialTokens.ends(weights.configuration, sidecars)),
                limit: sampling.tokens ?? 128, seed: seed, batch: batch, comparing: !skipPlain,
                progress: options.sink)
            try weights.checkUnchanged()
            let report = DraftReport(
                target: target, head: head, data: data, backend: backend.name,
                numerics: backend.numerics.name, layers: draft.head.document.layerIds, rule: sampling.rule,
                seed: sampling.temperature > 0 ? seed : nil, measurement: measurement)
            if let path = self.report { try report.write(to: path) }
            var findings = opened.findings.filter { options.verbose || $0.level > .note } + report.findings
            if tooLong > 0 { findings.append(Self.tooLong(tooLong, data)) }
            let isShort = atLeast.map { (measurement.length()?.mean ?? 0) < $0 } ?? false
            if isShort, let atLeast { findings.append(tooShort(measurement.length()?.mean ?? 0, atLeast)) }
            return CommandResult(
                text: report.text + "\n\nin \(decimals((clock.now - start) / .seconds(1), 1)) s",
                document: report.document, findings: findings,
                exit: report.findings.isEmpty && !isShort ? .done : .refused)
        }
    }

    private func tooShort(_ length: Double, _ least: Double) -> Finding {
        Finding(
            .error, .acceptanceTooShort, "the acceptance length is below the limit", file: head,
            option: "--at-least \(least)", expected: "at least \(decimals(least, 3))",
            found: decimals(length, 3),
            remedy:
                "train longer or on more data; ingot draft audit says whether head and target belong together"
        )
    }

    private static func tooLong(_ count: Int, _ data: String) -> Finding {
        Finding(
            .warning, .nothingToMeasure, "prompts as long as the context are left out", file: data,
            expected: "room for one token", found: "\(grouped(count)) rows without")
    }
}
