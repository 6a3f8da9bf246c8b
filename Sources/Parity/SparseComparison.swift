// Outputs where one side lists only its likeliest tokens: compared on the tokens that both know, all others taken
// as one. The divergence of such coarse distributions is never more than the true one.
//
// Legend: p the left side's probabilities, q the right one's.

import Backends
import Diagnostics
import Glibc
import ReferenceModel
import Tokenisation

/// Compares what a server says with another side.
struct SparseComparison {
    let left: ParitySide
    let right: ParitySide
    let batchTokens: Int

    /// Compares all texts; those of one token say nothing and are left out.
    func run(_ rows: [TokenRow], progress: any ProgressSink) throws(Failure) -> Differences {
        let rows = rows.filter { $0.tokens.count > 1 }
        var result = Differences()
        let (a, b): ([SparseText], [SparseText])
        switch (left.server, right.server) {
        case (let first?, let second?):
            a = try first.scores(rows, progress: progress)
            b = try second.scores(rows, progress: progress)
        case (let server?, nil):
            a = try server.scores(rows, progress: progress)
            b = try scores(of: right, rows, like: a, progress: progress)
        case (nil, let server?):
            b = try server.scores(rows, progress: progress)
            a = try scores(of: left, rows, like: b, progress: progress)
        case (nil, nil): preconditionFailure("two sides that show all of their outputs")
        }
        for (x, y) in zip(a, b) {
            for (index, (p, q)) in zip(x.positions, y.positions).enumerated() {
                result.outputs.add(
                    Self.compared(p, q), at: TokenPlace(text: x.name, token: index), isCounted: true)
            }
            result.outputs.endText()
            result.tokens += x.positions.count + 1
            result.texts += 1
        }
        return result
    }

    /// The log-probabilities of a side that knows all, of the tokens that another one lists.
    private func scores(
        of side: ParitySide, _ rows: [TokenRow], like listed: [SparseText], progress: any ProgressSink
    ) throws(Failure) -> [SparseText] {
        var result: [SparseText] = []
        let batches = ForwardComparison.batches(rows, batchTokens)
        progress.begin(stage: "forward", total: batches.count, unit: .passes)
        defer { progress.end() }
        for batch in batches {
            let wanted = listed[result.count..<result.count + batch.count]
            let queue = EventQueue()
            queue.start { queue throws(Failure) in try side.play(batch, predicting: false, into: queue) }
            var demand = DemandedScores(batch, Array(wanted))
            while let event = queue.pop() {
                if case .logits(let values, let columns) = event { demand.add(values, columns) }
            }
            try queue.finish()
            result += try demand.texts(side)
            progress.advance(1)
        }
        return result
    }

    /// One position of both sides.
    static func compared(_ p: SparsePosition, _ q: SparsePosition) -> PositionOutputs {
        var (divergence, largest, token) = (0.0, 0.0, -1)
        var (restLeft, restRight) = (1.0, 1.0)
        for (id, a) in p.listed.sorted(by: { $0.key < $1.key }) {
            guard let b = q.listed[id] else { continue }
            divergence += exp(a) * (a - b)
            restLeft -= exp(a)
            restRight -= exp(b)
            if abs(a - b) > largest { (largest, token) = (abs(a - b), id) }
        }
        // What is left of both is rounding where the listed tokens have all the mass.
        let least = 1e-9
        if restLeft > least, restRight > least { divergence += restLeft * log(restLeft / restRight) }
        return PositionOutputs(
            divergence: max(0, divergence), largestDifference: largest, largestToken: token,
            leftChoice: p.choice, rightChoice: q.choice, choiceMargin: p.choiceMargin, leftNext: p.next,
            rightNext: q.next, isFinite: divergence.isFinite && p.next.isFinite && q.next.isFinite)
    }
}

/// Collects normalisers, likeliest tokens and the logits of demanded tokens while logits stream by.
private struct DemandedScores {
    private let rows: [TokenRow]
    /// For each row of the batch the demanded tokens, ascending; empty for the last one of a text.
    private var demanded: [[Int]] = []
    private var logits: [[Float]] = []
    private var streams: [StreamedLogits]

    init(_ rows: [TokenRow], _ listed: [SparseText]) {
        self.rows = rows
        for (row, text) in zip(rows, listed) {
            for position in text.positions { demanded.append(position.listed.keys.sorted()) }
            demanded += Array(repeating: [], count: row.tokens.count - text.positions.count)
        }
        logits = demanded.map { Array(repeating: .nan, count: $0.count) }
        streams = Array(repeating: StreamedLogits(), count: demanded.count)
    }

    mutating func add(_ values: Matrix, _ columns: Range<Int>) {
        let width = columns.count
        values.values.withUnsafeBufferPointer { values in
            guard let base = values.baseAddress else { return }
            for row in demanded.indices where !demanded[row].isEmpty {
                let line = base + row * width
                streams[row].add(line, columns)
                for (place, token) in demanded[row].enumerated() where columns.contains(token) {
                    logits[row][place] = line[token - columns.lowerBound]
                }
            }
        }
    }

    func texts(_ side: ParitySide) throws(Failure) -> [SparseText] {
        guard streams.contains(where: { $0.choice >= 0 }) else {
            throw Failure(
                Finding(
                    .error, .nothingToCompare,
                    "a recorded run without logits cannot be compared with a server",
                    file: side.path, expected: "CASE.logits for every text", found: "no logits"))
        }
        var result: [SparseText] = []
        var start = 0
        for row in rows {
            let positions = (start..<start + row.tokens.count - 1).map { index in
                let normaliser = streams[index].logNormaliser
                var listed: [Int: Double] = [:]
                for (token, logit) in zip(demanded[index], logits[index]) {
                    listed[token] = Double(logit) - normaliser
                }
                return SparsePosition(
                    listed: listed, choice: streams[index].choice,
                    choiceMargin: streams[index].margin,
                    next: listed[row.tokens[index - start + 1]] ?? .nan)
            }
            result.append(SparseText(name: row.name, positions: positions))
            start += row.tokens.count
        }
        return result
    }
}
