// One batch of texts, event by event: both sides run at once, each a step ahead of the comparison at most.

import Architectures
import Backends
import Checkpoints
import Diagnostics
import ReferenceModel
import Tokenisation

/// Compares what two sides show of one batch and adds it to a run's differences.
struct BatchComparison {
    private let places: [TokenPlace]
    private let ranges: [Range<Int>]
    private let next: [Int?]
    private let tieMargin: Float
    /// Tokens that a tie has touched: their numbers may differ without a fault.
    private var excused: [Bool]
    private var outputs: OutputComparison?
    private var prediction: OutputComparison?
    /// The residual stream after the layer before, for layers under another number.
    private var before: (left: Matrix, right: Matrix)?
    /// The layer at hand; nil before the first.
    private var layer: Int?
    /// The routes of the layer at hand, of the left side.
    private var routes: Routes?

    init(_ rows: [TokenRow], tieMargin: Double) {
        var (places, ranges, next) = ([TokenPlace](), [Range<Int>](), [Int?]())
        for row in rows {
            ranges.append(places.count..<places.count + row.tokens.count)
            places += row.tokens.indices.map { TokenPlace(text: row.name, token: $0) }
            next += row.tokens.dropFirst().map { $0 } + [nil]
        }
        self.places = places
        self.ranges = ranges
        self.next = next
        self.tieMargin = Float(tieMargin)
        excused = Array(repeating: false, count: places.count)
    }

    /// Takes events of both sides until one ends.
    mutating func run(
        _ left: EventQueue, _ right: EventQueue, into result: inout Differences,
        _ progress: any ProgressSink
    ) throws(Failure) {
        var (a, b) = (left.pop(), right.pop())
        while let x = a, let y = b {
            if x.order < y.order {
                a = left.pop()
            } else if y.order < x.order {
                b = right.pop()
            } else {
                try check(x, y)
                let rest = compare(x, y, into: &result)
                if case .residual = x { progress.advance(1) }
                try StopFlag.check(isWriting: false)
                a = rest.left ?? left.pop()
                b = rest.right ?? right.pop()
                // Where one vocabulary ends, so must the other.
                if x.width == nil, a?.order != b?.order { throw Self.otherVocabulary(x, a ?? b) }
            }
        }
    }

    /// Adds what is known once the batch is through.
    func finish(into result: inout Differences) {
        if let outputs { add(outputs.positions, excused, to: &result.outputs) }
        if let prediction { add(prediction.positions, excused, to: &result.prediction) }
        result.excused += excused.count { $0 }
        result.tokens += places.count
        result.texts += ranges.count
    }

    private func add(_ all: [PositionOutputs], _ excused: [Bool], to outputs: inout OutputDifferences) {
        for range in ranges {
            for index in range {
                outputs.add(all[index], at: places[index], isCounted: !excused[index])
                if excused[index] { outputs.excused += 1 }
            }
            outputs.endText()
        }
    }

    /// Shapes of two events that are to be compared.
    private func check(_ a: ParityEvent, _ b: ParityEvent) throws(Failure) {
        let (x, y) = (a.rows, b.rows)
        guard x == places.count, y == places.count, a.width == b.width || a.width == nil else {
            throw Failure(
                Finding(
                    .error, .nothingToCompare, "the two sides show different shapes of \(a.title)",
                    expected: "[\(places.count), \(a.width.map { "\($0)" } ?? "vocabulary")]",
                    found: "[\(y), \(b.width.map { "\($0)" } ?? "vocabulary")]",
                    remedy: "compare runs of one architecture over the same tokens"))
        }
    }

    private static func otherVocabulary(_ last: ParityEvent, _ rest: ParityEvent?) -> Failure {
        Failure(
            Finding(
                .error, .nothingToCompare, "the two sides show logits of different vocabularies",
                expected: "logits of every token on both sides",
                found: "one side ends at id \(last.columns.upperBound), the other goes on to "
                    + "\(rest?.columns.upperBound ?? 0) at least",
                remedy: "compare runs of one architecture over the same tokens"))
    }

    // MARK: Events

    private mutating func compare(
        _ left: ParityEvent, _ right: ParityEvent, into result: inout Differences
    ) -> (left: ParityEvent?, right: ParityEvent?) {
        switch (left, right) {
        case (.embedding(let a), .embedding(let b)):
            // No layer's state, whatever number the layers have.
            add(.embedding, nil, a, b, to: &result)
        case (.attention(let layer, let a), .attention(_, let b)):
            enter(layer)
            add(.attention, layer, a, b, to: &result)
        case (.routes(let layer, let a), .routes(_, let b)):
            enter(layer)
            compareRoutes(layer, a, b, into: &result)
        case (.mlp(let layer, let a), .mlp(_, let b)):
            enter(layer)
            let errors = add(.mlp, layer, a, b, to: &result)
            if let routes { result.addExperts(layer, routes, errors, excused) }
        case (.residual(let layer, let a), .residual(_, let b)):
            enter(layer)
            add(.residual, layer, a, b, to: &result)
            compareShifted(layer, a, b, into: &result)
            before = (a, b)
        case (.finalHidden(let a), .finalHidden(let b)):
            before = nil
            spreadExcuses()
            add(.finalHidden, nil, a, b, to: &result)
        case (.logits(let a, let x), .logits(let b, let y)):
            if outputs == nil { outputs = OutputComparison(next: next) }
            let (columns, rest) = overlap(a, x, b, y, ParityEvent.logits)
            outputs?.add(a.columns(columns, of: x), b.columns(columns, of: y), columns: columns)
            return rest
        case (.predictionLogits(let a, let x), .predictionLogits(let b, let y)):
            if prediction == nil { prediction = OutputComparison(next: afterNext) }
            let (columns, rest) = overlap(a, x, b, y, ParityEvent.predictionLogits)
            prediction?.add(a.columns(columns, of: x), b.columns(columns, of: y), columns: columns)
            return rest
        default: break
        }
        return (nil, nil)
    }

