// ingot validate: is this checkpoint whole, is it what its config says, will the target load it?

import Architectures
import ArgumentParser
import Checkpoints
import Diagnostics
import Documents
import Quantisation

/// Judges a checkpoint.
struct Validate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Judge a checkpoint: architecture, integrity, scales, and what a target makes of it.",
        usage: "ingot validate CHECKPOINT [--target ENGINE/DEVICE] [--deep]",
        discussion: """
            Reads headers, config, sidecars and scales. With --deep it reads every byte: numbers that are not \
            finite, weights of nothing but zeros, and digests against quantisation.json. All findings are \
            collected; the exit status is 1 when one of them is an error.

            Example:
              ingot validate Ling-flash-2.0 --target vllm-0.33.0/h20-96g --deep
            """)

    @Argument(help: "The folder of the checkpoint.", completion: .directory)
    var checkpoint: String

    @Option(
        help: ArgumentHelp(
            "Judge it for an engine and a device: vllm-0.11.0/h20-96g.", valueName: "engine/device"),
        completion: .targets)
    var target: String?

    @Flag(help: "Read all data, not only headers and scales.")
    var deep = false

    @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

    func run() throws {
        try options.report("validate") { () throws(Failure) in
            let target: Target?
            if let name = self.target { target = try Target(name, .embedded) } else { target = nil }
            let judged = try JudgedCheckpoint(checkpoint)
            let report = ValidationReport(
                checkpoint: checkpoint, judgement: judged.judgement, audit: judged.audit, target: target,
                further: try deep ? readData(judged) : [])
            return CommandResult(
                text: report.verdict, document: report.document, findings: report.findings, exit: report.exit)
        }
    }

    private func readData(_ judged: JudgedCheckpoint) throws(Failure) -> [Finding] {
        stopOnSignals()
        var audit = DataAudit(
            judged.checkpoint, inventory: judged.judgement.match?.quantised.inventory,
            recorded: RecordHead.read(checkpoint, name: QuantisationPlanner.recordName)?.files ?? [:])
        try judged.checkpoint.scan(progress: options.sink) { shard, digest in
            audit.observe(shard: shard, digest: digest)
        } _: { scan in
            audit.observe(scan)
        }
        return audit.findings
    }
}
