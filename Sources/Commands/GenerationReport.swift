// What is said about a generation: a line for a person, a document for a program.

import Backends
import Checkpoints
import Diagnostics
import Documents
import Glibc
import ReferenceModel
import Tokenisation

/// A finished generation and how it came about.
struct GenerationReport {
    let command: Generate
    let backend: any Backend
    let seed: UInt64
    /// The prompt as the model read it.
    let text: String
    let prompt: [Int]
    let answer: String
    let result: GenerationResult
    /// What became of the drafts; nil without a head.
    let drafted: DraftedAnswer?
    let tokeniser: Tokeniser

    private var isSampled: Bool { command.sampling.temperature > 0 }

    /// 128 and the number of the signal that ended it, as a shell expects.
    var exit: ExitStatus {
        guard result.stop == .interrupted else { return .done }
        return StopFlag.signal == SIGTERM ? .terminated : .interrupted
    }

    /// Counts, rates, why it ended.
    var status: String {
        var parts = ["\(grouped(prompt.count)) prompt tokens"]
        if !result.tokens.isEmpty {
            parts = [
                "\(grouped(prompt.count)) prompt tokens in \(decimals(result.promptSeconds, 2)) s"
                    + " (\(decimals(promptRate ?? 0, 1)) tokens/s)",
                "\(grouped(result.tokens.count)) new in \(decimals(result.tokenSeconds, 2)) s"
                    + (tokenRate.map { " (\(decimals($0, 1)) tokens/s)" } ?? ""),
            ]
        }
        if let length = drafted?.length { parts.append("\(decimals(length, 2)) tokens a pass") }
        if isSampled { parts.append("seed \(seed)") }
        parts.append("ended by " + ending)
        return parts.joined(separator: ", ")
    }

    private var ending: String {
        switch result.stop {
        case .endToken(let id): tokeniser.token(id) ?? "token \(id)"
        case .tokenLimit: "--tokens"
        case .contextFull: "the end of the context"
        case .interrupted: "a signal"
        }
    }

    var document: JSONValue {
        var document = JSONObject()
        document["checkpoint"] = .string(lastComponent(command.checkpoint))
        document["backend"] = .string(backend.name)
        document["numerics"] = .string(backend.numerics.name)
        document["prompt"] = .string(text)
        document["prompt_tokens"] = .array(prompt.map { .integer($0) })
        document["tokens"] = .array(result.tokens.map { .integer($0) })
        document["text"] = .string(answer)
        document["stop"] = stop
        document["temperature"] = .number(JSONNumber(literal: String(command.sampling.temperature)))
        if isSampled {
            document["top_k"] = .integer(command.sampling.topK)
            document["top_p"] = .real(command.sampling.topP)
            document["seed"] = .integer(seed)
        }
        document["repetition_penalty"] = .number(
            JSONNumber(literal: String(command.sampling.repetitionPenalty)))
        if let drafted, let draft = command.draft {
            document["draft"] = [
                "head": .string(lastComponent(draft)), "drafts": .integer(drafted.cycles),
                "accepted": .integer(drafted.accepted),
                "acceptance_length": drafted.length.map { .real($0) } ?? .null,
            ]
        }
        document["prompt_seconds"] = .real(result.promptSeconds)
        document["prompt_tokens_per_second"] = promptRate.map { .real($0) } ?? .null
        document["token_seconds"] = .real(result.tokenSeconds)
        document["tokens_per_second"] = tokenRate.map { .real($0) } ?? .null
        return .object(document)
    }

    private var stop: JSONValue {
        switch result.stop {
        case .endToken(let id): ["reason": "end-token", "token": .integer(id)]
        case .tokenLimit: ["reason": "token-limit"]
        case .contextFull: ["reason": "context-full"]
        case .interrupted: ["reason": "interrupted"]
        }
    }

    private var promptRate: Double? {
        result.promptSeconds > 0 ? Double(prompt.count) / result.promptSeconds : nil
    }

    /// The first new token belongs to the prompt's time.
    private var tokenRate: Double? {
        result.tokens.count > 1 && result.tokenSeconds > 0
            ? Double(result.tokens.count - 1) / result.tokenSeconds : nil
    }
}
