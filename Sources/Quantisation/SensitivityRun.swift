// How much each part of a model suffers from a scheme: one pass for the errors of outputs, then for each role, each
// layer and each group of modules a pass in which only that is quantised, its logits compared with the model's own.

import Architectures
import Backends
import Checkpoints
import Diagnostics
import ReferenceModel

/// KL divergences of one variant, text by text.
package struct TextDivergences: Equatable, Sendable {
    /// Σ KL over the positions of each text, nats.
    package internal(set) var sums: [Double] = []
    /// Positions of each text.
    package internal(set) var counts: [Int] = []

    /// The mean KL with its interval; nil before any text.
    package var estimate: Estimate? { Self.estimate(sums, counts) }

    /// The mean of this less another's, text by text: what both have in common falls out.
    package func less(_ other: TextDivergences) -> Estimate? {
        Self.estimate(zip(sums, other.sums).map { $0 - $1 }, counts)
    }

    private static func estimate(_ sums: [Double], _ counts: [Int]) -> Estimate? {
        var mean = ClusteredMean()
        for (sum, count) in zip(sums, counts) { mean.add(sum: sum, count: count) }
        return mean.estimate
    }
}

/// Which weights a pass has quantised.
package enum QuantisedPart: Hashable, Sendable {
    case all
    case role(TensorRole)
    case layer(Int)
    case group(ModuleGroup)
    /// All but some groups.
    case without(Set<ModuleGroup>)

    /// Whether a weight is quantised.
    package func contains(_ key: WeightKey) -> Bool {
        switch self {
        case .all: true
        case .role(let role): key.role == role
        case .layer(let layer): key.layer == layer
        case .group(let group): ModuleGroup(key.role, layer: key.layer) == group
        case .without(let groups):
            ModuleGroup(key.role, layer: key.layer).map { !groups.contains($0) } ?? true
        }
    }
}

/// Runs a model over texts with parts of it quantised.
///
/// - Checked by: SensitivityTests.
package struct SensitivityRun {
    /// The model with nothing quantised.
    package let pass: ForwardPass
    package let request: QuantisationRequest
    /// The texts as tokens, at least one each.
    package let texts: [[Int]]
    /// Tokens of one batch, about; the logits of a batch are in memory.
    package let batchTokens: Int
    package let progress: any ProgressSink
    /// Of a search that weighs columns.
    package let moments: (any InputMoments)?

    package init(
        pass: ForwardPass, request: QuantisationRequest, texts: [[Int]], batchTokens: Int,
        progress: any ProgressSink, moments: (any InputMoments)? = nil
    ) {
        self.pass = pass
        self.request = request
        self.texts = texts
        self.batchTokens = batchTokens
        self.progress = progress
        self.moments = moments
    }

    /// The same run with the moments of its own texts, where the request's search weighs columns.
    package func withOwnMoments() throws(Failure) -> SensitivityRun {
        guard request.search == .secondMoment else { return self }
        let taps = MomentTaps()
        for batch in batches {
            try StopFlag.check(isWriting: false)
            try pass.run(batch.map { TokenSequence($0) }, logits: .none, taps: [taps])
        }
        return with(taps.moments)
    }

    /// The same run with other moments.
    package func with(_ moments: (any InputMoments)?) -> SensitivityRun {
        SensitivityRun(
            pass: pass, request: request, texts: texts, batchTokens: batchTokens, progress: progress,
            moments: moments)
    }

    /// The error of each weight's output, by role and layer.
    ///
    /// - Parameter backend: of F32 numerics, for the products of the errors.
    package func outputErrors(backend: any Backend) throws(Failure) -> [ModuleRole: OutputError] {
        let taps = OutputErrorTaps(pass.weights, request, moments: moments, backend: backend)
        let batches = batches
        progress.begin(stage: "output errors", total: batches.count, unit: .passes)
        defer { progress.end() }
        for batch in batches {
            try StopFlag.check(isWriting: false)
            try pass.run(batch.map { TokenSequence($0) }, logits: .none, taps: [taps])
            if let failure = taps.failure { throw failure }
            progress.advance(1)
        }
        return taps.errors
    }

    /// KL of the model's logits to those with a part quantised, for each part.
    package func divergences(_ parts: [QuantisedPart]) throws(Failure) -> [TextDivergences] {
        var results = [TextDivergences](repeating: TextDivergences(), count: parts.count)
        let batches = batches
        progress.begin(stage: "effects", total: batches.count * (parts.count + 1), unit: .passes)
        defer { progress.end() }
        for batch in batches {
            let own = LogitCollector()
            try pass.run(batch.map { TokenSequence($0) }, taps: [own])
            progress.advance(1)
            for (index, part) in parts.enumerated() {
                try StopFlag.check(isWriting: false)
                let weights = EncodedWeights(pass.weights, request, moments: moments) { part.contains($0) }
                let comparing = ComparingTaps(own.logits)
                try pass.with(weights).run(batch.map { TokenSequence($0) }, taps: [comparing])
                Self.add(comparing.divergences, of: batch, to: &results[index])
                progress.advance(1)
            }
        }
        return results
    }

    private static func add(
        _ divergences: [Double], of batch: [[Int]], to result: inout TextDivergences
    ) {
        var first = 0
        for text in batch {
            result.sums.append(divergences[first..<first + text.count].reduce(0, +))
            result.counts.append(text.count)
            first += text.count
        }
    }

    /// Texts in their order, as many to a batch as fit; a longer one is a batch of its own.
    private var batches: [[[Int]]] {
        var batches: [[[Int]]] = []
        var used = 0
        for text in texts {
            if batches.isEmpty || used + text.count > batchTokens {
                batches.append([])
                used = 0
            }
            batches[batches.count - 1].append(text)
            used += text.count
        }
        return batches
    }
}

/// Compares logits with the model's own while they come by.
private final class ComparingTaps: Taps {
    private let own: Matrix
    private var comparison: OutputComparison

    init(_ own: Matrix) {
        self.own = own
        comparison = OutputComparison(next: Array(repeating: nil, count: own.rows))
    }

    func logits(_ values: Matrix, rows: [Int], columns: Range<Int>) {
        let whole = columns == 0..<own.columns
        comparison.add(whole ? own : own.columns(columns), values, columns: columns)
    }

    var divergences: [Double] { comparison.positions.map(\.divergence) }
}
