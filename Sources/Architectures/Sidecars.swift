// The small files beside the weights that say something about token ids.

import Checkpoints
import Diagnostics
import Documents

/// The sidecars that the token checks read.
///
/// What is absent is not checked.
package struct Sidecars: Sendable {
    /// The document generation_config.json.
    package var generation: JSONValue?
    /// The document tokenizer_config.json.
    package var tokenizer: JSONValue?
    /// chat_template.jinja, or the member `chat_template` of tokenizer_config.json.
    package var chatTemplate: String?
    /// The added tokens of tokenizer.json with their ids.
    package var addedTokens: [String: Int] = [:]

    /// No sidecar read.
    package init() {}

    /// The largest sidecar read.
    ///
    /// Ling-flash-2.0's tokenizer.json has 7.7 MB.
    package static let sizeLimit = 1 << 28

    /// Reads the sidecars of a checkpoint; findings for those that are no JSON.
    package static func read(_ checkpoint: Checkpoint) -> (sidecars: Sidecars, findings: [Finding]) {
        var sidecars = Sidecars()
        var findings: [Finding] = []
        func bytes(_ name: String) -> [UInt8]? {
            guard checkpoint.sidecars.contains(name) else { return nil }
            do { return try FileAccess.read(checkpoint.path(of: name), limit: sizeLimit) } catch {
                findings += error.findings
                return nil
            }
        }
        func parsed<Value>(_ name: String, _ parse: ([UInt8]) throws(JSONError) -> Value) -> Value? {
            guard let bytes = bytes(name) else { return nil }
            do { return try parse(bytes) } catch {
                findings.append(Finding(error, code: .configMalformed, file: name))
                return nil
            }
        }
        func value(_ bytes: [UInt8]) throws(JSONError) -> JSONValue { try JSONValue(parsing: bytes) }
        sidecars.generation = parsed("generation_config.json", value)
        sidecars.tokenizer = parsed("tokenizer_config.json", value)
        sidecars.addedTokens = parsed("tokenizer.json", addedTokens(tokenizer:)) ?? [:]
        if let text = bytes("chat_template.jinja") {
            sidecars.chatTemplate = String(decoding: text, as: UTF8.self)
        } else if case .object(let object)? = sidecars.tokenizer,
            case .string(let text)? = object["chat_template"]
        {
            sidecars.chatTemplate = text
        }
        return (sidecars, findings)
    }

    /// The added tokens of a tokenizer.json; its vocabulary and merges are walked over, not kept.
    package static func addedTokens(tokenizer bytes: [UInt8]) throws(JSONError) -> [String: Int] {
        let result: Result<[String: Int], JSONError> = bytes.withUnsafeBytes { buffer in
            do throws(JSONError) { return .success(try readAddedTokens(buffer)) } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private static func readAddedTokens(_ buffer: UnsafeRawBufferPointer) throws(JSONError) -> [String: Int] {
        var scanner = JSONScanner(buffer)
        var tokens: [String: Int] = [:]
        var first = true
        try scanner.enter(UInt8(ascii: "{"))
        while try scanner.nextMember(closing: UInt8(ascii: "}"), first: &first) {
            let key = try scanner.takeString()
            try scanner.take(UInt8(ascii: ":"))
            guard key == "added_tokens" else {
                try skip(&scanner)
                continue
            }
            guard case .array(let elements) = try JSONValue.read(&scanner) else { continue }
            for case .object(let token) in elements {
                if case .string(let content)? = token["content"], case .number(let number)? = token["id"] {
                    tokens[content] = number.integer
                }
            }
        }
        return tokens
    }

    private static func skip(_ scanner: inout JSONScanner) throws(JSONError) {
        guard let lead = scanner.peek() else { throw JSONError(.unexpectedEnd, at: scanner.position) }
        var first = true
        switch lead {
        case UInt8(ascii: "{"):
            try scanner.enter(lead)
            while try scanner.nextMember(closing: UInt8(ascii: "}"), first: &first) {
                _ = try scanner.takeStringRange()
                try scanner.take(UInt8(ascii: ":"))
                try skip(&scanner)
            }
        case UInt8(ascii: "["):
            try scanner.enter(lead)
            while try scanner.nextMember(closing: UInt8(ascii: "]"), first: &first) { try skip(&scanner) }
        case UInt8(ascii: "\""): _ = try scanner.takeStringRange()
        case UInt8(ascii: "n"): try scanner.takeWord("null")
        case UInt8(ascii: "t"): try scanner.takeWord("true")
        case UInt8(ascii: "f"): try scanner.takeWord("false")
        default: _ = try scanner.takeNumber()
        }
    }
}
