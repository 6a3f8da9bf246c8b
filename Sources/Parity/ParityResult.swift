// What a comparison found, and the verdict: every limit of the profile that could be measured, and findings
// that say where it broke.

import Diagnostics
import ReferenceModel

/// The whole of a comparison.
package struct ParityResult: Sendable {
    package let tolerance: Tolerance
    /// Nil where weights were not compared.
    package var weights: [WeightDifference]?
    package var unmatched: [String] = []
    /// Nil where no forward pass was run.
    package var differences: Differences?
    package var continuations: [Continuation] = []
    package var batch: BatchInvariance?
    package var accuracy: AccuracyComparison?
    /// What the right side's numerics overflowed, where they can.
    package var overflow: OverflowReport?
    /// One for every limit that something was measured for.
    package private(set) var gates: [GateResult] = []
    package var findings: [Finding] = []

    package init(tolerance: Tolerance) { self.tolerance = tolerance }

    /// Whether no limit is broken and no finding is an error.
    package var passed: Bool {
        gates.allSatisfy(\.passed) && !findings.contains { $0.level == .error }
    }

    /// Compares everything with the limits and adds a finding for every one that is broken.
    mutating func judge() {
        for gate in tolerance.gates {
            guard let measured = measure(gate.quantity) else { continue }
            gates.append(
                GateResult(
                    gate: gate, found: measured.value, place: measured.place, halfWidth: measured.halfWidth))
        }
        findings += verdictFindings()
        if gates.isEmpty, batch == nil, passed { findings.append(Self.unjudged(tolerance)) }
    }

    /// A measured quantity.
    private struct Measured {
        var value: Double
        var place: String?
        var halfWidth: Double?
    }

    private func measure(_ quantity: Quantity) -> Measured? {
        switch quantity {
        case .tensorsDifferent:
            return weights.map { Measured(value: Double($0.count { $0.isSameType && !$0.isSameBytes })) }
        case .weightsPlain, .weightsCodes, .weightsBand: return measureWeights(quantity)
        case .activationLargest:
            guard let worst = differences?.layers.max(by: { $0.largest < $1.largest }), worst.count > 0
            else { return nil }
            return Measured(value: worst.largest, place: worst.placeText)
        case .routeAgreement: return differences?.routeAgreement.map { Measured(value: $0) }
        case .routeFlips:
            guard let routes = differences?.routes, !routes.isEmpty else { return nil }
            let worst = routes.max { $0.flips < $1.flips }
            return Measured(
                value: Double(routes.reduce(0) { $0 + $1.flips }),
                place: worst.flatMap { $0.flips > 0 ? "most at layer \($0.layer)" : nil })
        case .routeWeight:
            let routes = (differences?.routes ?? []).filter { $0.weightCount > 0 }
            guard let worst = routes.max(by: { $0.weightDifference < $1.weightDifference }) else {
                return nil
            }
            let place = worst.weightPlace.map {
                "\($0.place.title), layer \(worst.layer), expert \($0.expert)"
            }
            return Measured(value: worst.weightDifference, place: place)
        case .divergenceMean, .logProbabilityLargest, .choiceAgreement, .choiceFlips, .perplexityRise:
            return measureOutputs(quantity)
        case .accuracyDrop:
            return accuracy.map {
                Measured(value: max(0, -$0.difference.mean), halfWidth: $0.difference.halfWidth)
            }
        case .continuationDifferences:
            guard !continuations.isEmpty else { return nil }
            let parted = continuations.filter(\.isDifferent)
            return Measured(value: Double(parted.count), place: parted.first?.name)
        }
    }

    private func measureWeights(_ quantity: Quantity) -> Measured? {
        let chosen = (weights ?? []).filter { $0.hasCodes != (quantity == .weightsPlain) }
        func value(_ weight: WeightDifference) -> Double {
            quantity == .weightsBand ? weight.worstBand : weight.sums.relative
        }
        return chosen.max { value($0) < value($1) }.map {
            Measured(value: value($0), place: value($0) > 0 ? $0.right.name : nil)
        }
    }

    private func measureOutputs(_ quantity: Quantity) -> Measured? {
        guard let outputs = differences?.outputs, outputs.count > 0 else { return nil }
        switch quantity {
        case .divergenceMean:
            return outputs.divergence.map { Measured(value: $0.mean, halfWidth: $0.halfWidth) }
        case .logProbabilityLargest:
            return outputs.largestDifference.map {
                Measured(value: $0.value, place: $0.place.title + ($0.token.map { ", id \($0)" } ?? ""))
            }
        case .choiceAgreement:
            return outputs.choiceAgreement.map { Measured(value: $0.mean, halfWidth: $0.halfWidth) }
        case .choiceFlips:
            return Measured(
                value: Double(outputs.choiceFlips(beyond: choiceMargin)),
                place: outputs.changes.first.map { "\($0.place.title): \($0.left) to \($0.right)" })
        case .perplexityRise:
            return outputs.perplexities.map {
                Measured(value: $0.right / $0.left - 1, halfWidth: outputs.lossRise?.halfWidth)
            }
        default: return nil
        }
    }

    /// See `Tolerance.choiceMargin`.
    package var choiceMargin: Double { tolerance.choiceMargin }
}

extension TokenPlace {
    /// Where, in words.
    package var title: String { "\(text), token \(token)" }
}

extension LayerDifference {
    /// Where the largest error is, in words.
    package var placeText: String {
        (layer.map { "\(kind.title) at layer \($0)" } ?? kind.title) + (place.map { ", \($0.title)" } ?? "")
    }
}
