// A running engine, asked over its own HTTP interface: what it is, how likely it finds the tokens of a prompt,
// how it continues one. Prompts are token ids, so that no tokenizer of the engine has a say.
//
// What the routes look like: vLLM 0.11 to 0.32, vllm/entrypoints/openai; SGLang 0.5,
// python/sglang/srt/entrypoints/http_server.py and managers/tokenizer_manager.py.
// How answers are read: EndpointAnswers.swift; how requests are sent: EndpointRequests.swift.

import Checkpoints
import Diagnostics
import Documents

/// How patient a client is.
package struct EndpointPatience: Equatable, Sendable {
    /// For one answer.
    package var seconds = 600.0
    /// Tries while nothing listens or the engine says that it is not ready.
    package var tries = 4
    /// Before the second try; doubled before each further one.
    package var pause = 0.5

    package init() {}
}

/// A client of one engine.
///
/// - Checked by: EndpointTests, on recorded answers of vLLM; judge_endpoint.sh, on vLLM itself.
package struct EndpointClient: Sendable {
    package let address: EndpointAddress
    let key: APIKey?
    let patience: EndpointPatience

    package init(_ address: EndpointAddress, key: APIKey? = nil, patience: EndpointPatience = .init()) {
        self.address = address
        self.key = key
        self.patience = patience
    }

    // MARK: What it is

    /// Asks what listens there.
    ///
    /// - Parameter model: the name it must serve; nil takes the only one.
    /// - Throws: END-011 when it serves no such model, or several and none was named.
    package func describe(model: String? = nil) throws(Failure) -> EndpointDescription {
        let served = try models()
        guard let chosen = model.map({ name in served.first { $0.name == name } }) ?? served.first,
            model != nil || served.count == 1
        else {
            throw Failure(
                Finding(
                    .error, .endpointModelUnknown,
                    model == nil ? "the endpoint serves several models" : "the endpoint serves no such model",
                    file: "\(address)", expected: model ?? "one model",
                    found: served.isEmpty ? "none" : abridged(served.map(\.name)),
                    remedy: "name one of them with --model"))
        }
        let (engine, version) = try engine(owner: chosen.owner)
        return EndpointDescription(
            engine: engine, version: version, model: chosen.name, contextLength: chosen.contextLength)
    }

    /// vLLM tells its version at one route, SGLang at another, and each lacks the other's.
    private func engine(owner: String?) throws(Failure) -> (EndpointDescription.Engine, String?) {
        if owner != "sglang", let version = try version(at: "/version") { return (.vllm, version) }
        // The second name is the older one.
        for route in ["/server_info", "/get_server_info"] where owner != "vllm" {
            if let version = try version(at: route) { return (.sglang, version) }
        }
        switch owner {
        case "vllm": return (.vllm, nil)
        case "sglang": return (.sglang, nil)
        default: return (.other, nil)
        }
    }

    /// The member `version` of an object; nil where there is no such route.
    private func version(at route: String) throws(Failure) -> String? {
        guard let answer = try optional(route), case .object(let object) = answer,
            case .string(let version)? = object["version"]
        else { return nil }
        return String(Self.harmless(version).prefix(100))
    }

    // MARK: What it finds likely

    /// How likely the engine finds each token of a prompt after those before it.
    ///
    /// - Parameters:
    ///   - tokens: at least two.
    ///   - top: how many of the most likely tokens to ask for at each position.
    package func promptLogProbabilities(
        _ tokens: [Int], top: Int, of endpoint: EndpointDescription
    ) throws(Failure) -> PromptLogProbabilities {
        precondition(tokens.count > 1 && top >= 0, "\(tokens.count) tokens, \(top) of the most likely")
        switch endpoint.engine {
        case .sglang: return try sglangLogProbabilities(tokens, top)
        case .vllm: return try vllmLogProbabilities(tokens, top, endpoint.model)
        case .other: return try echoedLogProbabilities(tokens, top, endpoint.model)
        }
    }

    /// The tokens that the engine continues a prompt with, the most likely each time.
    ///
    /// - Parameters:
    ///   - count: new tokens at most; the engine ends earlier at its end tokens.
    ///   - ignoringEnd: goes on after them.
    package func greedyTokens(
        _ tokens: [Int], count: Int, ignoringEnd: Bool = false, of endpoint: EndpointDescription
    ) throws(Failure) -> [Int] {
        precondition(!tokens.isEmpty && count > 0, "\(tokens.count) tokens, \(count) new ones")
        let made =
            switch endpoint.engine {
            case .sglang: try sglangTokens(tokens, count, ignoringEnd)
            case .vllm, .other: try completedTokens(tokens, count, ignoringEnd, endpoint.model)
            }
        guard made.count <= count else {
            throw differ("/v1/completions", "at most \(count) new tokens", "\(made.count)")
        }
        return made
    }

    // MARK: Findings

    func malformed(_ route: String, _ error: DocumentError) -> Failure {
        Failure(Finding(error, code: .endpointAnswerMalformed, file: "\(address)\(route)"))
    }

    func differ(_ route: String, _ expected: String, _ found: String) -> Failure {
        Failure(
            Finding(
                .error, .endpointTokensDiffer, "the answer is about other tokens than were asked about",
                file: "\(address)\(route)", expected: expected, found: found,
                remedy: "ask the engine itself, without a proxy that changes requests"))
    }

    /// Text of an engine without what would move a cursor.
    static func harmless(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
    }
}