    /// The token after the next, of each; nil where there is none.
    private var afterNext: [Int?] {
        ranges.flatMap { range in Array(next[range].dropFirst()) + [nil] }
    }

    /// The columns that two pieces of the vocabulary share, and what of the longer one is left.
    private func overlap(
        _ a: Matrix, _ x: Range<Int>, _ b: Matrix, _ y: Range<Int>,
        _ event: (Matrix, Range<Int>) -> ParityEvent
    ) -> (Range<Int>, (left: ParityEvent?, right: ParityEvent?)) {
        let end = min(x.upperBound, y.upperBound)
        let (p, q) = (end..<x.upperBound, end..<y.upperBound)
        let left = p.isEmpty ? nil : event(a.columns(p, of: x), p)
        let right = q.isEmpty ? nil : event(b.columns(q, of: y), q)
        return (x.lowerBound..<end, (left, right))
    }

    @discardableResult
    private func add(
        _ kind: ActivationKind, _ layer: Int?, _ a: Matrix, _ b: Matrix, to result: inout Differences
    ) -> [Double] {
        let errors = relativeErrors(a, b)
        result.add(kind, layer, errors, places, excused)
        return errors
    }

    // MARK: Routes and ties

    private mutating func compareRoutes(
        _ layer: Int, _ a: Routes, _ b: Routes, into result: inout Differences
    ) {
        routes = a
        var margins = a.margins
        for token in margins.indices {
            // A recording need not say how close a choice was; the other side knows. And what was close on one side
            // cannot be far from it on the other.
            let other = margins[token].isNaN ? b.margins[token] : b.margins[token] / Self.marginRatio
            if !(margins[token] >= other) && !other.isNaN { margins[token] = other }
        }
        let left = Routes(
            expertsPerToken: a.expertsPerToken, experts: a.experts, weights: a.weights, logits: a.logits,
            margins: margins)
        let count = max(a.logits.columns, b.logits.columns)
        for token in places.indices {
            let differs = result.addRoute(
                layer, expertCount: count, left, b, token: token, at: places[token], tieMargin: tieMargin,
                isCounted: !excused[token])
            if differs, margins[token] <= tieMargin { excused[token] = true }
        }
    }

    /// How many times as wide a tie of one side may be on the other.
    private static let marginRatio: Float = 10

    /// Begins a layer with the first thing that both sides show of it, which need not be attention.
    private mutating func enter(_ layer: Int) {
        guard layer != self.layer else { return }
        self.layer = layer
        routes = nil
        spreadExcuses()
    }

    /// Tokens after one that a tie has touched see it through attention.
    private mutating func spreadExcuses() {
        for range in ranges {
            guard let first = range.first(where: { excused[$0] }) else { continue }
            for token in first..<range.upperBound { excused[token] = true }
        }
    }

    // MARK: Layers under another number

    private func compareShifted(
        _ layer: Int, _ a: Matrix, _ b: Matrix, into result: inout Differences
    ) {
        guard let before, let own = result.layer(.residual, layer), own.mean > Differences.shiftFloor else {
            return
        }
        let later = relativeErrors(before.left, b)  // right's layer is left's one before
        let earlier = relativeErrors(a, before.right)  // right's layer before is left's
        result.addShift(layer, later: mean(later), earlier: mean(earlier), own: own.mean)
    }

    private func mean(_ values: [Double]) -> Double {
        values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
    }
}

extension ParityEvent {
    /// T, the tokens it is about.
    var rows: Int {
        switch self {
        case .embedding(let m), .attention(_, let m), .mlp(_, let m), .residual(_, let m),
            .finalHidden(let m),
            .logits(let m, _), .predictionLogits(let m, _):
            m.rows
        case .routes(_, let routes): routes.tokenCount
        }
    }

    /// Channels of an activation; nil for what may come in pieces.
    var width: Int? {
        switch self {
        case .embedding(let m), .attention(_, let m), .mlp(_, let m), .residual(_, let m),
            .finalHidden(let m):
            m.columns
        case .routes(_, let routes): routes.expertsPerToken
        case .logits, .predictionLogits: nil
        }
    }

    /// The ids that logits are of; empty for what is no logits.
    var columns: Range<Int> {
        switch self {
        case .logits(_, let columns), .predictionLogits(_, let columns): columns
        default: 0..<0
        }
    }

    var title: String {
        switch self {
        case .embedding: "the embedding"
        case .attention(let layer, _): "attention's output at layer \(layer)"
        case .routes(let layer, _): "the routes at layer \(layer)"
        case .mlp(let layer, _): "the MLP's output at layer \(layer)"
        case .residual(let layer, _): "the residual stream after layer \(layer)"
        case .finalHidden: "the final hidden state"
        case .logits, .predictionLogits: "the logits"
        }
    }
}

extension Matrix {
    /// Some columns of a piece of the vocabulary, by their ids.
    fileprivate func columns(_ wanted: Range<Int>, of all: Range<Int>) -> Matrix {
        if wanted == all { return self }
        return columns(wanted.lowerBound - all.lowerBound..<wanted.upperBound - all.lowerBound)
    }
}
