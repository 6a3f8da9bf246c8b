// ingot draft attach: a head for an engine, with the words that start it.

import Architectures
import ArgumentParser
import Checkpoints
import Diagnostics
import Documents
import DraftHeads

/// Makes a draft head ready for an engine.
struct DraftAttach: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attach",
        abstract: "Write a draft head as an engine reads it, with the command that serves it.",
        usage: "ingot draft attach TARGET HEAD --target ENGINE/DEVICE --output FOLDER",
        discussion: """
            The folder holds the head in the engine's form, layer ids as that version counts them, token ids of the \
            target, and serve.txt with the command. An engine that cannot serve the pair is an error that says why.

            Example:
              ingot draft attach FP8 head --target sglang-0.5.6/h200-141g --output served
            """)

    @Argument(help: "The folder of the target.", completion: .directory)
    var model: String

    @Argument(help: "The folder of the head.", completion: .directory)
    var head: String

    @Option(
        help: ArgumentHelp("The engine and device that will serve.", valueName: "engine/device"),
        completion: .targets)
    var target: String

    @Option(help: ArgumentHelp("Tokens drafted at a time.", valueName: "count"))
    var steps = 3

    @Flag(help: "The engine was patched with the interface for draft heads that its release lacks.")
    var patched = false

    @OptionGroup var layers: LayerOptions
    @OptionGroup(title: OutputOptions.title) var output: HeadOutputOptions
    @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

    func validate() throws {
        guard (1...64).contains(steps) else { throw ValidationError("--steps takes a number from 1 to 64") }
    }

    func run() throws {
        try options.report("draft attach") { () throws(Failure) in
            let target = try Target(self.target, .embedded)
            let configuration = try targetConfiguration(model)
            let head = try HeadFile.open(
                self.head, layers: layers.layers, layerCount: configuration.layerCount)
            let attachment = HeadAttachment(
                head, to: configuration, for: target, places: (model: model, head: output.folder.path),
                steps: steps, isPatched: patched)
            let findings = head.mismatches(configuration) + attachment.findings
            try findings.throwErrors()
            let conversion = HeadConversion(
                head, as: attachment.document, output: output.folder,
                extras: [(HeadAttachment.commandName, attachment.command + "\n")])
            var result = try output.result(conversion, head, to: attachment.document.form.rawValue)
            result.text += "\n\n" + attachment.command
            result.findings = findings
            if case .object(var document) = result.document {
                document["command"] = .string(attachment.command)
                document["target"] = .string(target.name)
                result.document = .object(document)
            }
            return result
        }
    }
}
