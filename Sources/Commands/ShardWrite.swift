// ingot shard CHECKPOINT --topology …: the artefact laid out for a topology.

import Architectures
import ArgumentParser
import Calibration
import Checkpoints
import Diagnostics
import Documents
import Topology

/// Lays a checkpoint out for a topology.
struct ShardWrite: UnitCommand {
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
    var fileSize: ByteSize?

    @OptionGroup(title: OutputOptions.title) var output: OutputOptions
    @OptionGroup(title: OutputOptions.title) var units: UnitOptions
    @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

    func validate() throws {
        if let fileSize, fileSize.bytes < 1 {
            throw ValidationError("--file-size takes a size above 0, such as 4GB")
        }
    }

    func run() throws {
        try options.report("shard") { () throws(Failure) in
            stopOnSignals()
            return try planned().perform(self, units: units)
        }
    }

    func planned() throws(Failure) -> any PlannedWork {
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
        return planned(
            work, notes: opened.findings + findings,
            title: "\(lastComponent(checkpoint)) laid out for \(topology.name) as \(form.name)")
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

extension UnitCommand {
    /// Slicing or gathering with its report.
    func planned(_ work: ShardWork, notes: [Finding], title: String) -> any PlannedWork {
        let folder = work.output(output.output, policy: output.folder.policy)
        func planned(_ plan: some SlicingPlan) -> any PlannedWork {
            let run = UnitRun(plan: plan, output: folder, jobs: output.jobs, progress: options.sink)
            return PlannedRun(run: run, notes: notes) {
                (
                    "plan of \(title) to \(folder.path); nothing was written\n"
                        + "  output \(byteCount(work.byteCount)), plan sha256 \(work.digest)",
                    [
                        "output": .string(folder.path), "plan_sha256": .string(work.digest),
                        "output_bytes": .integer(work.byteCount),
                    ]
                )
            } report: { result, seconds in
                guard let result else { return .nothingLeft(folder.path) }
                return ShardReport(
                    title: title, output: folder.path, plan: work.digest, made: result, seconds: seconds
                ).result
            }
        }
        return planned(work.plan)
    }
}

/// What slicing and gathering print.
private struct ShardReport {
    let title: String
    let output: String
    let plan: String
    let made: ShardResult
    let seconds: Double

    var result: CommandResult { CommandResult(text: text, document: document) }

    private var bytes: Int { made.files.reduce(0) { $0 + $1.sealed.bytes } }

    private var text: String {
        let rate = seconds > 0 ? Int(Double(bytes) / seconds) : 0
        var text = """
            \(title)
            \(output)
              \(byteCount(bytes)) in \(grouped(made.files.count)) files in \(decimals(seconds, 2)) s \
            (\(byteCount(rate))/s)
            """
        if made.resumed > 0 { text += ", \(made.resumed) units of them sealed by an earlier run" }
        return text
    }

    private var document: JSONValue {
        [
            "output": .string(output), "plan_sha256": .string(plan), "seconds": .real(seconds),
            "output_bytes": .integer(bytes), "resumed_units": .integer(made.resumed),
            "files": .array(
                made.files.map(\.document)),
        ]
    }
}
