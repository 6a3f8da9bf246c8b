// How the answers of engines read, each in its own way, and what is checked before a number is believed: as many
// positions as tokens, the very tokens that were asked about, log-probabilities that can be some.

import Diagnostics
import Documents

extension EndpointClient {
    private static let completions = "/v1/completions"
    private static let generate = "/generate"

    private typealias Position = PromptLogProbabilities.Position
    private typealias Candidate = PromptLogProbabilities.Candidate

    // MARK: vLLM

    /// `prompt_logprobs` of the completions route, of vLLM and vLLM-Ascend.
    ///
    /// `[null, {"32": {"logprob": -0.5, "rank": 1, "decoded_token": "A"}, …}, …]`: the most likely tokens, and the
    /// one that stands there wherever it ranks.
    func vllmLogProbabilities(
        _ tokens: [Int], _ top: Int, _ model: String
    ) throws(Failure) -> PromptLogProbabilities {
        var body = request(tokens, model, count: 1)
        body["prompt_logprobs"] = .integer(top)
        let document = try ask(
            Question(
                Self.completions, body, tokens: tokens.count, top: top,
                remedy: "start vLLM with --max-logprobs \(max(top, 1)) or more, or ask for fewer"))
        let positions = try read(Self.completions) { () throws -> [Position]? in
            let choice = try firstChoice(document)
            try checkPrompt(choice, tokens)
            guard choice.has("prompt_logprobs") else { return nil }
            let rows = try rows(choice, "prompt_logprobs", tokens.count, Self.completions)
            return try rows.enumerated().dropFirst().map { index, row in
                try vllmPosition(row, token: tokens[index], top, "\(choice.path).prompt_logprobs[\(index)]")
            }
        }
        // A proxy, or an engine that only sounds like vLLM, may leave the member out.
        guard let positions else { return try echoedLogProbabilities(tokens, top, model) }
        return PromptLogProbabilities(tokens: tokens, positions: positions)
    }

    private func vllmPosition(
        _ value: JSONValue, token: Int, _ top: Int, _ path: String
    ) throws -> PromptLogProbabilities.Position {
        guard case .object(let object) = value else {
            throw DocumentError(
                path: path, what: "a position without tokens", expected: "an object", found: value.kind)
        }
        var candidates: [Candidate] = []
        var actual: (Double, Int?)?
        for member in object.members {
            let place = "\(path).\(Self.harmless(String(member.key.prefix(40))))"
            let entry = try StrictReader(member.value, path: place)
            let id = try tokenId(member.key, place)
            let number = try logProbability(entry.value("logprob"), "\(place).logprob", Self.completions)
            let rank = entry.has("rank") ? try entry.integer("rank") : nil
            if id == token { actual = (number, rank) }
            if rank.map({ $0 <= top }) ?? true {
                candidates.append(Candidate(id: id, logProbability: number))
            }
        }
        guard let actual else {
            throw differ(Self.completions, "token \(token) at \(path)", "\(object.members.count) others")
        }
        return Position(actual: actual.0, rank: actual.1, top: mostLikely(candidates, top))
    }

    // MARK: The route of OpenAI

    /// `echo` with `logprobs`: the prompt comes back with the answer, token by token.
    ///
    /// Tokens are asked for as `token_id:N`: texts of tokens need not be distinct.
    func echoedLogProbabilities(
        _ tokens: [Int], _ top: Int, _ model: String
    ) throws(Failure) -> PromptLogProbabilities {
        var body = request(tokens, model, count: 1)
        body["echo"] = true
        body["logprobs"] = .integer(top)
        let document = try ask(
            Question(
                Self.completions, body, tokens: tokens.count + 1, top: top,
                remedy: "the engine must give log-probabilities of a prompt: echo with logprobs"))
        let positions = try read(Self.completions) { () throws -> [Position] in
            let choice = try firstChoice(document)
            try checkPrompt(choice, tokens)
            let reader = try choice.object("logprobs")
            let ids = try tokenIds(reader)
            guard ids.count >= tokens.count, Array(ids.prefix(tokens.count)) == tokens else {
                throw differ(Self.completions, list(tokens), list(Array(ids.prefix(tokens.count))))
            }
            let numbers = try rows(reader, "token_logprobs", ids.count, Self.completions)
            let tops =
                reader.has("top_logprobs") && top > 0
                ? try rows(reader, "top_logprobs", ids.count, Self.completions) : nil
            return try (1..<tokens.count).map { index in
                let actual = try logProbability(
                    numbers[index], "\(reader.path).token_logprobs[\(index)]", Self.completions)
                let path = "\(reader.path).top_logprobs[\(index)]"
                return Position(
                    actual: actual, rank: nil, top: try echoedTop(tops?[index] ?? .null, top, path))
            }
        }
        return PromptLogProbabilities(tokens: tokens, positions: positions)
    }

    private func echoedTop(
        _ value: JSONValue, _ top: Int, _ path: String
    ) throws -> [PromptLogProbabilities.Candidate] {
        guard case .object(let object) = value else { return [] }
        let candidates = try object.members.map { member in
            Candidate(
                id: try tokenId(member.key, path),
                logProbability: try logProbability(member.value, path, Self.completions))
        }
        return mostLikely(candidates, top)
    }

