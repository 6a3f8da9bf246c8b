// ingot draft convert: the same head in another project's form.

import Architectures
import ArgumentParser
import Checkpoints
import Diagnostics
import Documents
import DraftHeads

/// Converts a draft head.
struct DraftConvert: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Write a draft head in the form of SpecForge, vLLM or speculators.",
        usage: "ingot draft convert HEAD --to vllm --output FOLDER",
        discussion: """
            Names, config, norm flags and the counting of layer ids change; weights are copied bit by bit. What the \
            form cannot say is an error. A way there and back gives the same bytes.

            Example:
              ingot draft convert head --to vllm --output head-vllm
            """)

    @Argument(help: "The folder of the head.", completion: .directory)
    var head: String

    @Option(
        help: ArgumentHelp("The form to write.", valueName: "form"))
    var to: HeadForm

    @Option(
        help: ArgumentHelp(
            "The checkpoint that the head drafts for: decides what layer ids mean.", valueName: "folder"),
        completion: .directory)
    var model: String?

    @Option(
        help: ArgumentHelp(
            "The name of that model on its hub, which the speculators form says.", valueName: "owner/name"))
    var verifier: String?

    @Option(
        help: ArgumentHelp("Tokens drafted at a time, which the speculators form says.", valueName: "count"))
    var steps = 3

    @OptionGroup var layers: LayerOptions
    @OptionGroup(title: OutputOptions.title) var output: HeadOutputOptions
    @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

    func run() throws {
        try options.report("draft convert") { () throws(Failure) in
            let count = try model.map(targetConfiguration)?.layerCount
            let head = try HeadFile.open(self.head, layers: layers.layers, layerCount: count)
            let conversion = HeadConversion(
                head, to: to, verifier: verifier, tokens: steps, output: output.folder)
            return try output.result(conversion, head, to: to.rawValue)
        }
    }
}

/// Where a head is written.
struct HeadOutputOptions: ParsableArguments {
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("The folder to make. It appears when it is whole.", valueName: "folder"),
        completion: .directory)
    var output: String

    @Flag(help: "Check everything and print the config; write nothing.")
    var dryRun = false

    @Flag(help: "Put the new head in the place of the one that stands at the output.")
    var replace = false

    func validate() throws {
        guard !output.isEmpty else { throw ValidationError("--output takes the path of a folder") }
    }

    /// An unfinished run of a few seconds is not gone on with but done again.
    var folder: OutputFolder { HeadConversion.output(output, policy: .init(resume: true, replace: replace)) }

    /// Checks, writes unless it is a rehearsal, and says what the head is now.
    func result(
        _ conversion: HeadConversion, _ head: HeadFile, to form: String
    ) throws(Failure) -> CommandResult {
        try conversion.check().throwErrors()
        let config = JSONValue.object(
            try conversion.content.document.written(dtype: conversion.content.dtype))
        if !dryRun { try conversion.run() }
        let ids = head.document.layerIds
        let after = ids.points.map { $0.afterLayer.map { "\($0)" } ?? "the embedding" }
        let text =
            "states after layers \(after.joined(separator: ", ")): \(ids.reason.rawValue)\n"
            + (dryRun
                ? config.text()
                : "wrote \(conversion.output.path): \(form), \(grouped(head.layout.count)) parameters")
        return CommandResult(
            text: text,
            document: [
                "output": dryRun ? .null : .string(conversion.output.path), "form": .string(form),
                "parameters": .integer(head.layout.count), "reading": .string(ids.reason.rawValue),
                "after": .array(ids.points.map { $0.afterLayer.map { .integer($0) } ?? .null }),
                "config": config,
            ])
    }
}
