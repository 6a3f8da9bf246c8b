// ingot shard CHECKPOINT --topology …: the artefact laid out for a topology.

import Architectures
import ArgumentParser
import Calibration
import Checkpoints
import Diagnostics
import Documents
import Topology

/// Lays a checkpoint out for a topology.
struct ShardWrite: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "write",
        abstract: "Lay a checkpoint out for a topology. The word write may be left out.",
        usage: "ingot shard CHECKPOINT --topology tp4-dp2-ep8 [--form ranks] --output DIR",
        discussion: """
            hf: a standard checkpoint, which every engine loads; its files follow the topology, so that a rank \
            reads only what it needs.
            ranks: a folder for each rank, and topology.json, from which the checkpoint can be put back.
            vllm-sharded-state@0.32: what vLLM 0.32.0 reads with --load-format sharded_state.
            deepseek-mp: the files of DeepSeek-V3's inference folder, for as many ranks as TP and EP say.

            Example:
              ingot shard FP8 --topology dp2-ep2 --form ranks --output ranks
            """)

    @Argument(help: "The folder of the checkpoint.", completion: .directory)
    var checkpoint: String

    @Option(help: "The topology, such as tp4-dp2-ep8 or pp2-tp4.")
    var topology: String

    @Option(
        help: ArgumentHelp("hf, ranks, vllm-sharded-state@0.32 or deepseek-mp.", valueName: "form"),
        completion: .list(ShardForm.allCases.map(\.name)))
    var form: String = "hf"

    @Option(
        help: ArgumentHelp(
            "Judge and divide for an engine and a device: vllm-0.33.0/h20-96g.", valueName: "engine/device"),
        completion: .targets)
    var target: String?

    @Option(help: ArgumentHelp("Where experts live.", valueName: "rule"))
    var placement: ExpertPlacement.Name = .linear

    @Option(
        help: ArgumentHelp(
            "The folder of `ingot calibrate`, for --placement balanced.", valueName: "folder"),
        completion: .directory)
    var calibration: String?

    @Option(help: ArgumentHelp("How tokens travel between expert ranks.", valueName: "way"))
    var allToAll: AllToAll = .standard

    @Option(help: ArgumentHelp("Cut the files of hf to about this size.", valueName: "size"))
    var fileSize: MemorySize?

    @OptionGroup(title: OutputOptions.title) var output: OutputOptions
    @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

    func validate() throws {
        if let fileSize, fileSize.bytes < 1 {
            throw ValidationError("--file-size takes a size above 0, such as 4GB")
        }
    }

    func run() throws {
        try options.report("shard") { () throws(Failure) in
            stopOnSignals()
            let topology = try ParallelTopology(topology)
            let form = try ShardForm(named: form)
            let target = try target.map { (name) throws(Failure) in try Target(name, .embedded) }
            let opened = try OpenedCheckpoint(checkpoint)
            let artefact = ArtefactTensors(opened.checkpoint, opened.quantised)
            let request = ShardRequest(
                topology: topology, form: form, engine: try engine(target), placement: placement,
                allToAll: allToAll,
                load: try load(opened.inventory.configuration),
                fileBytes: fileSize?.bytes ?? StandardLayoutPlan.fileBytes)
            let (work, findings) = try request.plan(opened.checkpoint, artefact)
            return try perform(work, output, options, "shard", notes: opened.findings + findings) {
                "\(lastComponent(checkpoint)) laid out for \(topology.name) as \(form.name)"
            }
        }
    }

    /// The target's engine, or the newest vLLM.
    private func engine(_ target: Target?) throws(Failure) -> EngineProfile {
        if let target { return target.engine }
        let name = try Target.newestEngine(family: .vllm, device: "cpu", .embedded)
        return try Target.engine(name, .embedded)
    }

    private func load(_ configuration: BailingMoeV2Configuration) throws(Failure) -> ExpertLoad? {
        guard let calibration else { return nil }
        return try ExpertLoad(try CalibrationRecord.read(calibration), configuration)
    }
}

/// Checks work, and unless it is a dry run does it and reports.
func perform(
    _ work: ShardWork, _ options: OutputOptions, _ report: ReportOptions, _ command: String, notes: [Finding],
    title: () -> String
) throws(Failure) -> CommandResult {
    let output = work.output(options.output, policy: options.folder.policy)
    if options.resume, try work.finish(output) {
        return CommandResult(
            text: "\(output.path) is complete: nothing to resume",
            document: ["output": .string(output.path), "complete": true])
    }
    let findings = work.check(output)
    if options.dryRun {
        let verdict = findings.first { $0.level == .error }?.code.exit ?? .done
        return CommandResult(
            text: "plan of \(title()) to \(output.path); nothing was written\n"
                + "  output \(byteCount(work.byteCount)), plan sha256 \(work.digest)",
            document: [
                "output": .string(output.path), "plan_sha256": .string(work.digest),
                "output_bytes": .integer(work.byteCount),
            ], findings: notes + findings, exit: verdict)
    }
    try findings.throwErrors()
    let clock = ContinuousClock()
    let start = clock.now
    let result = try work.run(output, jobs: options.jobs, progress: report.sink)
    let seconds = (clock.now - start) / .seconds(1)
    let bytes = result.files.reduce(0) { $0 + $1.sealed.bytes }
    let rate = seconds > 0 ? Int(Double(bytes) / seconds) : 0
    var text = """
        \(title())
        \(output.path)
          \(byteCount(bytes)) in \(grouped(result.files.count)) files in \(decimals(seconds, 2)) s \
        (\(byteCount(rate))/s)
        """
    if result.resumed > 0 { text += ", \(result.resumed) units of them sealed by an earlier run" }
    return CommandResult(
        text: text,
        document: [
            "output": .string(output.path), "plan_sha256": .string(work.digest), "seconds": .real(seconds),
            "output_bytes": .integer(bytes), "resumed_units": .integer(result.resumed),
            "files": .array(
                result.files.map {
                    [
                        "name": .string($0.name), "bytes": .integer($0.sealed.bytes),
                        "sha256": .string($0.sealed.digest),
                    ]
                }),
        ], findings: notes + findings)
}
