// ingot draft train: how would this model go on?

import ArgumentParser
import Backends
import Checkpoints
import Diagnostics
import Documents
import DraftHeads
import Quantisation
import ReferenceModel

/// Trains a draft head.
struct DraftTrain: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train a draft head on what its target says to texts.",
        usage: "ingot draft train TARGET --data FILE [--held-out FILE] --output FOLDER",
        discussion: """
            The head learns the target's own distributions by the training-time test of EAGLE3: its steps are \
            unrolled on the texts, and each is judged. Numbers come from a profile; options replace them. The \
            same data, options and seed give the same bytes, whatever the number of threads, unless --minutes \
            lets the clock decide. The output is a folder with the head in SpecForge's form, the log, a record, and \
            the state of the training.

            Example:
              ingot draft train Ling-flash-2.0 --data texts.jsonl --output head
            """)

    @Argument(help: "The folder of the target.", completion: .directory)
    var target: String

    @Option(
        help: ArgumentHelp("JSONL rows of conversations, text or tokens.", valueName: "file"),
        completion: .rows)
    var data: String

    @Option(
        help: ArgumentHelp(
            "The same, to evaluate on: the best weights are kept, and no progress ends the training.",
            valueName: "file"), completion: .rows)
    var heldOut: String?

    @Option(
        help: ArgumentHelp(
            "Hidden states of the same data from `ingot draft features`; the target is then not passed.",
            valueName: "folder"), completion: .directory)
    var features: String?

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

    @OptionGroup(title: "Training") var recipe: RecipeOptions

    @Flag(help: "Check everything and print the plan; write nothing.")
    var dryRun = false

    @Flag(help: "Go on with the unfinished work of an earlier run of the same command.")
    var resume = false

    @Flag(help: "Put the new head in the place of the one that stands at the output.")
    var replace = false

    @OptionGroup(title: BackendOptions.title) var backend: BackendOptions
    @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

    func validate() throws {
        guard !output.isEmpty else { throw ValidationError("--output takes the path of a folder") }
        guard features == nil || recipe.crop == nil else {
            throw ValidationError("--crop cuts at places that --features does not hold; give one of them")
        }
    }

    func run() throws {
        try options.report("draft train") { () throws(Failure) in
            stopOnSignals()
            let folder = TrainingRun.output(output, policy: .init(resume: resume, replace: replace))
            let passes = try backend.makeBackend()
            // The head's own products are its, whatever the backend.
            try OpenBLASBackend.openLibrary()
            let threads = backend.threads ?? BackendOptions.processors
            let plan = try TrainingPlan(
                TrainingRequest(
                    target: target, data: data, heldOut: heldOut, mode: recipe.mode,
                    features: features, profile: profile,
                    change: recipe.change, epochs: recipe.epochs, minutes: recipe.minutes, threads: threads,
                    memory: backend.budget, tool: "ingot \(ingotVersion)"))
            if resume, try TrainingRun.isDone(plan, folder) {
                return CommandResult(
                    text: "\(folder.path) is complete: nothing to resume",
                    document: ["output": .string(folder.path), "complete": true])
            }
            let pass = ForwardPass(plan.weights.configuration, weights: plan.weights, backend: passes)
            let online = TargetFeatures(
                pass, points: plan.configuration.auxiliaryPoints, vocabulary: plan.vocabulary,
                threads: threads)
            let cached = try features.map { (folder) throws(Failure) in
                try CachedFeatures(folder, plan: plan, pass: pass, threads: threads)
            }
            let run = TrainingRun(
                plan: plan, output: folder, features: cached ?? online, heldOutFeatures: online,
                progress: options.sink)
            try run.check().throwErrors()
            if dryRun {
                let report = TrainingReport(plan: plan, result: nil, output: folder.path)
                return CommandResult(
                    text: report.text, document: report.document, findings: plan.findings)
            }
            let result = try run.run()
            let report = TrainingReport(plan: plan, result: result, output: folder.path)
            return CommandResult(text: report.text, document: report.document, findings: plan.findings)
        }
    }
}
