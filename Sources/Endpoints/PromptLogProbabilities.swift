// What an engine says about the tokens of a prompt: how likely it finds each after those before it.

/// Log-probabilities of a prompt's tokens.
package struct PromptLogProbabilities: Equatable, Sendable {
    /// One of the most likely tokens.
    package struct Candidate: Equatable, Sendable {
        package let id: Int
        /// Natural logarithm; at most 0 but for rounding.
        package let logProbability: Double

        package init(id: Int, logProbability: Double) {
            self.id = id
            self.logProbability = logProbability
        }
    }

    /// What is said about one token.
    package struct Position: Equatable, Sendable {
        /// Of the token that stands there.
        package let actual: Double
        /// Its place among all tokens, 1 for the most likely; nil where the engine does not say.
        package let rank: Int?
        /// The most likely tokens, most likely first; of equals the smaller id.
        package let top: [Candidate]

        package init(actual: Double, rank: Int?, top: [Candidate]) {
            self.actual = actual
            self.rank = rank
            self.top = top
        }
    }

    /// The prompt.
    package let tokens: [Int]
    /// About the tokens from the second on: one fewer than tokens.
    package let positions: [Position]

    package init(tokens: [Int], positions: [Position]) {
        precondition(positions.count == max(0, tokens.count - 1), "one position for each token but the first")
        self.tokens = tokens
        self.positions = positions
    }
}

/// What listens at an endpoint.
package struct EndpointDescription: Equatable, Sendable {
    /// The kinds of engines whose ways are known.
    package enum Engine: String, Sendable {
        case vllm
        case sglang
        /// Any other with the completions route of OpenAI.
        case other
    }

    package let engine: Engine
    /// As the engine writes it.
    package let version: String?
    /// The name the model is served under.
    package let model: String
    /// Tokens that fit, prompt and answer together.
    package let contextLength: Int?

    package init(engine: Engine, version: String?, model: String, contextLength: Int?) {
        self.engine = engine
        self.version = version
        self.model = model
        self.contextLength = contextLength
    }
}
