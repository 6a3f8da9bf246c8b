// ingot shard plan: which topologies are legal, what each rank holds, what is left for the cache.

import Architectures
import ArgumentParser
import Calibration
import Checkpoints
import Diagnostics
import Documents
import Topology

extension CacheType: ExpressibleByArgument {}
extension ExpertPlacement.Name: ExpressibleByArgument {}
extension AllToAll: ExpressibleByArgument {}

/// Plans topologies.
struct ShardPlan: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Say which topologies a checkpoint can be served in, from headers alone.",
        usage: "ingot shard plan CHECKPOINT --target T [--devices N | --topology T]",
        discussion: """
            Without --devices and --topology every product of TP, DP and EP up to 32 devices is judged. The first \
            row is the best: a sequence of --context fits, few devices, few stages, most sequences at once. The \
            exit status is 1 when nothing that was asked for can be served.

            Example:
              ingot shard plan FP8 --target vllm-0.33.0/h20-96g --devices 4
            """)

    @Argument(help: "The folder of the checkpoint.", completion: .directory)
    var checkpoint: String

    @Option(
        help: ArgumentHelp("The engine and the device: vllm-0.33.0/h20-96g.", valueName: "engine/device"),
        completion: .targets)
    var target: String?

    @Option(
        help: ArgumentHelp(
            "The device, under --engine or the newest vLLM known for it.", valueName: "name"),
        completion: .devices)
    var device: String?

    @Option(help: ArgumentHelp("The engine of --device.", valueName: "name"), completion: .engines)
    var engine: String?

    @Option(help: "Judge this topology and say what each rank holds. May be repeated.")
    var topology: [String] = []

    @Option(
        help: ArgumentHelp(
            "Search all topologies of so many devices, pipelines included.", valueName: "count"))
    var devices: Int?

    @Option(help: ArgumentHelp("Tokens of a sequence.", valueName: "count"))
    var context = 131_072

    @Option(help: ArgumentHelp("Element type of the key/value cache.", valueName: "type"))
    var cache: CacheType = .bf16

    @Option(help: ArgumentHelp("Where experts live.", valueName: "rule"))
    var placement: ExpertPlacement.Name = .linear

    @Option(
        help: ArgumentHelp(
            "The folder of `ingot calibrate`: how loaded the experts are.", valueName: "folder"),
        completion: .directory)
    var calibration: String?

    @Option(
        help: ArgumentHelp("Write the placement as the engine reads it.", valueName: "file"),
        completion: .record)
    var expertMap: String?

    @Option(help: ArgumentHelp("How tokens travel between expert ranks.", valueName: "way"))
    var allToAll: AllToAll = .standard

    @Option(
        help: ArgumentHelp("The share of memory the engine takes; its default without.", valueName: "share"))
    var utilisation: Double?

    @Option(
        help: ArgumentHelp("Write the report as one HTML file.", valueName: "file"), completion: .page)
    var report: String?

    @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

    func validate() throws {
        guard (1...(1 << 30)).contains(context) else {
            throw ValidationError("--context takes a number of tokens from 1 to 1073741824")
        }
        if let devices, !(1...1024).contains(devices) {
            throw ValidationError("--devices takes a number from 1 to 1024")
        }
        if devices != nil, !topology.isEmpty {
            throw ValidationError("--devices searches; --topology names: give one of them")
        }
        if let utilisation, !(utilisation > 0 && utilisation <= 1) {
            throw ValidationError("--utilisation takes a share above 0, at most 1")
        }
        guard (target == nil) != (device == nil) else {
            throw ValidationError("give --target ENGINE/DEVICE, or --device with --engine")
        }
    }

    func run() throws {
        try options.report("shard plan") { () throws(Failure) in
            let target = try chosenTarget()
            let named = try topologies()
            let opened = try OpenedCheckpoint(checkpoint)
            let load: ExpertLoad?
            if let calibration {
                load = try ExpertLoad(
                    try CalibrationRecord.read(calibration), opened.inventory.configuration)
            } else {
                load = nil
            }
            let planner = TopologyPlanner(
                ArtefactTensors(opened.checkpoint, opened.quantised),
                PlanRequest(
                    target: target, cache: cache, context: context, placement: placement,
                    allToAll: allToAll, utilisation: utilisation, load: load))
            let judged = try judge(named, planner)
            try writeMap(judged, planner)
            let plan = PlanReport(
                checkpoint: checkpoint, planner: planner, topologies: judged,
                general: opened.findings + planner.generalFindings(), expertMap: expertMap)
            if let report { try plan.write(to: report) }
            return CommandResult(
                text: plan.text, document: plan.document, findings: plan.findings,
                exit: plan.isGood ? .done : .refused)
        }
    }

    private func chosenTarget() throws(Failure) -> Target {
        if let target { return try Target(target, .embedded) }
        let device = device ?? ""
        if let engine { return try Target("\(engine)/\(device)", .embedded) }
        let newest = try Target.newestEngine(family: .vllm, device: device, .embedded)
        return try Target("\(newest)/\(device)", .embedded)
    }

    private func topologies() throws(Failure) -> [ParallelTopology] {
        var named: [ParallelTopology] = []
        for name in topology { named.append(try ParallelTopology(name)) }
        return named
    }

    private func judge(
        _ named: [ParallelTopology], _ planner: TopologyPlanner
    ) throws(Failure) -> [JudgedTopology] {
        guard named.isEmpty else {
            var judged: [JudgedTopology] = []
            for topology in named { judged.append(try planner.judge(topology)) }
            return judged
        }
        return try planner.search(
            worlds: devices.map { [$0] } ?? [1, 2, 4, 8, 16, 32], pipelines: devices != nil)
    }

    private func writeMap(_ judged: [JudgedTopology], _ planner: TopologyPlanner) throws(Failure) {
        guard let expertMap else { return }
        guard let best = judged.first, best.isLegal, best.topology.expert > 1 else {
            throw Failure(
                Finding(
                    .error, .expertMapNotRead, "there is no expert parallelism to write a map of",
                    option: "--expert-map \(expertMap)", expected: "a legal topology with ep",
                    found: judged.first?.topology.name ?? "none", remedy: "--topology tp4-dp2-ep8"))
        }
        let document = try ExpertMapFile.document(
            best.rules.placement, planner.artefact.configuration, ranks: best.topology.expert,
            engine: planner.request.target.engine)
        _ = try FileAccess.writeSealed(document.text(.compact) + "\n", to: expertMap)
    }
}
