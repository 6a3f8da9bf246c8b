// ingot draft audit: will this head work with this target?

import Architectures
import ArgumentParser
import Checkpoints
import Diagnostics
import Documents
import DraftHeads
import ReferenceModel
import Tokenisation

/// Audits a draft head.
struct DraftAudit: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Check a finished draft head against its target before it is served.",
        usage: "ingot draft audit HEAD TARGET [--data FILE.jsonl]",
        discussion: """
            Tensors, vocabulary maps, token ids, widths and norms from the files; weights are read in pieces, so that \
            a full-size head takes little memory. With --data the head guesses on text: from the layers that its \
            config names, and from the ones before and after, which must be worse. Exit status 0 without errors.

            Example:
              ingot draft audit head Ling-flash-2.0 --data texts.jsonl
            """)

    @Argument(help: "The folder of the head.", completion: .directory)
    var head: String

    @Argument(
        help: "The folder of the target; its config.json is enough without --data.", completion: .directory)
    var target: String

    @Option(
        help: ArgumentHelp("JSONL rows of conversations, text or tokens to guess on.", valueName: "file"),
        completion: .rows)
    var data: String?

    @Option(help: ArgumentHelp("Tokens of the data to read.", valueName: "count"))
    var tokens = 8192

    @Flag(help: "Do not look at the weights.")
    var headers = false

    @Option(
        help: ArgumentHelp("Write the report as one HTML file.", valueName: "file"), completion: .page)
    var report: String?

    @OptionGroup var layers: LayerOptions
    @OptionGroup(title: BackendOptions.title) var backend: BackendOptions
    @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

    func validate() throws {
        guard tokens > 2 else { throw ValidationError("--tokens takes a number from 3") }
    }

    func run() throws {
        try options.report("draft audit") { () throws(Failure) in
            stopOnSignals()
            try checkPage(report)
            let configuration = try targetConfiguration(target)
            var audit = try HeadAudit(
                head, target: configuration, layers: layers.layers, readsWeights: !headers)
            if let data, audit.head != nil { try read(data, &audit) }
            let report = HeadAuditReport(target: target, audit: audit)
            if let path = self.report { try report.write(to: path) }
            let error = audit.findings.first { $0.level == .error }
            return CommandResult(
                text: report.text, document: report.document, findings: audit.findings,
                exit: error.map(\.code.exit) ?? .done)
        }
    }

    private func read(_ data: String, _ audit: inout HeadAudit) throws(Failure) {
        let backend = try self.backend.makeBackend()
        let opened = try OpenedCheckpoint(target)
        let weights = try CheckpointWeights(
            opened.checkpoint, opened.quantised, budget: self.backend.budget)
        let rows = try TokenRow.read(data, folder: target)
        try TokenRow.check(rows, vocabulary: weights.configuration.vocabularySize, file: data)
        let texts = TokenRow.cut(rows, to: tokens).map {
            Array($0.tokens.prefix(weights.configuration.contextLength))
        }
        try audit.read(
            texts, pass: ForwardPass(weights.configuration, weights: weights, backend: backend),
            profile: try AuditProfile.standard())
    }
}
