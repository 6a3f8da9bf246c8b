// What a tolerance profile can set a limit for: a closed list, with the direction in which a limit is broken.

import Diagnostics

/// A number that a comparison gives.
package enum Quantity: String, CaseIterable, Sendable {
    /// Tensors of the same type and shape whose bytes differ.
    case tensorsDifferent = "tensors-different"
    /// Largest relative root mean square difference of a tensor that neither side stores as codes.
    case weightsPlain = "weights-plain"
    /// The same of tensors that a side stores as codes.
    case weightsCodes = "weights-codes"
    /// The same over the worst 128 rows of such a tensor.
    case weightsBand = "weights-band"
    /// Largest ‖right − left‖ / ‖left‖ of any activation of any token.
    case activationLargest = "activation-largest"
    /// Part of all choices of an expert that both sides made.
    case routeAgreement = "route-agreement"
    /// Tokens sent to another expert though the margin exceeded the tie margin.
    case routeFlips = "route-flips"
    /// Largest difference of a routing weight.
    case routeWeight = "route-weight"
    /// Mean KL(left ‖ right) of the next token, nats.
    case divergenceMean = "divergence-mean"
    /// Largest difference of any log-probability.
    case logProbabilityLargest = "log-probability-largest"
    /// Part of positions with the same likeliest token.
    case choiceAgreement = "choice-agreement"
    /// Positions with another likeliest token though the first two are not close.
    case choiceFlips = "choice-flips"
    /// Perplexity of the right side over that of the left, minus one.
    case perplexityRise = "perplexity-rise"
    /// Accuracy of the left side minus that of the right, as a part of one.
    case accuracyDrop = "accuracy-drop"
    /// Greedy continuations that part.
    case continuationDifferences = "continuation-differences"

    /// Whether the limit is the least that is allowed.
    package var isFloor: Bool { self == .routeAgreement || self == .choiceAgreement }

    /// Which of the four levels it belongs to.
    package var level: ParityLevel {
        switch self {
        case .tensorsDifferent: .bytes
        case .weightsPlain, .weightsCodes, .weightsBand, .activationLargest: .values
        case .routeAgreement, .routeFlips, .routeWeight, .choiceAgreement, .choiceFlips,
            .continuationDifferences:
            .decisions
        case .divergenceMean, .logProbabilityLargest, .perplexityRise, .accuracyDrop: .outputs
        }
    }

    /// What it is called in sentences and tables.
    package var title: String {
        switch self {
        case .tensorsDifferent: "tensors with other bytes"
        case .weightsPlain: "relative RMS of plain weights, worst tensor"
        case .weightsCodes: "relative RMS of quantised weights, worst tensor"
        case .weightsBand: "relative RMS of quantised weights, worst 128 rows"
        case .activationLargest: "relative error of an activation, worst token"
        case .routeAgreement: "choices of an expert that agree"
        case .routeFlips: "tokens sent to another expert"
        case .routeWeight: "difference of a routing weight"
        case .divergenceMean: "mean KL divergence, nats"
        case .logProbabilityLargest: "difference of a log-probability"
        case .choiceAgreement: "likeliest tokens that agree"
        case .choiceFlips: "likeliest tokens that changed"
        case .perplexityRise: "rise of perplexity"
        case .accuracyDrop: "drop of accuracy"
        case .continuationDifferences: "greedy continuations that part"
        }
    }

    /// A value of it as people read it.
    package func text(_ value: Double) -> String {
        switch self {
        case .tensorsDifferent, .routeFlips, .choiceFlips, .continuationDifferences:
            value.isFinite ? grouped(Int(value)) : String(value)
        case .routeAgreement, .choiceAgreement: "\(decimals(value * 100, 2)) %"
        case .perplexityRise, .accuracyDrop: "\(decimals(value * 100, 2)) %"
        default: scientific(value)
        }
    }

    /// The code of the finding when its limit is broken.
    package var code: DiagnosticCode {
        switch self {
        case .tensorsDifferent, .weightsPlain, .weightsCodes, .weightsBand: .weightsDiffer
        case .activationLargest: .layerLeavesBand
        case .routeAgreement, .routeFlips, .routeWeight: .routesDiffer
        case .divergenceMean, .logProbabilityLargest: .outputsDiffer
        case .choiceAgreement, .choiceFlips: .choicesDiffer
        case .perplexityRise, .accuracyDrop: .qualityDrops
        case .continuationDifferences: .continuationsDiffer
        }
    }
}

/// The four questions of a comparison, from the strictest to the one that users feel.
package enum ParityLevel: String, CaseIterable, Sendable {
    /// Are the tensors the same bytes?
    case bytes
    /// Are weights and activations the same numbers, or as close as their storage allows?
    case values
    /// Do tokens go to the same experts, is the likeliest token the same?
    case decisions
    /// Are the distributions of the next token the same, and is the model as good?
    case outputs
}
