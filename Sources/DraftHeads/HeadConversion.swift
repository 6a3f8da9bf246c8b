// A head in another form: bytes of weights are copied, names, config and the counting of layers change.

import Checkpoints
import Diagnostics
import Documents

/// The conversion of one head.
///
/// - Checked by: HeadFormTests, there and back between all forms, byte by byte; DraftCommandTests.
package struct HeadConversion {
    package let content: HeadContent
    package let output: OutputFolder
    private let source: String
    /// Further small files of the output: name and text.
    private let extras: [(name: String, text: String)]

    /// - Parameters:
    ///   - verifier: the name of the model that the head drafts for; the speculators form wants one.
    ///   - tokens: drafted tokens that the speculators form proposes.
    package init(
        _ head: HeadFile, to form: HeadForm, verifier: String?, tokens: Int, output: OutputFolder
    ) {
        var document = head.document
        document.form = form
        if let verifier {
            document.speculators = HeadDocument.speculatorsBlock(
                verifier: verifier, architectures: ["BailingMoeV2ForCausalLM"], tokens: tokens)
            document.speculatorsIsGiven = head.document.form != .speculators
        }
        self.init(head, as: document, output: output)
    }

    /// A head with a document of one's own.
    package init(
        _ head: HeadFile, as document: HeadDocument, output: OutputFolder,
        extras: [(name: String, text: String)] = []
    ) {
        content = HeadContent(head, as: document)
        source = head.folder
        self.output = output
        self.extras = extras
    }

    /// The output folder of a head.
    package static func output(_ path: String, policy: OutputFolder.Policy) -> OutputFolder {
        OutputFolder(path: path, policy: policy, marker: HeadContent.tensorsName, kind: "draft head")
    }

    /// What would stop the run later.
    package func check() throws(Failure) -> [Finding] {
        _ = try content.document.written(dtype: content.dtype)
        return output.check(input: source, bytes: try content.byteCount())
    }

    /// Writes the output and seals it; a run that was stopped starts over.
    package func run() throws(Failure) {
        let journal = try output.begin()
        do throws(Failure) {
            try content.write(to: output.partial)
            for extra in extras {
                _ = try FileAccess.writeSealed(extra.text, to: joined(output.partial, extra.name))
            }
            try output.seal()
        } catch {
            if !journal.hasUnits { output.discard() }
            throw error
        }
    }
}
