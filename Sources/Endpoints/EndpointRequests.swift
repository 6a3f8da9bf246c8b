// How a client sends: tries again where that helps, and says of every other answer what it was.

import Checkpoints
import Diagnostics
import Documents
import Glibc

extension EndpointClient {
    /// Bytes of an answer that lists no tokens.
    private static let plainLimit = 4 << 20
    /// Bytes that one candidate of one position may take.
    private static let candidateBytes = 256

    /// One request: what to ask and what to do when it is refused.
    struct Question {
        let route: String
        var body: JSONObject?
        var limit = EndpointClient.plainLimit
        var remedy: String?

        init(_ route: String) { self.route = route }

        /// A question about tokens, whose answer grows with them.
        init(_ route: String, _ body: JSONObject, tokens: Int, top: Int, remedy: String? = nil) {
            self.route = route
            self.body = body
            self.remedy = remedy
            limit = EndpointClient.plainLimit + tokens * (top + 4) * EndpointClient.candidateBytes
        }
    }

    /// The document that answers a question.
    func ask(_ question: Question) throws(Failure) -> JSONValue {
        let answer = try send(question)
        guard answer.status == 200 else { throw refusal(answer, question) }
        do { return try JSONValue(parsing: answer.body) } catch {
            throw Failure(
                Finding(
                    .error, .endpointAnswerMalformed, "the answer is not JSON", file: place(question),
                    expected: "a JSON document", found: "\(answer.contentType): \(excerpt(answer))",
                    remedy: "is this the port of the engine, without a proxy's page before it?",
                    cause: "\(error.message), at byte \(grouped(error.offset))"))
        }
    }

    /// The document of a route that not every engine has; nil where it is not.
    func optional(_ route: String) throws(Failure) -> JSONValue? {
        let question = Question(route)
        let answer = try send(question)
        guard ![404, 405, 501].contains(answer.status) else { return nil }
        guard answer.status == 200 else { throw refusal(answer, question) }
        return try? JSONValue(parsing: answer.body)
    }

    /// The models that are served.
    func models() throws(Failure) -> [(name: String, owner: String?, contextLength: Int?)] {
        let document = try ask(Question("/v1/models"))
        return try read("/v1/models") {
            try StrictReader(document).objects("data").map { model in
                (
                    Self.harmless(try model.string("id")),
                    model.has("owned_by") ? try model.string("owned_by") : nil,
                    model.has("max_model_len") ? try model.integer("max_model_len") : nil
                )
            }
        }
    }

    /// Reads an answer; what it lacks is an error of the endpoint.
    func read<Value>(_ route: String, _ body: () throws -> Value) throws(Failure) -> Value {
        do { return try body() } catch let error as Failure { throw error } catch {
            let problem = error as? DocumentError ?? DocumentError(path: "", what: "\(error)")
            throw malformed(route, problem)
        }
    }

    // MARK: Sending

    private func send(_ question: Question) throws(Failure) -> HTTPAnswer {
        let exchange = HTTPExchange(
            url: place(question), body: question.body.map { JSONValue.object($0).text() }, key: key,
            limit: question.limit, seconds: patience.seconds)
        var pause = patience.pause
        for tried in 1... {
            let isLast = tried >= patience.tries
            do throws(HTTPExchange.Trouble) {
                let answer = try exchange.send()
                guard answer.status >= 500 || answer.status == 429 else { return answer }
                if isLast { throw .broken("status \(answer.status): \(excerpt(answer))") }
            } catch {
                if !isLast, case .refused = error {} else { throw failure(error, question, tried) }
            }
            try wait(pause)
            pause *= 2
        }
        preconditionFailure("the loop has no end")
    }

    /// Sleeps in short steps, so that a signal ends it.
    private func wait(_ seconds: Double) throws(Failure) {
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            try StopFlag.check()
            usleep(20_000)
        }
    }

    // MARK: What went wrong

    func place(_ question: Question) -> String { "\(address)\(question.route)" }

    private func failure(_ trouble: HTTPExchange.Trouble, _ question: Question, _ tries: Int) -> Failure {
        let place = place(question)
        let times = tries == 1 ? "once" : "\(tries) times"
        switch trouble {
        case .refused(let message):
            return Failure(
                Finding(
                    .error, .endpointUnreachable, "nothing answers at the endpoint", file: place,
                    expected: "an engine that listens", found: "tried \(times)",
                    remedy: "start the engine, or correct --endpoint", cause: message))
        case .broken(let message):
            let isStatus = message.hasPrefix("status ")
            return Failure(
                Finding(
                    .error, isStatus ? .endpointFails : .endpointUnreachable,
                    isStatus ? "the engine fails" : "the endpoint cannot be asked", file: place,
                    found: isStatus ? "tried \(times), last with \(message)" : nil,
                    remedy: isStatus
                        ? "the log of the engine says why" : "is this the address of the engine?",
                    cause: isStatus ? nil : message))
        case .late:
            return Failure(
                Finding(
                    .error, .endpointTimeout, "the answer did not come in time", file: place,
                    expected: "within \(decimals(patience.seconds, 1)) s", found: "none, or a part of it",
                    remedy: "try again when the engine is idle, or with fewer tokens"))
        case .tooLarge:
            return Failure(
                Finding(
                    .error, .endpointAnswerTooLarge, "the answer is larger than it can be", file: place,
                    expected: "at most \(grouped(question.limit)) bytes", found: "more",
                    remedy: "is this the port of the engine?"))
        case .stopped:
            return Failure(
                Finding(
                    .error, .stoppedBySignal, "stopped by signal \(StopFlag.signal)", file: place,
                    found: "a request without an answer", remedy: "the same command again"))
        }
    }

    /// The failure for a status that is neither success nor a fault of the engine.
    private func refusal(_ answer: HTTPAnswer, _ question: Question) -> Failure {
        let place = place(question)
        if (300..<400).contains(answer.status) {
            let location = Self.harmless(answer.location ?? "nowhere")
            return Failure(
                Finding(
                    .error, .endpointRedirects, "the endpoint sends elsewhere", file: place,
                    expected: "an answer", found: "status \(answer.status) to \(location)",
                    remedy: "give the engine's own address; redirections are not followed"))
        }
        let isKey = answer.status == 401 || answer.status == 403
        let isRoute = answer.status == 404 || answer.status == 405
        return Failure(
            Finding(
                .error, .endpointRefuses,
                isKey
                    ? "the endpoint wants \(key == nil ? "a key" : "another key")"
                    : isRoute
                        ? "the endpoint has no such route or model" : "the endpoint refuses the request",
                file: place, expected: "status 200", found: "status \(answer.status): \(excerpt(answer))",
                remedy: isKey
                    ? "give the key with --api-key-file, or in INGOT_API_KEY"
                    : isRoute
                        ? "is this a vLLM or SGLang server, and the model's name right?" : question.remedy))
    }

    /// What an answer says of itself, in short: the message of an engine, or the beginning.
    private func excerpt(_ answer: HTTPAnswer) -> String {
        var text = String(decoding: answer.body.prefix(2000), as: UTF8.self)
        if let document = try? JSONValue(parsing: answer.body), case .object(var object) = document {
            if case .object(let inner)? = object["error"] { object = inner }
            for key in ["message", "detail", "error"] {
                if case .string(let message)? = object[key] {
                    text = message
                    break
                }
            }
        }
        let plain = Self.harmless(key?.removed(from: text) ?? text)
        return plain.count > 300 ? plain.prefix(300) + "…" : plain
    }
}
