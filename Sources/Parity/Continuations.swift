// Greedy continuations that were recorded, made again token by token with a cache.

import Diagnostics

/// One continuation of both sides.
package struct Continuation: Equatable, Sendable {
    /// The text's name.
    package let name: String
    package let recorded: [Int]
    package let made: [Int]

    /// The first token that differs; nil when none does.
    package var firstDifference: Int? {
        if let place = zip(recorded, made).enumerated().first(where: { $1.0 != $1.1 })?.offset {
            return place
        }
        return recorded.count == made.count ? nil : min(recorded.count, made.count)
    }
}

extension RecordedRun {
    /// The recorded continuations, and those of a model.
    func continuations(_ model: ModelSide, progress: any ProgressSink) throws(Failure) -> [Continuation] {
        let chosen = cases.filter { !$0.greedy.isEmpty }
        progress.begin(stage: "greedy", totalBytes: chosen.reduce(0) { $0 + $1.greedy.count })
        defer { progress.end() }
        var result: [Continuation] = []
        for one in chosen {
            let made = try model.continued(one.prompt ?? one.tokens, count: one.greedy.count)
            result.append(Continuation(name: one.name, recorded: one.greedy, made: made))
            progress.advance(bytes: one.greedy.count)
        }
        return result
    }
}
