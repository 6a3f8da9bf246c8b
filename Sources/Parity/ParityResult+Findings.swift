// Findings of a verdict: one for each limit that is broken, with the first and the worst place.

import Diagnostics

extension ParityResult {
    /// What the differences of a forward pass have to say.
    func verdictFindings() -> [Finding] {
        var result: [Finding] = []
        result += notFiniteFindings()
        if let shift = differences?.layerShift { result.append(Self.shifted(shift)) }
        for gate in gates where !gate.passed {
            // Weights were told tensor by tensor already.
            if gate.gate.quantity.code == .weightsDiffer { continue }
            result.append(finding(gate))
        }
        for gate in gates where gate.isUndecided {
            result.append(
                Finding(
                    .warning, .comparisonLimited,
                    "too few positions to be sure: the limit is inside the interval of the mean",
                    field: gate.gate.quantity.rawValue,
                    expected: "\(gate.gate.quantity.isFloor ? "at least" : "at most") "
                        + gate.gate.quantity.text(gate.gate.limit),
                    found: "\(gate.gate.quantity.text(gate.found)) ± "
                        + gate.gate.quantity.text(gate.halfWidth ?? 0),
                    remedy: "more text: --data FILE with more rows"))
        }
        if let batch, batch.flips > 0 {
            result.append(
                Finding(
                    .error, .batchChangesRoutes, "a token's route depends on what else is in the batch",
                    expected: "the same experts alone, token by token and in a batch",
                    found: "\(grouped(batch.flips)) of \(grouped(batch.routes)) routes differ, the first: "
                        + (batch.first ?? ""),
                    remedy: "look for padding that takes part in routing, or for a capacity limit"))
        }
        return result
    }

    private func notFiniteFindings() -> [Finding] {
        if let overflow, let first = overflow.overflows.first {
            return [
                Finding(
                    .error, .notFinite, "activations overflow in \(overflow.numerics)", field: first.place,
                    expected: "magnitudes below \(scientific(Double(first.limit)))",
                    found:
                        "\(grouped(first.tally.infinities)) infinite, \(grouped(first.tally.notNumbers)) no "
                        + "numbers, of \(grouped(first.tally.elements))",
                    remedy: "serve this model in bfloat16 where the device has it")
            ]
        }
        guard let differences else { return [] }
        if let layer = differences.layers.first(where: { $0.notFinite > 0 }) {
            return [
                Finding(
                    .error, .notFinite, "activations are infinite or no numbers",
                    field: layer.layer.map { "layer \($0), \(layer.kind.title)" } ?? layer.kind.title,
                    expected: "finite numbers, as on the left side",
                    found: "\(grouped(layer.notFinite)) tokens, the first: "
                        + (layer.firstNotFinite?.title ?? ""),
                    remedy: "look at the weights of this layer first: ingot validate --deep")
            ]
        }
        guard differences.outputs.notFinite > 0 else { return [] }
        return [
            Finding(
                .error, .notFinite, "logits are infinite or no numbers", expected: "finite numbers",
                found: "\(grouped(differences.outputs.notFinite)) positions, the first: "
                    + (differences.outputs.firstNotFinite?.title ?? ""),
                remedy: "ingot validate --deep on both sides")
        ]
    }

    /// A profile without a limit for what was looked at must not look like one that holds.
    static func unjudged(_ tolerance: Tolerance) -> Finding {
        Finding(
            .error, .checkImpossible, "the profile has no limit for anything that was measured",
            option: "--tolerance \(tolerance.name)",
            expected: "a limit for a quantity of the checks that were made",
            found: "limits of " + tolerance.gates.map(\.quantity.rawValue).joined(separator: ", "),
            remedy: "another --tolerance, or more --checks")
    }

    private static func shifted(_ shift: Int) -> Finding {
        Finding(
            .error, .layersShifted, "the right side's layers are the left side's under another number",
            field: "layer.I.out",
            expected: "the residual stream after layer I",
            found: shift > 0
                ? "that entering layer I, which is that after layer I - 1"
                : "that after layer I + 1",
            remedy: "say which convention the recording follows: after a layer, or entering it")
    }

    /// The first activation that leaves its band; in the order of the model.
    package var firstOutsideBand: LayerDifference? {
        guard let limit = tolerance.limit(.activationLargest) else { return nil }
        return differences?.layers.first { $0.largest > limit }
    }

    private func finding(_ gate: GateResult) -> Finding {
        let quantity = gate.gate.quantity
        let bound = quantity.isFloor ? "at least" : "at most"
        var finding = Finding(
            .error, quantity.code, Self.sentence(quantity), field: quantity.rawValue,
            expected: "\(bound) \(quantity.text(gate.gate.limit)) (\(tolerance.name))",
            found: quantity.text(gate.found) + (gate.place.map { ", \($0)" } ?? ""),
            remedy: Self.remedy(quantity))
        if let half = gate.halfWidth { finding.found? += ", ± \(quantity.text(half))" }
        switch quantity {
        case .activationLargest: finding.cause = firstCause
        case .routeFlips: finding.cause = flipCause
        default: break
        }
        return finding
    }

    /// The first layer outside its band, and the expert that is to blame.
    private var firstCause: String? {
        guard let first = firstOutsideBand, let limit = tolerance.limit(.activationLargest) else {
            return nil
        }
        var text = "the first outside the band is \(first.placeText): \(scientific(first.largest))"
        text += ", where \(scientific(limit)) is allowed"
        guard first.kind == .mlp, let layer = first.layer,
            let suspect = differences?.suspectExpert(layer: layer)
        else { return text }
        return text
            + "; tokens of expert \(suspect.expert) differ by \(scientific(suspect.mean)), others by "
            + scientific(suspect.others)
    }

    private var flipCause: String? {
        guard let first = differences?.routes.first(where: { $0.flips > 0 }), let worst = first.worst else {
            return nil
        }
        return
            "the first layer is \(first.layer): \(grouped(first.flips)) of \(grouped(first.tokens)) tokens; "
            + "\(worst.place.title) goes to \(worst.right.map(String.init).joined(separator: ", ")) instead of "
            + "\(worst.left.map(String.init).joined(separator: ", ")), margin \(scientific(Double(worst.margin)))"
    }

    private static func sentence(_ quantity: Quantity) -> String {
        switch quantity {
        case .activationLargest: "activations leave their band"
        case .routeAgreement, .routeFlips: "tokens go to other experts"
        case .routeWeight: "experts are weighed otherwise"
        case .divergenceMean, .logProbabilityLargest: "the distribution of the next token is another one"
        case .choiceAgreement, .choiceFlips: "the likeliest next token is another one"
        case .perplexityRise: "perplexity rises"
        case .accuracyDrop: "accuracy drops"
        case .continuationDifferences: "greedy continuations part"
        case .tensorsDifferent, .weightsPlain, .weightsCodes, .weightsBand: "tensors differ"
        }
    }

    private static func remedy(_ quantity: Quantity) -> String {
        switch quantity {
        case .accuracyDrop: "more items narrow the interval; a real drop asks for another scheme"
        case .perplexityRise, .divergenceMean, .choiceAgreement:
            "compare the checkpoints themselves (--checks weights): a wrong tensor is named there"
        default: "start at the first difference above; --diagnose tries known faults"
        }
    }
}
