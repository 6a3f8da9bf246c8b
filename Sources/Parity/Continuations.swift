// Greedy continuations that were recorded, made again token by token with a cache.

import Diagnostics
import Tokenisation

/// One continuation of both sides.
package struct Continuation: Equatable, Sendable {
    /// The text's name.
    package let name: String
    /// Tokens before both.
    let prompt: [Int]
    package let recorded: [Int]
    package let made: [Int]
    /// Whether a tie of the router or of two tokens comes before they part: either is right then.
    package private(set) var isTie = false

    init(name: String, prompt: [Int], recorded: [Int], made: [Int]) {
        (self.name, self.prompt, self.recorded, self.made) = (name, prompt, recorded, made)
    }

    /// The first token that differs; nil when none does.
    package var firstDifference: Int? {
        if let place = zip(recorded, made).enumerated().first(where: { $1.0 != $1.1 })?.offset {
            return place
        }
        return recorded.count == made.count ? nil : min(recorded.count, made.count)
    }

    /// Whether they part, and no tie explains it.
    package var isDifferent: Bool { firstDifference != nil && !isTie }

    /// Looks for a tie on the way to where they part.
    mutating func excuse(by model: ModelSide, _ tolerance: Tolerance) throws(Failure) {
        // A profile that knows no ties need not pay for a pass.
        guard max(tolerance.tieMargin, tolerance.choiceMargin) > 0 else { return }
        guard let place = firstDifference, place < recorded.count, place < made.count else { return }
        let before = prompt + recorded[..<place]
        let call = try model.closestCall(before, recorded[place], made[place])
        isTie = Double(call.margin) <= tolerance.tieMargin || call.lead <= tolerance.choiceMargin
    }
}

extension RecordedRun {
    /// The recorded continuations, and those of a model.
    func continuations(_ model: ModelSide, progress: any ProgressSink) throws(Failure) -> [Continuation] {
        let chosen = cases.filter { !$0.greedy.isEmpty }
        progress.begin(stage: "greedy", total: chosen.reduce(0) { $0 + $1.greedy.count }, unit: .tokens)
        defer { progress.end() }
        var result: [Continuation] = []
        for one in chosen {
            let prompt = one.prompt ?? one.tokens
            let made = try model.continued(prompt, count: one.greedy.count)
            result.append(Continuation(name: one.name, prompt: prompt, recorded: one.greedy, made: made))
            progress.advance(one.greedy.count)
        }
        return result
    }
}

extension ServerSide {
    /// Texts that are continued, tokens of a prompt, and tokens that are made.
    private static let shape = (texts: 4, prompt: 64, made: 24)

    /// Greedy continuations of the first texts' beginnings by the server, and those of a model.
    func continuations(
        _ rows: [TokenRow], _ model: ModelSide, progress: any ProgressSink
    ) throws(Failure) -> [Continuation] {
        let chosen = rows.filter { $0.tokens.count > 1 }.prefix(Self.shape.texts)
        progress.begin(stage: "greedy", total: chosen.count * Self.shape.made, unit: .tokens)
        defer { progress.end() }
        var result: [Continuation] = []
        for row in chosen {
            let prompt = Array(row.tokens.prefix(min(Self.shape.prompt, (row.tokens.count + 1) / 2)))
            let told = try client.greedyTokens(
                prompt, count: Self.shape.made, ignoringEnd: true, of: engine)
            let made = try model.continued(prompt, count: told.count)
            result.append(Continuation(name: row.name, prompt: prompt, recorded: told, made: made))
            progress.advance(Self.shape.made)
        }
        return result
    }
}
