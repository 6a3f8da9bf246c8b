// ingot draft features: the target's hidden states once, for many rounds of training.

import ArgumentParser
import Backends
import Checkpoints
import Diagnostics
import Documents
import DraftHeads
import Quantisation
import ReferenceModel

/// Caches hidden states.
struct DraftFeatures: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "features",
        abstract: "Pass texts through a target once and keep the hidden states that training reads.",
        usage: "ingot draft features TARGET --data FILE.jsonl --output FOLDER",
        discussion: """
            For a target that does not fit the memory: `ingot draft train --features FOLDER` then reads the target's \
            embedding and head alone. A state of the last layer is kept only where something is learnt.

            Example:
              ingot draft features Ling-flash-2.0 --data texts.jsonl --output states
            """)

    @Argument(help: "The folder of the target.", completion: .directory)
    var target: String

    @Option(
        help: ArgumentHelp("JSONL rows of conversations, text or tokens.", valueName: "file"),
        completion: .rows)
    var data: String

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("The folder to make. It appears when it is whole.", valueName: "folder"),
        completion: .directory)
    var output: String

    @Option(
        help: ArgumentHelp(
            "The profile by name, or the path of a JSON file; the one for the target by default.",
            valueName: "name"), completion: .drafts)
    var profile: String?

    @Option(help: ArgumentHelp("Tokens of a text; the rest is cut off.", valueName: "count"))
    var length: Int?

    @Option(help: ArgumentHelp("The type that states are stored in.", valueName: "type"))
    var code: FeatureCode = .bf16

    @Flag(help: "Go on with the unfinished work of an earlier run of the same command.")
    var resume = false

    @Flag(help: "Put the new states in the place of those that stand at the output.")
    var replace = false

    @OptionGroup(title: BackendOptions.title) var backend: BackendOptions
    @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

    func validate() throws {
        guard !output.isEmpty else { throw ValidationError("--output takes the path of a folder") }
        guard length ?? 3 >= 3 else { throw ValidationError("--length takes a number of tokens, 3 at least") }
    }

    func run() throws {
        try options.report("draft features") { () throws(Failure) in
            stopOnSignals()
            let passes = try backend.makeBackend()
            let length = length
            let plan = try TrainingPlan(
                TrainingRequest(
                    target: target, data: data, profile: profile,
                    change: { $0.length = length ?? $0.length },
                    threads: backend.threads ?? BackendOptions.processors, memory: backend.budget,
                    tool: "ingot \(ingotVersion)"))
            let run = FeatureRun(
                plan: plan,
                output: FeatureRun.output(output, policy: .init(resume: resume, replace: replace)),
                pass: ForwardPass(plan.weights.configuration, weights: plan.weights, backend: passes),
                code: code, progress: options.sink)
            try run.check().throwErrors()
            let result = try run.run()
            let each = Double(result.record.bytes) / Double(max(1, result.tokens))
            let plain = Double(result.plainBytes) / Double(max(1, result.tokens))
            return CommandResult(
                text:
                    "wrote \(output): \(grouped(result.tokens)) tokens, \(grouped(result.judged)) of them learnt, "
                    + "\(byteCount(result.record.bytes)) in \(grouped(result.record.files.count)) files; "
                    + "\(decimals(each, 1)) bytes a token, plain BF16 of every state \(decimals(plain, 0))",
                document: [
                    "output": .string(output), "tokens": .integer(result.tokens),
                    "judged": .integer(result.judged), "bytes": .integer(result.record.bytes),
                    "plain_bytes": .integer(result.plainBytes), "bytes_per_token": .real(each),
                    "resumed_files": .integer(result.resumed),
                ], findings: plan.findings)
        }
    }
}

extension FeatureCode: ExpressibleByArgument {}
