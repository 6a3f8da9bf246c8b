// The root command: what `ingot --help` lists.

import ArgumentParser
import Quantisation

/// `ingot`, the command people type.
package struct Ingot: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "ingot",
        abstract: "Convert, quantise, check and lay out checkpoints of the Ling-flash-2.0 family.",
        discussion: """
            A checkpoint is a folder with config.json and safetensors shards. Nothing is written in place: an \
            output appears under its name when it is whole. Every message ends with a code that \
            `ingot explain CODE` explains.

            Example:
              ingot inspect Ling-flash-2.0
              ingot quantise Ling-flash-2.0 --target vllm-0.33.0/h20-96g --output FP8
              ingot verify Ling-flash-2.0 FP8 --data texts.jsonl

            Exit status: 0 done, 1 a check says no, 64 usage, 65 bad data, 66 input missing, 70 a fault of \
            ours, 73 cannot create the output, 74 input or output failed, 75 stopped and can be resumed, \
            78 bad profile, 130 and 143 ended by Ctrl-C or a polite kill with nothing to resume.
            """,
        version: "ingot \(ingotVersion)",
        subcommands: [Manual.self],
        groupedSubcommands: [
            CommandGroup(
                name: "Everyday",
                subcommands: [
                    RunChain.self, Inspect.self, Validate.self, Quantise.self, Verify.self,
                ]),
            CommandGroup(name: "Before quantising", subcommands: [Calibrate.self, Sensitivity.self]),
            CommandGroup(
                name: "After quantising",
                subcommands: [
                    Draft.self, Shard.self, Publish.self, Generate.self, Dequantise.self,
                ]),
            CommandGroup(name: "Past one machine", subcommands: [Unit.self]),
            CommandGroup(name: "To look up", subcommands: [Profiles.self, Explain.self]),
        ])

    package init() {}
}
