// ingot publish prepare: a checkpoint becomes a folder that can be uploaded as it is.

import ArgumentParser
import Checkpoints
import Diagnostics
import Documents
import Publishing

/// Makes a release folder.
struct PublishPrepare: UnitCommand {
    static let configuration = CommandConfiguration(
        commandName: "prepare",
        abstract: "Make a folder that can be uploaded as it is.",
        usage: "ingot publish prepare CHECKPOINT --base-model OWNER/NAME --output DIR",
        discussion: """
            Shards are cut anew, in the order of the model; tokenizer, chat template and remote code are carried \
            byte for byte and must be the base's when --base is given. The card is made from a template: \
            `{{name}}` is a value, `{{#name}} … {{/name}}` stands where there is one. The program's own are \
            Profiles/cards/en.md and zh.md.

            Nothing is uploaded; the commands that do are printed.

            Example:
              ingot verify Ling-flash-2.0 FP8 --data texts.jsonl --json > parity.json
              ingot publish prepare FP8 --output release --parity parity.json \\
                --base Ling-flash-2.0 --base-model inclusionAI/Ling-flash-2.0
            """)

    @Argument(help: "The folder of the checkpoint.", completion: .directory)
    var checkpoint: String

    @Option(help: ArgumentHelp("The hubs to prepare for.", valueName: "hub"))
    var hub: HubChoice = .both

    @Option(help: ArgumentHelp("The base model on a hub.", valueName: "owner/name"))
    var baseModel: String

    @Option(help: ArgumentHelp("The commit of the base model.", valueName: "revision"))
    var baseRevision: String?

    @Option(
        help: ArgumentHelp(
            "The base model, to compare with and to take missing files from.", valueName: "folder"),
        completion: .directory)
    var base: String?

    @Option(help: ArgumentHelp("Where it will stand on the hubs.", valueName: "owner/name"))
    var repository: String?

    @Option(
        help: ArgumentHelp(
            "An engine and a device to give commands for: vllm-0.11.0/h20-96g. May be repeated.",
            valueName: "engine/device"), completion: .targets)
    var target: [String] = []

    @Option(
        help: ArgumentHelp(
            "Another file of the checkpoint to carry along. May be repeated.", valueName: "file"),
        completion: .file())
    var include: [String] = []

    @Option(help: ArgumentHelp("Data of one shard, such as 500MB; 5GB by default.", valueName: "size"))
    var shardSize: ByteSize?

    @Option(
        help: ArgumentHelp("Sign with a private key of the curve P-256, PEM.", valueName: "file"),
        completion: .file())
    var sign: String?

    @Flag(help: "Write a CycloneDX 1.6 bill of materials.")
    var bom = false

    @OptionGroup(title: CardOptions.sectionTitle) var card: CardOptions
    @OptionGroup(title: OutputOptions.title) var output: OutputOptions
    @OptionGroup(title: OutputOptions.title) var units: UnitOptions
    @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

    func validate() throws {
        if let shardSize, shardSize.bytes < 1 {
            throw ValidationError("--shard-size takes a size above 0, such as 500MB")
        }
    }

    func run() throws {
        try options.report("publish prepare") { () throws(Failure) in
            stopOnSignals()
            return try planned().perform(self, units: units)
        }
    }

    func planned() throws(Failure) -> any PlannedWork {
        let plan = try ReleasePlan(request)
        let run = UnitRun(
            plan: ReleaseWork(plan: plan), output: output.folder, jobs: output.jobs, progress: options.sink)
        return PlannedRun(run: run, notes: plan.notes, forecast: plan.cardFindings) {
            (plan.summary(output: run.output.path), plan.document)
        } report: { (result, _) throws(Failure) in
            try report(plan, result, run.output.path)
        }
    }

    /// - Parameter result: nil for a release that had been finished before.
    private func report(
        _ plan: ReleasePlan, _ result: UnitRun<ReleaseWork>.Result?, _ folder: String
    ) throws(Failure) -> CommandResult {
        // The data were looked at while they were copied.
        let check = try ReleaseCheck(
            hubs: plan.request.hubs, isDeep: false, base: base, progress: SilentProgress()
        ).run(folder)
        var lines = [plan.summary(output: folder)]
        if let resumed = result?.resumed, resumed > 0 {
            lines.append("\(resumed) shards were sealed by an earlier run")
        }
        lines += ["", check.verdict, "", "upload:"] + (try plan.uploadCommands(folder)).map { "  " + $0 }
        return CommandResult(
            text: lines.joined(separator: "\n"),
            document: [
                "output": .string(folder), "plan": plan.document, "check": check.document,
                "resumed_shards": .integer(result?.resumed ?? plan.shardCount),
                "files": result.map { .array($0.files.map(\.document)) } ?? .null,
                "upload": .array(try plan.uploadCommands(folder).map(JSONValue.string)),
            ], findings: (result == nil ? plan.notes : []) + check.findings, exit: check.exit)
    }

    private var request: ReleaseRequest {
        var request = ReleaseRequest(checkpoint: checkpoint, hubs: hub.hubs, baseModel: baseModel)
        request.repository = repository
        request.base = base
        request.baseRevision = baseRevision
        request.targets = target
        card.fill(&request)
        request.include = include
        request.shardBytes = shardSize?.bytes ?? request.shardBytes
        request.key = sign
        request.writesBOM = bom
        return request
    }
}
