// Rows of sample text, one JSON object a line: conversations, plain text, or token ids. What a parity run or a
// calibration feeds to a model.

import Checkpoints
import Diagnostics
import Documents

/// One row of a data file.
package struct SampleRow: Equatable, Sendable {
    /// What the row holds.
    package enum Content: Equatable, Sendable {
        case conversation([ChatMessage])
        case text(String)
        case tokens([Int])
    }

    /// The row's own name, or its line number.
    package let name: String
    /// What field the row is of; nil where it does not say.
    package let domain: String?
    package let content: Content
    /// The line it stands in, from 1.
    package let line: Int

    package init(name: String, domain: String? = nil, content: Content, line: Int = 1) {
        self.name = name
        self.domain = domain
        self.content = content
        self.line = line
    }
}

/// A row as the model reads it.
package struct TokenRow: Equatable, Sendable {
    package let name: String
    /// At least one.
    package let tokens: [Int]

    package init(name: String, tokens: [Int]) {
        self.name = name
        self.tokens = tokens
    }
}

extension SampleRow {
    /// The largest data file that is read, bytes.
    package static let fileLimit = 1 << 30
    private static let keys = ["conversations", "messages", "text", "tokens", "input_ids"]

    /// Reads a JSONL file: a JSON object in every line that is not empty.
    ///
    /// A row has `conversations` or `messages` (a list of `role` and `content`, or of `from` and `value`),
    /// `text`, or `tokens` (also `input_ids`). `id` names it, `domain` says what it is about. Other members mean
    /// nothing here.
    ///
    /// - Throws: TOK-012 with the line.
    package static func read(_ path: String) throws(Failure) -> [SampleRow] {
        try JSONLines.read(path, limit: fileLimit, code: .sampleMalformed) {
            (line, object) throws(DocumentError) in try SampleRow(line: line, object)
        }
    }

    private init(line: Int, _ object: JSONObject) throws(DocumentError) {
        self.line = line
        name = object.rowName ?? "line \(line)"
        if case .string(let text)? = object["domain"] { domain = text } else { domain = nil }
        let present = Self.keys.filter { object[$0] != nil }
        guard let key = present.first, present.count == 1, let value = object[key] else {
            throw DocumentError(
                path: "", what: present.isEmpty ? "a row without text" : "a row with two texts",
                expected: "one of " + Self.keys.joined(separator: ", "),
                found: (present.isEmpty ? object.keys : present).joined(separator: ", "),
                remedy: object.keys.lazy.compactMap { nearMiss($0, among: Self.keys) }.first.map {
                    "did you mean \"\($0)\"?"
                })
        }
        switch key {
        case "text":
            guard case .string(let text) = value else { throw Self.wrong(key, "a string", value) }
            content = .text(text)
        case "tokens", "input_ids": content = .tokens(try Self.integers(value, key))
        default: content = .conversation(try ChatMessage.conversation(Self.renamed(value), path: key))
        }
    }

    private static func wrong(_ key: String, _ expected: String, _ value: JSONValue) -> DocumentError {
        DocumentError(
            path: key, what: "a value of the wrong kind", expected: expected, found: value.kind)
    }

    private static func integers(_ value: JSONValue, _ key: String) throws(DocumentError) -> [Int] {
        guard case .array(let elements) = value, !elements.isEmpty else {
            throw wrong(key, "a list of token ids, one at least", value)
        }
        var result: [Int] = []
        for element in elements {
            guard case .number(let number) = element, let id = number.integer, id >= 0 else {
                throw wrong(key, "token ids", element)
            }
            result.append(id)
        }
        return result
    }

    /// Messages of the form `from`, `value` in the common one.
    private static func renamed(_ value: JSONValue) -> JSONValue {
        guard case .array(let elements) = value else { return value }
        return .array(
            elements.map { element in
                guard case .object(let object) = element, case .string(let from)? = object["from"],
                    let text = object["value"], object["role"] == nil
                else { return element }
                let roles = ["human": "user", "gpt": "assistant"]
                return ["role": .string(roles[from] ?? from), "content": text]
            })
    }
}

extension JSONObject {
    /// What a row calls itself: `id`, a string or a number.
    package var rowName: String? {
        switch self["id"] {
        case .string(let text)?: text
        case .number(let number)?: number.literal
        default: nil
        }
    }
}

/// Turns rows into tokens with what a checkpoint brings along.
package struct SampleEncoder {
    private let tokeniser: Tokeniser
    private let template: Result<ChatTemplate, Failure>
    private var encoder: TokenEncoder

    /// - Parameter folder: of a checkpoint with a tokenizer.json.
    package init(folder: String) throws(Failure) {
        tokeniser = try Tokeniser(folder: folder)
        encoder = TokenEncoder(tokeniser)
        // Plain text and token ids need none.
        do throws(Failure) { template = .success(try ChatTemplate(folder: folder)) } catch {
            template = .failure(error)
        }
    }

    /// The tokens of a row; of a conversation, those of its rendering.
    package mutating func tokens(_ row: SampleRow) throws(Failure) -> [Int] {
        switch row.content {
        case .tokens(let tokens): return tokens
        case .text(let text): return encoder.encode(text)
        case .conversation(let messages):
            let template = try template.get()
            do throws(Failure) { return encoder.encode(try template.render(messages)) } catch {
                throw Failure(
                    error.findings.map { finding in
                        var finding = finding
                        finding.subjects.append(Finding.Subject(label: "row", value: row.name))
                        return finding
                    })
            }
        }
    }

    /// The tokens of a conversation with an open assistant's turn, and of text that goes on from there.
    package mutating func tokens(_ messages: [ChatMessage], continuing text: String) throws(Failure) -> [Int]
    {
        encoder.encode(try template.get().render(messages, addingGenerationPrompt: true) + text)
    }
}