    /// New tokens of the completions route.
    func completedTokens(
        _ tokens: [Int], _ count: Int, _ ignoringEnd: Bool, _ model: String
    ) throws(Failure) -> [Int] {
        var body = request(tokens, model, count: count)
        body["logprobs"] = 1
        if ignoringEnd { body["ignore_eos"] = true }
        let document = try ask(
            Question(Self.completions, body, tokens: tokens.count + count, top: 1))
        return try read(Self.completions) { () throws -> [Int] in
            let choice = try firstChoice(document)
            try checkPrompt(choice, tokens)
            return choice.has("token_ids")
                ? try choice.integers("token_ids") : try tokenIds(choice.object("logprobs"))
        }
    }

    private func request(_ tokens: [Int], _ model: String, count: Int) -> JSONObject {
        var body = JSONObject()
        body["model"] = .string(model)
        body["prompt"] = .array(tokens.map { .integer($0) })
        body["max_tokens"] = .integer(count)
        body["temperature"] = 0
        body["return_token_ids"] = true
        body["return_tokens_as_token_ids"] = true
        return body
    }

    private func firstChoice(_ document: JSONValue) throws -> StrictReader {
        let choices = try StrictReader(document).objects("choices")
        if choices.count == 1, let choice = choices.first { return choice }
        throw DocumentError(
            path: "choices", what: "one answer was asked for", expected: "one choice",
            found: "\(choices.count)")
    }

    /// Where the engine says which tokens it read, they are those that were sent.
    private func checkPrompt(_ choice: StrictReader, _ tokens: [Int]) throws {
        guard choice.has("prompt_token_ids") else { return }
        let read = try choice.integers("prompt_token_ids")
        guard read == tokens else { throw differ(Self.completions, list(tokens), list(read)) }
    }

    // MARK: SGLang

    /// `input_token_logprobs` and `input_top_logprobs` of SGLang's own route: `[log-probability, id, text]` each.
    func sglangLogProbabilities(_ tokens: [Int], _ top: Int) throws(Failure) -> PromptLogProbabilities {
        var body = sglangRequest(tokens, count: 1, ignoringEnd: false)
        body["logprob_start_len"] = 0
        body["top_logprobs_num"] = .integer(top)
        let document = try ask(Question(Self.generate, body, tokens: tokens.count, top: top))
        let positions = try read(Self.generate) { () throws -> [Position] in
            let about = try StrictReader(document).object("meta_info")
            let actual = try rows(about, "input_token_logprobs", tokens.count, Self.generate)
            let tops = top > 0 ? try rows(about, "input_top_logprobs", tokens.count, Self.generate) : nil
            return try (0..<tokens.count).compactMap { index in
                let path = "\(about.path).input_token_logprobs[\(index)]"
                // The first token has no number: nothing stands before it.
                let entry = try sglangEntry(actual[index], path, isFirst: index == 0)
                guard entry.id == tokens[index] else {
                    throw differ(Self.generate, "token \(tokens[index]) at \(path)", "token \(entry.id)")
                }
                guard index > 0 else { return nil }
                return Position(
                    actual: entry.logProbability, rank: nil,
                    top: try sglangTop(
                        tops?[index] ?? .null, top, "\(about.path).input_top_logprobs[\(index)]"))
            }
        }
        return PromptLogProbabilities(tokens: tokens, positions: positions)
    }

    private func sglangTop(
        _ value: JSONValue, _ top: Int, _ path: String
    ) throws -> [PromptLogProbabilities.Candidate] {
        guard top > 0 else { return [] }
        guard case .array(let entries) = value else {
            throw DocumentError(
                path: path, what: "a position without tokens", expected: "an array", found: value.kind)
        }
        return mostLikely(try entries.map { try sglangEntry($0, path, isFirst: false) }, top)
    }

    private func sglangEntry(
        _ value: JSONValue, _ path: String, isFirst: Bool
    ) throws -> PromptLogProbabilities.Candidate {
        guard case .array(let parts) = value, parts.count >= 2, case .number(let number) = parts[1],
            let id = number.integer
        else {
            throw DocumentError(
                path: path, what: "this is no token with its log-probability",
                expected: "[log-probability, id, text]", found: value.kind)
        }
        return Candidate(
            id: id, logProbability: isFirst ? 0 : try logProbability(parts[0], path, Self.generate))
    }

    /// New tokens of SGLang's own route.
    func sglangTokens(_ tokens: [Int], _ count: Int, _ ignoringEnd: Bool) throws(Failure) -> [Int] {
        let body = sglangRequest(tokens, count: count, ignoringEnd: ignoringEnd)
        let document = try ask(Question(Self.generate, body, tokens: count, top: 1))
        return try read(Self.generate) { () throws -> [Int] in
            let reader = try StrictReader(document)
            if reader.has("output_ids") { return try reader.integers("output_ids") }
            let about = try reader.object("meta_info")
            guard case .array(let entries) = try about.required("output_token_logprobs") else {
                throw about.mismatch("output_token_logprobs", "an array")
            }
            let path = "\(about.path).output_token_logprobs"
            return try entries.map { try sglangEntry($0, path, isFirst: false).id }
        }
    }

    private func sglangRequest(_ tokens: [Int], count: Int, ignoringEnd: Bool) -> JSONObject {
        var sampling = JSONObject()
        sampling["temperature"] = 0
        sampling["max_new_tokens"] = .integer(count)
        if ignoringEnd { sampling["ignore_eos"] = true }
        var body = JSONObject()
        body["input_ids"] = .array(tokens.map { .integer($0) })
        body["sampling_params"] = .object(sampling)
        body["return_logprob"] = true
        body["stream"] = false
        return body
    }
}
