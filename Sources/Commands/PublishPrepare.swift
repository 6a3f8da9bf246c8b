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
        usage: "ingot publish prepare CHECKPOINT --base-model OWNER/NAME --hub both --output DIR",
        discussion: """
            Shards are cut anew, in the order of the model; tokenizer, chat template and remote code are carried \
            byte for byte and must be the base's when --base is given. The card is made from a template: \
            `{{name}}` is a value, `{{#name}} … {{/name}}` stands where there is one. The program's own are \
            Profiles/cards/en.md and zh.md.

            Nothing is uploaded; the commands that do are printed.
            """)

    @Argument(help: "The folder of the checkpoint.")
    var checkpoint: String

    @Option(help: "huggingface, modelscope or both.")
    var hub: HubChoice = .both

    @Option(help: ArgumentHelp("The base model on a hub.", valueName: "owner/name"))
    var baseModel: String

    @Option(help: "The commit of the base model.")
    var baseRevision: String?

    @Option(
        help: ArgumentHelp(
            "The base model, to compare with and to take missing files from.", valueName: "folder"))
    var base: String?

    @Option(help: ArgumentHelp("Where it will stand on the hubs.", valueName: "owner/name"))
    var repository: String?

    @Option(help: "The heading of the card.")
    var title: String?

    @Option(help: "The identifier of the licence; the base's by default.")
    var license: String?

    @Option(help: "The name of a licence of its own, with --license other.")
    var licenseName: String?

    @Option(help: "Where a licence of its own can be read.")
    var licenseLink: String?

    @Option(help: ArgumentHelp("The text of the licence.", valueName: "file"))
    var licenseFile: String?

    @Option(help: "The language of the card: en, zh or both.")
    var language: CardLanguageChoice = .en

    @Option(help: "A tag of the card. May be repeated.")
    var tag: [String] = []

    @Flag(help: "A medical model: the notice that it does not replace a doctor stands first.")
    var medical = false

    @Option(help: ArgumentHelp("The output of `ingot verify --json`.", valueName: "file"))
    var parity: String?

    @Option(help: ArgumentHelp("The output of `ingot shard plan --json`.", valueName: "file"))
    var topology: String?

    @Option(help: ArgumentHelp("The output of `ingot draft measure --json`.", valueName: "file"))
    var draft: String?

    @Option(
        help: ArgumentHelp(
            "A template, or for two languages a folder with en.md and zh.md.", valueName: "file"))
    var template: String?

    @Option(help: "An engine and a device to give commands for: vllm-0.11.0/h20-96g. May be repeated.")
    var target: [String] = []

    @Option(
        help: ArgumentHelp("The benchmark of the accuracy, for .eval_results.", valueName: "owner/name:task"))
    var benchmark: String?

    @Option(help: "Another file of the checkpoint to carry along. May be repeated.")
    var include: [String] = []

    @Option(help: "Data of one shard: 5GB, 500MB.")
    var shardSize = "5GB"

    @Option(help: ArgumentHelp("Sign with a private key of the curve P-256, PEM.", valueName: "file"))
    var sign: String?

    @Flag(help: "Write a CycloneDX 1.6 bill of materials.")
    var bom = false

    @OptionGroup var output: OutputOptions
    @OptionGroup var units: UnitOptions
    @OptionGroup var options: ReportOptions

    func validate() throws {
        if benchmark != nil, benchmarkParts == nil {
            throw ValidationError("--benchmark takes OWNER/NAME:TASK")
        }
        if dataSize(shardSize) == nil {
            throw ValidationError("--shard-size takes a size such as 5GB or 500MB")
        }
    }

    private var benchmarkParts: (dataset: String, task: String)? {
        let parts = (benchmark ?? "").split(separator: ":").map(String.init)
        return parts.count == 2 ? (parts[0], parts[1]) : nil
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
        return PlannedRun(run: run, notes: plan.notes) {
            (plan.summary(output: run.output.path), plan.document)
        } report: { (result, _) throws(Failure) in
            try report(plan, resumed: result?.resumed, run.output.path)
        }
    }

    private func report(
        _ plan: ReleasePlan, resumed: Int?, _ folder: String
    ) throws(Failure) -> CommandResult {
        // The data were looked at while they were copied.
        let check = try ReleaseCheck(
            hubs: plan.request.hubs, isDeep: false, base: base, progress: SilentProgress()
        ).run(folder)
        var lines = [plan.summary(output: folder)]
        if let resumed, resumed > 0 {
            lines.append("\(resumed) shards were sealed by an earlier run")
        }
        lines += ["", check.verdict, "", "upload:"] + (try plan.uploadCommands(folder)).map { "  " + $0 }
        return CommandResult(
            text: lines.joined(separator: "\n"),
            document: [
                "output": .string(folder), "plan": plan.document, "check": check.document,
                "resumed_shards": .integer(resumed ?? plan.shardCount),
                "upload": .array(try plan.uploadCommands(folder).map(JSONValue.string)),
            ], findings: (resumed == nil ? plan.notes : []) + check.findings, exit: check.exit)
    }

    private var request: ReleaseRequest {
        var request = ReleaseRequest(checkpoint: checkpoint, hubs: hub.hubs, baseModel: baseModel)
        request.repository = repository
        request.title = title
        request.base = base
        request.baseRevision = baseRevision
        request.licence = license
        request.licenceName = licenseName
        request.licenceLink = licenseLink
        request.licenceFile = licenseFile
        request.languages = language.languages
        request.tags = tag
        request.isMedical = medical
        request.parity = parity
        request.topology = topology
        request.draft = draft
        request.template = template
        request.targets = target
        request.benchmark = benchmarkParts
        request.include = include
        request.shardBytes = dataSize(shardSize) ?? request.shardBytes
        request.key = sign
        request.writesBOM = bom
        return request
    }
}

/// The languages of a card.
enum CardLanguageChoice: String, ExpressibleByArgument, CaseIterable {
    case en, zh, both

    var languages: [CardLanguage] {
        switch self {
        case .en: [.english]
        case .zh: [.chinese]
        case .both: CardLanguage.allCases
        }
    }
}

/// Bytes of a size with a decimal or binary unit; nil when it is none.
func dataSize(_ text: String) -> Int? {
    let units = [
        ("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000), ("GiB", 1 << 30),
        ("MiB", 1 << 20), ("KiB", 1 << 10),
    ]
    for (unit, size) in units where text.hasSuffix(unit) {
        guard let number = Double(text.dropLast(unit.count)), number > 0, number * Double(size) < 1e18 else {
            return nil
        }
        return Int(number * Double(size))
    }
    return Int(text).flatMap { $0 > 0 ? $0 : nil }
}
