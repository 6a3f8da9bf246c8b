// The distributions of the next token, position by position, and what they add up to.

import Glibc
import ReferenceModel

/// What the outputs of a run add up to.
package struct OutputDifferences: Sendable {
    /// The largest of something and where it is.
    package struct Extreme: Equatable, Sendable {
        package let value: Double
        package let place: TokenPlace
        /// The token it is about; nil for what is about all of them.
        package let token: Int?
    }

    /// A likeliest token that changed.
    package struct Change: Equatable, Sendable {
        package let place: TokenPlace
        package let left: Int
        package let right: Int
        /// How far the left side's choice was ahead, nats.
        package let margin: Double
    }

    private var text: [PositionOutputs] = []
    private var nextSums = (left: 0.0, right: 0.0, count: 0)
    /// All divergences, for the histogram.
    package private(set) var values: [Double] = []
    package private(set) var largestDivergence: Extreme?
    package private(set) var largestDifference: Extreme?
    /// By margin, the widest first; the first few.
    package private(set) var changes: [Change] = []
    private var changeMargins: [Double] = []
    /// Positions with a logit that is not finite.
    package private(set) var notFinite = 0
    /// Positions that were not judged, because a tie came before.
    package var excused = 0
    package private(set) var firstNotFinite: TokenPlace?
    private var pieces: [[PositionOutputs]] = []

    package init() {}

    /// Changes that are kept with their place.
    private static let keptChanges = 8

    mutating func add(_ position: PositionOutputs, at place: TokenPlace, isCounted: Bool) {
        guard position.isFinite else {
            notFinite += 1
            if firstNotFinite == nil { firstNotFinite = place }
            return
        }
        guard isCounted else { return }
        text.append(position)
        values.append(position.divergence)
        if position.divergence > largestDivergence?.value ?? -.infinity {
            largestDivergence = Extreme(value: position.divergence, place: place, token: nil)
        }
        if position.largestDifference > largestDifference?.value ?? -.infinity {
            largestDifference = Extreme(
                value: position.largestDifference, place: place, token: position.largestToken)
        }
        if position.leftChoice != position.rightChoice {
            changeMargins.append(position.choiceMargin)
            changes.append(
                Change(
                    place: place, left: position.leftChoice, right: position.rightChoice,
                    margin: position.choiceMargin))
            changes.sort { $0.margin > $1.margin }
            if changes.count > Self.keptChanges { changes.removeLast() }
        }
        if let left = position.leftNext, let right = position.rightNext {
            nextSums.left -= left
            nextSums.right -= right
            nextSums.count += 1
        }
    }

    /// Ends a text: its positions are one cluster of the means.
    mutating func endText() {
        if !text.isEmpty { pieces.append(text) }
        text = []
    }

    /// Positions judged.
    package var count: Int { values.count }

    /// Clusters: texts, or pieces of the only one.
    private var clusters: [[PositionOutputs]] {
        guard pieces.count == 1, let only = pieces.first else { return pieces }
        return stride(from: 0, to: only.count, by: ClusteredMean.pieceLength).map {
            Array(only[$0..<min(only.count, $0 + ClusteredMean.pieceLength)])
        }
    }

    private func mean(_ value: (PositionOutputs) -> Double?) -> Estimate? {
        var result = ClusteredMean()
        for cluster in clusters { result.add(cluster.compactMap(value)) }
        return result.estimate
    }

    /// Mean KL(left ‖ right), nats.
    package var divergence: Estimate? { mean(\.divergence) }

    /// Part of positions with the same likeliest token.
    package var choiceAgreement: Estimate? { mean { $0.leftChoice == $0.rightChoice ? 1 : 0 } }

    /// Positions with another likeliest token though the left side's was more than a margin ahead.
    package func choiceFlips(beyond margin: Double) -> Int { changeMargins.count { $0 > margin } }

    /// e to the mean negative log-probability of the tokens that follow; nil without any.
    package var perplexities: (left: Double, right: Double)? {
        guard nextSums.count > 0 else { return nil }
        return (exp(nextSums.left / Double(nextSums.count)), exp(nextSums.right / Double(nextSums.count)))
    }

    /// Mean of log p(left) − log p(right) of the tokens that follow: the logarithm of the perplexities' ratio.
    package var lossRise: Estimate? {
        mean { position in
            guard let left = position.leftNext, let right = position.rightNext else { return nil }
            return left - right
        }
    }
}
