// The client of engines on answers of a real vLLM, recorded, and on answers of the other kinds written by hand
// after their sources.

import Diagnostics
import Documents
import Endpoints
import Foundation
import TestSupport
import Testing

/// What a fake engine answers, by route.
struct Recordings: Sendable {
    static func text(_ name: String) throws -> String {
        try Repository.text("Fixtures/vectors/endpoint/\(name).json")
    }

    /// A vLLM that answers one question about tokens with a recording, or with a text.
    static func vllm(_ completion: String, status: Int = 200) throws -> FakeServer {
        let (models, version) = (try text("models"), try text("version"))
        return try FakeServer { request in
            switch request.path {
            case "/v1/models": .init(models)
            case "/version": .init(version)
            case "/v1/completions": .init(completion, status: status)
            default: .init(#"{"detail":"Not Found"}"#, status: 404)
            }
        }
    }
}

/// A client that loses patience soon.
func client(_ url: String, key: APIKey? = nil, seconds: Double = 20, tries: Int = 2) throws -> EndpointClient
{
    var patience = EndpointPatience()
    patience.seconds = seconds
    patience.tries = tries
    patience.pause = 0.05
    return EndpointClient(try EndpointAddress(url), key: key, patience: patience)
}

struct EndpointTests {
    static let vllm = EndpointDescription(
        engine: .vllm, version: "0.32.0", model: "ling-tiny", contextLength: 1024)

    @Test func knowsVLLM() throws {
        let server = try Recordings.vllm("")
        #expect(try client(server.url + "/v1/").describe() == Self.vllm)
        #expect(try client(server.url).describe(model: "ling-tiny") == Self.vllm)
        #expect(server.requests.allSatisfy { $0.method == "GET" && $0.headers["authorization"] == nil })
    }

    @Test func readsPromptLogProbabilities() throws {
        let golden = try GoldenValues(checkpoint: "ling-tiny-icd")
        let tokens = try golden.integers("q-i10.tokens")
        let recorded = logProbabilities(try golden.matrix("q-i10.logits"))
        let server = try Recordings.vllm(try Recordings.text("prompt-logprobs"))
        let made = try client(server.url).promptLogProbabilities(tokens, top: 5, of: Self.vllm)
        try check(made, tokens, recorded, top: 5)
        #expect(made.positions.allSatisfy { $0.rank != nil })
        // It was asked for what the recording was made with.
        let request = try JSONValue(parsing: server.requests.last?.body ?? [])
        #expect(request == (try recordedRequest("prompt-logprobs")))
    }

    @Test func readsAnEcho() throws {
        let golden = try GoldenValues(checkpoint: "ling-tiny-icd")
        let tokens = try golden.integers("q-i10.prompt")
        let server = try Recordings.vllm(try Recordings.text("echo"))
        let other = EndpointDescription(engine: .other, version: nil, model: "ling-tiny", contextLength: nil)
        let made = try client(server.url).promptLogProbabilities(tokens, top: 5, of: other)
        // The prompt is where the recorded text begins.
        try check(made, tokens, logProbabilities(try golden.matrix("q-i10.logits")), top: 5)
    }

    private func check(
        _ made: PromptLogProbabilities, _ tokens: [Int], _ recorded: [[Double]], top: Int
    ) throws {
        #expect(made.tokens == tokens && made.positions.count == tokens.count - 1)
        for (index, position) in made.positions.enumerated() {
            let row = recorded[index]
            #expect(abs(position.actual - row[tokens[index + 1]]) <= 1e-4)
            #expect(position.top.count == top)
            let best = row.indices.sorted { row[$0] > row[$1] }.prefix(top)
            for (candidate, id) in zip(position.top, best) {
                #expect(abs(candidate.logProbability - row[candidate.id]) <= 1e-4)
                #expect(abs(candidate.logProbability - row[id]) <= 1e-4, "in order of likelihood")
            }
        }
    }

