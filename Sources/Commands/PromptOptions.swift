// What the model is asked: a prompt or a conversation, through the checkpoint's chat template or as it stands.

import ArgumentParser
import Checkpoints
import Diagnostics
import Documents
import Tokenisation

/// Options that make the prompt.
struct PromptOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What to ask. Rendered through the chat template of the checkpoint.", valueName: "text"))
    var prompt: String?

    @Option(
        help: ArgumentHelp(
            "A conversation instead of --prompt: a JSON file with a list of {\"role\", \"content\"}.",
            valueName: "file"), completion: .file())
    var messages: String?

    @Option(help: ArgumentHelp("The system message before --prompt.", valueName: "text"))
    var system: String?

    @Option(help: "Think before answering, where the template knows it; its own word by default.")
    var thinking: ChatTemplate.Thinking?

    @Flag(help: "Continue the prompt as it stands: no template.")
    var raw = false

    func validate() throws {
        guard (prompt == nil) != (messages == nil) else {
            throw ValidationError("give --prompt TEXT or --messages FILE, one of them")
        }
        if messages != nil, system != nil {
            throw ValidationError("--system goes with --prompt; with --messages it is their first message")
        }
        guard raw else { return }
        if messages != nil || system != nil || thinking != nil {
            throw ValidationError("--raw knows no template: it goes without --messages, --system, --thinking")
        }
    }

    /// The text that the model reads.
    func text(for folder: String) throws(Failure) -> String {
        if raw { return prompt ?? "" }
        var template = try Self.template(of: folder)
        if let thinking { template.thinking = thinking }
        return try template.render(conversation(), addingGenerationPrompt: true)
    }

    private func conversation() throws(Failure) -> [ChatMessage] {
        guard let messages else {
            let first = system.map { [ChatMessage(role: "system", content: $0)] } ?? []
            return first + [ChatMessage(role: "user", content: prompt ?? "")]
        }
        let bytes = try FileAccess.read(messages, limit: 1 << 26)
        let document: JSONValue
        do { document = try JSONValue(parsing: bytes) } catch {
            throw Failure(Finding(error, code: .tokeniserMalformed, file: messages))
        }
        do { return try ChatMessage.conversation(document) } catch {
            throw Failure(Finding(error, code: .tokeniserMalformed, file: messages))
        }
    }

    private static func template(of folder: String) throws(Failure) -> ChatTemplate {
        let places = ["chat_template.jinja", "tokenizer_config.json"]
        guard places.contains(where: { FileAccess.kind(folder + "/" + $0) == .file }) else {
            throw Failure(
                Finding(
                    .error, .chatTemplateMissing, "the checkpoint has no chat template", file: folder,
                    expected: places.joined(separator: ", or chat_template in "), found: "neither file",
                    remedy: "copy tokenizer_config.json from the released instruct model, or give --raw"))
        }
        do throws(Failure) { return try ChatTemplate(folder: folder) } catch {
            throw Failure(
                error.findings.map { finding in
                    var finding = finding
                    finding.remedy = (finding.remedy.map { $0 + "; " } ?? "") + "or give --raw"
                    return finding
                })
        }
    }
}

extension ChatTemplate.Thinking: ExpressibleByArgument {}
