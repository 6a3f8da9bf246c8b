// The parts that answers of all engines are made of: rows, token ids, log-probabilities.

import Diagnostics
import Documents

extension EndpointClient {
    /// Above 0 by no more than this a log-probability is one that was rounded.
    private static let roundingAbove = 1e-3

    /// A member that is an array of a known length.
    func rows(
        _ reader: StrictReader, _ key: String, _ count: Int, _ route: String
    ) throws -> [JSONValue] {
        guard case .array(let rows) = try reader.required(key) else { throw reader.mismatch(key, "an array") }
        guard rows.count == count else {
            throw differ(route, "\(count) entries of \(key), one for each token", "\(rows.count)")
        }
        return rows
    }

    /// A finite number that can be a log-probability.
    func logProbability(_ value: JSONValue?, _ path: String, _ route: String) throws -> Double {
        guard case .number(let number)? = value, let logProbability = number.double,
            logProbability.isFinite, logProbability <= Self.roundingAbove
        else {
            let found =
                if case .number(let number)? = value { String(number.literal.prefix(40)) } else {
                    value?.kind ?? "no such key"
                }
            throw Failure(
                Finding(
                    .error, .endpointNumberImpossible, "a log-probability that cannot be one",
                    file: "\(address)\(route)", field: path, expected: "a finite number, at most 0",
                    found: found, remedy: "the engine's own log may say what went wrong"))
        }
        return logProbability
    }

    /// The ids in `tokens` of `logprobs`.
    func tokenIds(_ reader: StrictReader) throws -> [Int] {
        var ids: [Int] = []
        for (index, text) in try reader.strings("tokens").enumerated() {
            ids.append(try tokenId(text, "\(reader.path).tokens[\(index)]"))
        }
        return ids
    }

    /// An id, written as `32` or `token_id:32`.
    func tokenId(_ text: String, _ path: String) throws -> Int {
        let prefix = "token_id:"
        let digits = text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text
        if let id = Int(digits), id >= 0 { return id }
        throw DocumentError(
            path: path, what: "a token that is not given by its id", expected: "token_id:N",
            found: "\"\(Self.harmless(String(text.prefix(40))))\"",
            remedy: "use an engine that knows return_tokens_as_token_ids, such as vLLM")
    }

    /// The most likely of some candidates, most likely first, at most so many.
    func mostLikely(
        _ candidates: [PromptLogProbabilities.Candidate], _ top: Int
    ) -> [PromptLogProbabilities.Candidate] {
        let sorted = candidates.sorted { ($1.logProbability, $0.id) < ($0.logProbability, $1.id) }
        return Array(sorted.prefix(top))
    }

    /// The first ids of a row, for messages.
    func list(_ ids: [Int]) -> String {
        "\(ids.count) tokens: " + abridged(ids.map(String.init), limit: 8)
    }
}