    @Test func readsGreedyTokens() throws {
        let golden = try GoldenValues(checkpoint: "ling-tiny-icd")
        let prompt = try golden.integers("q-i10.prompt")
        let text = try Recordings.text("greedy")
        let server = try Recordings.vllm(text)
        let greedy = try golden.integers("q-i10.greedy")
        #expect(try client(server.url).greedyTokens(prompt, count: 48, of: Self.vllm) == greedy)
        #expect(
            try JSONValue(parsing: server.requests.last?.body ?? []) == recordedRequest("greedy"))
        // An engine without token_ids: they stand in the log-probabilities too.
        let plain = try Recordings.vllm(
            text.replacingOccurrences(of: "\"token_ids\"", with: "\"_\""))
        #expect(try client(plain.url).greedyTokens(prompt, count: 48, of: Self.vllm) == greedy)
    }

    private func recordedRequest(_ name: String) throws -> JSONValue? {
        let routes = try JSONValue(parsing: Array(try Recordings.text("routes").utf8))
        return try StrictReader(routes).object(name).value("request")
    }

    /// Written by hand after the sources of SGLang; no SGLang answered here.
    @Test(arguments: ["/server_info", "/get_server_info"]) func readsSGLang(_ route: String) throws {
        let server = try FakeServer { request in
            switch request.path {
            case "/v1/models":
                .init(#"{"data": [{"id": "ling", "owned_by": "sglang", "max_model_len": 99}]}"#)
            case route: .init(#"{"version": "0.5.6", "tp_size": 1}"#)
            case "/generate":
                .init(
                    """
                    {"text": "x", "output_ids": [7, 8], "meta_info": {
                    "input_token_logprobs": [[null, 5, null], [-1.5, 6, null], [-0.25, 5, null]],
                    "input_top_logprobs": [null, [[-0.5, 9, null], [-1.5, 6, null]], [[-0.25, 5, null], [-3, 1, null]]],
                    "output_token_logprobs": [[-0.1, 7, null], [-0.2, 8, null]]}}
                    """)
            default: .init("{}", status: 404)
            }
        }
        let client = try client(server.url)
        let endpoint = try client.describe()
        #expect(
            endpoint
                == EndpointDescription(engine: .sglang, version: "0.5.6", model: "ling", contextLength: 99))
        let made = try client.promptLogProbabilities([5, 6, 5], top: 2, of: endpoint)
        #expect(made.positions.map(\.actual) == [-1.5, -0.25])
        #expect(made.positions.map { $0.top.map(\.id) } == [[9, 6], [5, 1]])
        #expect(try client.greedyTokens([5, 6], count: 2, of: endpoint) == [7, 8])
        let asked = try StrictReader(JSONValue(parsing: server.requests.last?.body ?? []))
        #expect(try asked.integers("input_ids") == [5, 6])
    }

    @Test func theKeyGoesIntoOneHeader() throws {
        let folder = try TemporaryFolder()
        try "  sk-secret-1  \nmore\n".write(toFile: folder.path("key"), atomically: true, encoding: .utf8)
        let key = try APIKey(file: folder.path("key"))
        #expect("\(key)" == "…" && String(reflecting: key) == "…")
        let server = try FakeServer { request in
            .init(#"{"error": {"message": "bad key sk-secret-1"}}"#, status: 401)
        }
        let failure = try #require(failureOf { _ = try client(server.url, key: key).describe() })
        #expect(server.requests.first?.headers["authorization"] == "Bearer sk-secret-1")
        #expect(!failure.findings.contains { $0.text.contains("secret") }, "\(failure.findings)")
        #expect(failure.findings.first?.found == "status 401: bad key …")
    }

    /// An engine that is still starting is asked again.
    @Test func triesAgain() throws {
        let count = Counter()
        let models = try Recordings.text("models")
        let server = try FakeServer { request in
            count.next() < 3 ? .init("not yet", status: 503) : .init(models)
        }
        _ = try client(server.url, tries: 4).describe()
        #expect(server.requests.count >= 3)
    }
}

/// The failure of a body; nil when it succeeds.
func failureOf(_ body: () throws -> Void) -> Failure? {
    do { try body() } catch { return error as? Failure }
    return nil
}

/// Counts calls from any thread.
final class Counter: @unchecked Sendable {
    private let lock = NSLock()
    private var count = 0
    func next() -> Int {
        lock.withLock {
            count += 1
            return count
        }
    }
}
