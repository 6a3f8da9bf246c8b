// What a server can answer instead of an answer: every kind is a failure with its code, and none a trap.

import Diagnostics
import Documents
import Endpoints
import Foundation
import TestSupport
import Testing

struct HostileEndpointTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let id: String
        let body: String
        let status: Int
        let code: String
        let says: [String]
        var testDescription: String { id }

        init(_ id: String, _ body: String, status: Int = 200, _ code: String, _ says: String...) {
            (self.id, self.body, self.status, self.code, self.says) = (id, body, status, code, says)
        }
    }

    /// Answers to a question about the tokens 5, 6, 7, with two of the most likely.
    static let cases: [Case] = [
        Case("nothing", "", "END-006", "not JSON"),
        Case("a page", "<html><body>nginx</body></html>", "END-006", "nginx"),
        Case("half of it", #"{"choices": [{"prompt_logprobs": [null, {"6""#, "END-006"),
        Case("a number", "5", "END-006", "expected  an object"),
        Case("no choices", "{}", "END-006", "choices"),
        Case("two choices", #"{"choices": [{}, {}]}"#, "END-006", "one choice"),
        Case("nothing said", #"{"choices": [{"text": "x"}]}"#, "END-006", "logprobs"),
        Case("no number", logprobs(#"{"6": {"rank": 1}}"#), "END-010", "logprob"),
        Case("NaN", logprobs(#"{"6": {"logprob": NaN}}"#), "END-006"),
        Case("NaN in words", logprobs(#"{"6": {"logprob": "NaN"}}"#), "END-010", "[1]", "a string"),
        Case("overflow", logprobs(#"{"6": {"logprob": -1e999}}"#), "END-010", "-1e999"),
        Case("above zero", logprobs(#"{"6": {"logprob": 0.5}}"#), "END-010", "0.5"),
        Case("other tokens", logprobs(#"{"8": {"logprob": -1}}"#), "END-009", "token 6"),
        Case("words for tokens", logprobs(#"{"six": {"logprob": -1}}"#), "END-006", "token_id:N"),
        Case("ids below zero", logprobs(#"{"-6": {"logprob": -1}}"#), "END-006", "-6"),
        Case("too short", #"{"choices": [{"prompt_logprobs": [null]}]}"#, "END-009", "3 entries"),
        Case("too long", logprobs(#"{"6": {"logprob": -1}}, {}, {}"#), "END-009", "found     5"),
        Case("a null inside", logprobs("null"), "END-006", "[1]"),
        Case(
            "another prompt", #"{"choices": [{"prompt_token_ids": [1, 5, 6, 7]}]}"#, "END-009", "4 tokens"),
        Case("a key twice", logprobs(#"{"6": {"logprob": -1, "logprob": -2}}"#), "END-006"),
        Case("deep", String(repeating: "[", count: 100_000), "END-006"),
        Case("no such model", #"{"error": {"message": "no gpt"}}"#, status: 404, "END-004", "no gpt"),
        Case(
            "refused", #"{"error": {"message": "max 20"}}"#, status: 400, "END-004", "max 20",
            "--max-logprobs"),
        Case("no key", "{}", status: 401, "END-004", "--api-key-file"),
        Case("failing", "oops", status: 500, "END-005", "2 times", "oops"),
        Case("busy", "later", status: 429, "END-005", "429"),
        Case("control characters", "\u{1B}[2J\u{7}", status: 400, "END-004", "status 400"),
    ]

    private static func logprobs(_ second: String) -> String {
        #"{"choices": [{"prompt_logprobs": [null, \#(second), {"7": {"logprob": -1}}]}]}"#
    }

    @Test(arguments: cases) func isAFailure(_ item: Case) throws {
        let server = try Recordings.vllm(item.body, status: item.status)
        let told = try #require(
            failureOf {
                _ = try client(server.url).promptLogProbabilities([5, 6, 7], top: 2, of: EndpointTests.vllm)
            })
        let finding = try #require(told.findings.first)
        #expect(finding.code.name == item.code, "\(finding.text)")
        #expect(finding.text.contains(server.url + "/v1/completions"))
        #expect(!finding.text.contains("\u{1B}"))
        for words in item.says { #expect(finding.text.contains(words), "\(words) in\n\(finding.text)") }
    }

    @Test(arguments: [
        #"{"meta_info": {}}"#, #"{"meta_info": {"input_token_logprobs": [[null, 5]]}}"#,
        #"{"meta_info": {"input_token_logprobs": [[null, 5], [-1, 9], [-1, 7]], "input_top_logprobs": [1, 2, 3]}}"#,
        #"{"meta_info": {"input_token_logprobs": [[null, 5], [null, 6], [-1, 7]], "input_top_logprobs": [1, 2, 3]}}"#,
        #"{"meta_info": {"input_token_logprobs": [[null, 5], [-1, 6], [-1, 7]], "input_top_logprobs": [1, 2, 3]}}"#,
        #"{"meta_info": {"input_token_logprobs": 5}}"#, #"[{"meta_info": {}}]"#,
    ]) func sglangToo(_ body: String) throws {
        let server = try FakeServer { _ in .init(body) }
        let endpoint = EndpointDescription(engine: .sglang, version: nil, model: "x", contextLength: nil)
        let told = try #require(
            failureOf { _ = try client(server.url).promptLogProbabilities([5, 6, 7], top: 2, of: endpoint) })
        #expect(["END-006", "END-009", "END-010"].contains(told.findings.first?.code.name ?? ""))
    }

    /// What vLLM says when it refuses: its own words stand in the finding.
    @Test(arguments: [
        ("too-many-logprobs", 400, "max allowed: 20"), ("too-long", 400, "maximum context length is 1024"),
        ("other-model", 404, "Valid aliases: ling-tiny"),
    ]) func tellsWhatVLLMSaid(_ name: String, _ status: Int, _ words: String) throws {
        let server = try Recordings.vllm(try Recordings.text(name), status: status)
        let told = try #require(
            failureOf {
                _ = try client(server.url).promptLogProbabilities([5, 6, 7], top: 50, of: EndpointTests.vllm)
            })
        #expect(told.findings.first?.code.name == "END-004")
        #expect(told.findings.first?.found?.contains(words) ?? false, "\(told.findings)")
        #expect(status == 404 || told.findings.first?.remedy?.contains("--max-logprobs 50") ?? false)
    }

    @Test func aRedirectionIsNotFollowed() throws {
        let elsewhere = try FakeServer { _ in .init("{}") }
        let place = elsewhere.url
        let server = try FakeServer { _ in
            var reply = FakeServer.Reply("", status: 307)
            reply.headers["Location"] = place + "/v1/models"
            return reply
        }
        let told = try #require(failureOf { _ = try client(server.url).describe() })
        #expect(told.findings.first?.code.name == "END-008")
        #expect(told.findings.first?.text.contains(place) ?? false)
        #expect(elsewhere.requests.isEmpty)
    }

    /// One that says how long it is, and one that only goes on.
    @Test(arguments: [nil, 1 << 40]) func anEndlessAnswerIsCut(_ claimed: Int?) throws {
        let server = try FakeServer { _ in
            var reply = FakeServer.Reply(String(repeating: "[1],", count: 2 << 20))
            reply.claimedLength = claimed
            return reply
        }
        let told = try #require(failureOf { _ = try client(server.url).describe() })
        #expect(told.findings.first?.code.name == "END-007")
    }

    @Test func aSlowAnswerIsLate() throws {
        let server = try FakeServer { _ in
            var reply = FakeServer.Reply("{}")
            reply.delay = 60
            return reply
        }
        let told = try #require(failureOf { _ = try client(server.url, seconds: 0.3).describe() })
        #expect(told.findings.first?.code.name == "END-003")
    }

    /// The connection ends in the middle of the answer.
    @Test func aBrokenAnswerIsNoAnswer() throws {
        let server = try FakeServer { _ in
            var reply = FakeServer.Reply("{\"data\"")
            reply.claimedLength = 500
            return reply
        }
        let told = try #require(failureOf { _ = try client(server.url).describe() })
        #expect(told.findings.first?.code.name == "END-002", "\(told.findings)")
    }

    @Test func nothingListens() throws {
        let url: String
        do { url = try FakeServer { _ in .init("") }.url }
        usleep(100_000)
        let told = try #require(failureOf { _ = try client(url, tries: 3).describe() })
        #expect(told.findings.first?.code.name == "END-002", "\(told.findings)")
    }

    @Test func modelsAreNamed() throws {
        let server = try FakeServer { request in
            request.path == "/v1/models"
                ? .init(#"{"data": [{"id": "a"}, {"id": "b\u001b[2J"}]}"#) : .init("{}", status: 404)
        }
        let several = try #require(failureOf { _ = try client(server.url).describe() })
        #expect(several.findings.first?.code.name == "END-011")
        #expect(several.findings.first?.found == "a, b [2J")
        let none = try #require(failureOf { _ = try client(server.url).describe(model: "c") })
        #expect(none.findings.first?.code.name == "END-011")
        #expect(try client(server.url).describe(model: "a").engine == .other)
    }

    @Test(arguments: [
        "", "host:8000", "ftp://host", "http://", "http://user:pass@host", "http://host:0",
        "http://host:99999",
        "http://host:eighty", "http://host/v1?x=1", "http://ho st", "http://[::1", "file:///etc/passwd",
        "http://host\r\nX: y", "javascript:x",
    ]) func addressesAreChecked(_ text: String) throws {
        let told = try #require(failureOf { _ = try EndpointAddress(text) }, "\(text)")
        #expect(told.findings.first?.code.name == "END-001")
        #expect(!(told.findings.first?.text.contains("pass@") ?? true))
    }

    @Test func addressesAreReadLeniently() throws {
        for (text, meant) in [
            ("http://host:8000", "http://host:8000"), ("https://host/v1", "https://host"),
            ("HTTP://host/v1/", "http://host"), ("http://[::1]:80/a/v1", "http://[::1]:80/a"),
        ] { #expect(try EndpointAddress(text).description == meant) }
    }

    @Test(arguments: ["", "\n", "two words", "ключ", "a\u{0}b"]) func keysAreChecked(_ text: String) throws {
        let folder = try TemporaryFolder()
        try text.write(toFile: folder.path("key"), atomically: true, encoding: .utf8)
        let told = try #require(failureOf { _ = try APIKey(file: folder.path("key")) })
        #expect(told.findings.first?.code.name == "END-012")
    }
}
