// ingot dequantise: an FP8 artefact becomes plain weights again.

import Architectures
import ArgumentParser
import Checkpoints
import Diagnostics
import Documents
import Quantisation
import Tensors

/// Dequantises a checkpoint.
struct Dequantise: UnitCommand {
    static let configuration = CommandConfiguration(
        abstract: "Turn an FP8 checkpoint back into BF16 (or F32) weights.",
        usage: "ingot dequantise CHECKPOINT --output DIR [--dtype f32]",
        discussion: """
            Reads every layout that quantise writes. Each weight is code × scale, rounded once to BF16, or \
            to F32 with --dtype f32.

            Example:
              ingot dequantise FP8 --output BF16
            """,
        aliases: ["dequantize"])

    /// The element type of the output.
    enum Target: String, ExpressibleByArgument, CaseIterable {
        case bf16, f32
    }

    @Argument(help: "The folder of the FP8 checkpoint.", completion: .directory)
    var checkpoint: String

    @Option(help: ArgumentHelp("The element type to write.", valueName: "type"))
    var dtype: Target = .bf16

    @OptionGroup(title: OutputOptions.title) var output: OutputOptions
    @OptionGroup(title: OutputOptions.title) var units: UnitOptions
    @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

    func run() throws {
        try options.report("dequantise") { () throws(Failure) in
            stopOnSignals()
            return try planned().perform(self, units: units)
        }
    }

    func planned() throws(Failure) -> any PlannedWork {
        let opened = try OpenedCheckpoint(checkpoint)
        let plan = try DequantisationPlanner(
            checkpoint: opened.checkpoint, inventory: opened.inventory,
            target: dtype == .f32 ? .f32 : .bf16
        ).plan()
        let run = ConversionRun(
            plan: plan, output: output.folder, jobs: output.jobs, progress: options.sink,
            recordName: DequantisationPlanner.recordName)
        return planned(run, notes: opened.findings) { result, seconds in
            let path = output.folder.path
            let text = """
                dequantised \(lastComponent(plan.source.folder)) to \(dtype.rawValue.uppercased())
                \(path)
                  \(byteCount(plan.sourceByteCount)) to \(byteCount(plan.byteCount)) in \
                \(decimals(seconds, 2)) s, \(result.shards.count) shard\(result.shards.count == 1 ? "" : "s")
                  next: ingot validate \(path)
                """
            return (
                text,
                [
                    "output": .string(path), "plan_sha256": .string(plan.digest),
                    "seconds": .real(seconds),
                    "input_bytes": .integer(plan.sourceByteCount),
                    "output_bytes": .integer(plan.byteCount),
                ]
            )
        }
    }
}
