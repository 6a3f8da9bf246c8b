// ingot publish verify: is this folder what was released?

import ArgumentParser
import Diagnostics
import Documents
import Publishing

/// Verifies a release folder.
struct PublishVerify: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Verify digests, signature and origin of a release folder.",
        usage: "ingot publish verify DIR [--key KEY.pub] [--base DIR]",
        discussion: """
            Reads every byte. SHA256SUMS is always held to the files, quantisation.json to the tensors. With --key \
            the signature model.sig must be that key's over exactly these files; with --base every tensor is \
            followed to the base model it was made from.

            Example:
              ingot publish verify release --base Ling-flash-2.0
            """)

    @Argument(help: "The folder.", completion: .directory)
    var folder: String

    @Option(
        help: ArgumentHelp("The publisher's public key, PEM.", valueName: "file"), completion: .file())
    var key: String?

    @Option(help: ArgumentHelp("The base model.", valueName: "folder"), completion: .directory)
    var base: String?

    @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

    func run() throws {
        try options.report("publish verify") { () throws(Failure) in
            stopOnSignals()
            let verified = try ReleaseVerification(key: key, base: base, progress: options.sink).run(folder)
            return CommandResult(
                text: verified.text, document: verified.document, findings: verified.findings,
                exit: verified.passes ? .done : .refused)
        }
    }
}
