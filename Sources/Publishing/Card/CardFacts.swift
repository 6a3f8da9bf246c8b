// What other commands measured, read from their --json output: parity, topology plans, acceptance of a draft head.

import Checkpoints
import Diagnostics
import Documents

/// A number with the half width of its confidence interval.
struct Measured: Sendable, Equatable {
    let mean: Double
    let halfWidth: Double?

    init?(_ value: JSONValue?) {
        guard case .object(let object)? = value, case .number(let number)? = object["mean"],
            let mean = number.double
        else { return nil }
        self.mean = mean
        if case .number(let half)? = object["half_width"] { halfWidth = half.double } else { halfWidth = nil }
    }
}

/// The result of a command as it printed it with --json: the document, or what stands under `result` in it.
func commandResult(_ path: String, command: String) throws(Failure) -> JSONObject {
    let bytes = try FileAccess.read(path, limit: 1 << 28)
    let value: JSONValue
    do throws(JSONError) { value = try JSONValue(parsing: bytes) } catch {
        throw Failure(Finding(error, code: .cardInputMalformed, file: path))
    }
    guard case .object(let document) = value else { throw unreadable(path, command, value.kind) }
    if let name = document["command"] {
        guard case .string(let name) = name, name == command else {
            throw unreadable(path, command, "the output of ingot \(name.text(.compact))")
        }
        guard case .object(let result)? = document["result"] else {
            throw unreadable(path, command, "a command that failed")
        }
        return result
    }
    return document
}

private func unreadable(_ path: String, _ command: String, _ found: String) -> Failure {
    Failure(
        Finding(
            .error, .cardInputMalformed, "the card cannot use this file", file: path,
            expected: "the output of ingot \(command) --json", found: found,
            remedy: "ingot \(command) … --json > FILE"))
}

extension JSONObject {
    fileprivate func number(_ key: String) -> Double? {
        if case .number(let number)? = self[key] { number.double } else { nil }
    }

    fileprivate func integer(_ key: String) -> Int? {
        if case .number(let number)? = self[key] { number.integer } else { nil }
    }

    fileprivate func text(_ key: String) -> String? {
        if case .string(let text)? = self[key] { text } else { nil }
    }

    fileprivate func object(_ key: String) -> JSONObject? {
        if case .object(let object)? = self[key] { object } else { nil }
    }

    fileprivate func objects(_ key: String) -> [JSONObject] {
        guard case .array(let list)? = self[key] else { return [] }
        return list.compactMap { if case .object(let object) = $0 { object } else { nil } }
    }
}

/// The comparison of the release with its base, from `ingot verify --json`.
struct ParityFacts: Sendable {
    struct Gate: Sendable {
        let quantity: String
        let found: Double
        let halfWidth: Double?
        let limit: Double
        let isFloor: Bool
        let passed: Bool
    }

    let passed: Bool
    let tolerance: String
    let texts: Int?
    let tokens: Int?
    let gates: [Gate]
    let perplexity: (base: Double, release: Double)?
    let accuracy: (items: Int, base: Measured, release: Measured)?
    /// Mean relative difference of the residual stream after each layer.
    let residual: [(layer: Int, mean: Double)]

    init(path: String) throws(Failure) {
        let result = try commandResult(path, command: "verify")
        guard case .bool(let passed)? = result["passed"] else {
            throw unreadable(path, "verify", "a document without a verdict")
        }
        self.passed = passed
        tolerance = result.object("tolerance")?.text("name") ?? ""
        texts = result.integer("texts")
        tokens = result.integer("tokens")
        gates = result.objects("gates").compactMap { gate in
            guard let quantity = gate.text("quantity"), let found = gate.number("found"),
                let limit = gate.number("limit")
            else { return nil }
            return Gate(
                quantity: quantity, found: found, halfWidth: gate.number("half_width"), limit: limit,
                isFloor: gate["is_floor"] == .bool(true), passed: gate["passed"] == .bool(true))
        }
        let outputs = result.object("outputs")
        if let both = outputs?.object("perplexity"), let left = both.number("left"),
            let right = both.number("right")
        {
            perplexity = (left, right)
        } else {
            perplexity = nil
        }
        if let scores = result.object("accuracy"), let items = scores.integer("items"),
            let left = Measured(scores["left"]), let right = Measured(scores["right"])
        {
            accuracy = (items, left, right)
        } else {
            accuracy = nil
        }
        residual = result.objects("activations").compactMap { row in
            guard row.text("activation") == "residual", let layer = row.integer("layer"),
                let mean = row.number("mean")
            else { return nil }
            return (layer, mean)
        }
        guard !gates.isEmpty else { throw unreadable(path, "verify", "a document without results") }
    }
}

/// Layouts that were judged, from `ingot shard plan --json`.
struct TopologyFacts: Sendable {
    struct Row: Sendable {
        let name: String
        let devices: Int
        let rankBytes: Int
        let tokens: Int?
        let sequences: Double?
        let isLegal: Bool
        let fits: Bool
    }

    let target: String
    let context: Int?
    let best: String?
    /// The checkpoint as the plan was asked about it: a path of the machine that asked.
    let checkpoint: String?
    /// The command, with that path.
    let serve: String?
    let rows: [Row]

    init(path: String) throws(Failure) {
        let result = try commandResult(path, command: "shard plan")
        target = result.text("target") ?? ""
        context = result.integer("context")
        best = result.text("best")
        checkpoint = result.text("checkpoint")
        serve = result.text("serve")
        rows = result.objects("topologies").compactMap { row in
            guard let name = row.text("name"), let devices = row.integer("devices") else { return nil }
            var largest = 0
            if case .array(let ranks)? = row["rank_bytes"] {
                for case .number(let bytes) in ranks { largest = max(largest, bytes.integer ?? 0) }
            }
            return Row(
                name: name, devices: devices, rankBytes: largest,
                tokens: row.object("cache")?.integer("tokens"),
                sequences: row.object("cache")?.number("sequences"),
                isLegal: row["legal"] == .bool(true), fits: row["fits"] == .bool(true))
        }
        guard !rows.isEmpty else { throw unreadable(path, "shard plan", "a document without topologies") }
    }
}

/// A draft head and what it was measured to save.
struct DraftFacts: Sendable {
    /// The folder name of the head.
    let head: String
    /// Tokens gained for each step of the target, the target's own token counted.
    let acceptanceLength: Measured
    /// Share of the drafts whose token stays, by position.
    let acceptance: [Double]
    /// The name of the file of texts.
    let measuredOn: String?

    init(path: String) throws(Failure) {
        let result = try commandResult(path, command: "draft measure")
        guard let length = Measured(result["acceptance_length"]), length.mean >= 1 else {
            throw unreadable(path, "draft measure", "a document without acceptance_length.mean")
        }
        acceptanceLength = length
        // Names of folders and files only: a path of this machine is nobody else's business.
        head = result.text("head").map(lastComponent) ?? "EAGLE3"
        measuredOn = result.text("data").map(lastComponent)
        var shares: [Double] = []
        if case .array(let positions)? = result["positions"] {
            for case .object(let position) in positions {
                if let rate = Measured(position["rate"]) { shares.append(rate.mean) }
            }
        }
        acceptance = shares
    }
}
