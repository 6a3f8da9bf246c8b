// A running server as a side: all it shows is how likely it finds each token of a prompt, and the likeliest few.

import Diagnostics
import Endpoints
import Tokenisation

/// A server that was asked who it is.
package struct ServerSide: Sendable {
    package let client: EndpointClient
    package let engine: EndpointDescription
    /// The likeliest tokens to ask for at each position.
    package let top: Int

    package init(client: EndpointClient, engine: EndpointDescription, top: Int) {
        self.client = client
        self.engine = engine
        self.top = top
    }

    /// What it says about every token of some texts but the first of each.
    ///
    /// - Throws: what the client throws; PAR-020 for a text that does not fit the server's context.
    func scores(
        _ rows: [TokenRow], progress: any ProgressSink
    ) throws(Failure) -> [SparseText] {
        progress.begin(stage: "server", total: rows.reduce(0) { $0 + $1.tokens.count }, unit: .tokens)
        defer { progress.end() }
        var result: [SparseText] = []
        for row in rows {
            if let length = engine.contextLength, row.tokens.count + 1 > length {
                throw Failure(
                    Finding(
                        .error, .nothingToCompare, "a text is longer than the server's context",
                        field: row.name, expected: "at most \(grouped(length - 1)) tokens",
                        found: grouped(row.tokens.count),
                        remedy: "--tokens \(length - 1), shorter rows, or a server with a larger "
                            + "--max-model-len"))
            }
            let answer = try client.promptLogProbabilities(row.tokens, top: top, of: engine)
            result.append(SparseText(row, answer))
            progress.advance(row.tokens.count)
        }
        return result
    }
}

/// A few log-probabilities at one position.
struct SparsePosition: Equatable, Sendable {
    /// By token.
    var listed: [Int: Double]
    /// The likeliest token, the lower id among equals.
    var choice: Int
    /// How far it is ahead of the second, nats.
    var choiceMargin: Double
    /// Of the token that follows in the text.
    var next: Double
}

/// What a side says about one text, about every token but the first.
struct SparseText: Equatable, Sendable {
    let name: String
    let positions: [SparsePosition]

    init(name: String, positions: [SparsePosition]) {
        self.name = name
        self.positions = positions
    }

    init(_ row: TokenRow, _ answer: PromptLogProbabilities) {
        name = row.name
        positions = zip(row.tokens.dropFirst(), answer.positions).map { token, position in
            var listed = [token: position.actual]
            for candidate in position.top { listed[candidate.id] = candidate.logProbability }
            let first = position.top.first
            let second = position.top.dropFirst().first
            return SparsePosition(
                listed: listed, choice: first?.id ?? -1,
                choiceMargin: first.flatMap { first in second.map { first.logProbability - $0.logProbability }
                }
                    ?? .infinity,
                next: position.actual)
        }
    }
}
