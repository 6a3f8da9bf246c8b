// ingot inspect: what is in a checkpoint.

import Architectures
import ArgumentParser
import Diagnostics
import Documents

/// Shows a checkpoint.
struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what is in a checkpoint: sizes, roles, element types, kinds of scales.",
        usage: "ingot inspect CHECKPOINT [--layer 17 | --tensor NAME]",
        discussion: """
            Reads headers, config and scales; no weight.

            Example:
              ingot inspect Ling-flash-2.0 --layer 1
            """)

    @Argument(help: "The folder of the checkpoint.", completion: .directory)
    var checkpoint: String

    @Option(help: "Show the tensors of one layer.")
    var layer: Int?

    @Option(help: ArgumentHelp("Show one tensor, with its scale.", valueName: "name"))
    var tensor: String?

    @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

    func validate() throws {
        if layer != nil, tensor != nil { throw ValidationError("give --layer or --tensor, not both") }
    }

    func run() throws {
        try options.report("inspect") { () throws(Failure) in
            let judged = try JudgedCheckpoint(checkpoint)
            guard judged.judgement.match != nil else { throw Failure(judged.judgement.findings) }
            let view: InspectionReport.View =
                layer.map { .layer($0) } ?? tensor.map { .tensor($0) } ?? .whole
            let report = InspectionReport(
                checkpoint: checkpoint, judgement: judged.judgement, audit: judged.audit, view: view)
            guard report.isEmpty else {
                return CommandResult(text: report.text, document: report.document)
            }
            throw Failure(
                Finding(
                    .error, .unknownTensor, report.text,
                    option: tensor.map { "--tensor \($0)" } ?? "--layer \(layer ?? 0)",
                    remedy: "ingot inspect \(checkpoint)"))
        }
    }
}
