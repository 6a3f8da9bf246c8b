// Which chat template a checkpoint has. Templates are programs in a language of their own; Ingot carries out
// the ones it knows, word for word, and refuses the others instead of guessing.

import Checkpoints
import Diagnostics
import Documents

/// The chat template of a Ling 2.0 instruct model, and of the Ring models that differ in its first line.
///
/// - Checked by: `ChatTemplateTests`, against transformers.
package struct ChatTemplate: Equatable, Sendable {
    /// What the system turn says about thinking.
    package enum Thinking: String, CaseIterable, Sendable {
        case off
        case on
    }

    /// `thinking_option`, which the first line of the template sets; a caller may set another.
    package var thinking: Thinking

    package init(thinking: Thinking) { self.thinking = thinking }

    /// SHA-256 of the template after its first line.
    ///
    /// - Source: Ling-V2, tokenizer_config.json of the instruct models.
    static let bodyDigest = "37e45a78ed21f0f6febae34df113c3e24562463c886744cbefafe49f1c9e9d0e"

    /// The template of a text, which must be a known one to the letter.
    ///
    /// Known are the first lines `{% set thinking_option = 'off' %}` and `'on'` before a body of a known
    /// digest.
    package init(recognising text: String, file: String) throws(Failure) {
        for thinking in [Thinking.off, .on] {
            let first = "{% set thinking_option = '\(thinking.rawValue)' %}\n"
            guard text.utf8.starts(with: first.utf8) else { continue }
            let body = String(decoding: text.utf8.dropFirst(first.utf8.count), as: UTF8.self)
            guard FileDigest.of(body) == Self.bodyDigest else { continue }
            self.init(thinking: thinking)
            return
        }
        throw Self.unknown(
            "a chat template that is not known", file, "SHA-256 \(FileDigest.of(text).prefix(16))…")
    }

    /// The template of a checkpoint folder: chat_template.jinja, else `chat_template` of
    /// tokenizer_config.json.
    package init(folder: String) throws(Failure) {
        let own = folder + "/chat_template.jinja"
        if FileAccess.kind(own) == .file {
            let text = try FileAccess.read(own, limit: 1 << 24)
            try self.init(recognising: String(decoding: text, as: UTF8.self), file: own)
            return
        }
        let file = folder + "/tokenizer_config.json"
        try self.init(configuration: FileAccess.read(file, limit: 1 << 24), file: file)
    }

    /// The template in the bytes of a tokenizer_config.json.
    package init(configuration bytes: [UInt8], file: String) throws(Failure) {
        let document: JSONValue
        do { document = try JSONValue(parsing: bytes) } catch {
            throw Failure(Finding(error, code: .tokeniserMalformed, file: file))
        }
        guard case .object(let object) = document, let value = object["chat_template"], value != .null else {
            throw Self.unknown("no chat template", file, "no \"chat_template\"")
        }
        guard case .string(let text) = value else {
            throw Self.unknown("a chat template that is no text", file, value.kind)
        }
        try self.init(recognising: text, file: file)
    }

    private static func unknown(_ what: String, _ file: String, _ found: String) -> Failure {
        Failure(
            Finding(
                .error, .chatTemplateUnknown, what, file: file, field: "chat_template",
                expected: "the template of the Ling 2.0 instruct models, or that of Ring 2.0", found: found,
                remedy: "take tokenizer_config.json from the released instruct model"))
    }
}
