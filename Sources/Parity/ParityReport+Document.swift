// The comparison as one JSON document: every number of the report, and of weights the worst.

import Diagnostics
import Documents
import ReferenceModel

extension ParityReport {
    /// Weights that the document lists one by one: the worst.
    private static let listedWeights = 32

    /// The document of the comparison.
    package var document: JSONValue {
        var object = JSONObject()
        object["schema"] = .integer(Self.schema)
        object["passed"] = .bool(result.passed)
        object["left"] = side(run.left)
        object["right"] = side(run.right)
        object["tolerance"] = [
            "name": .string(result.tolerance.name), "reason": .string(toleranceReason),
            "tie_margin": .real(result.tolerance.tieMargin),
        ]
        object["checks"] = .array(run.checks.map(\.rawValue).sorted().map(JSONValue.string))
        object["gates"] = .array(result.gates.map(document))
        object["weights"] = result.weights.map(document)
        if let differences = result.differences {
            object["texts"] = .integer(differences.texts)
            object["tokens"] = .integer(differences.tokens)
            object["tokens_after_a_tie"] = .integer(differences.excused)
            object["activations"] = .array(differences.layers.map(document))
            object["routes"] = .array(differences.routes.map(document))
            object["outputs"] = document(differences.outputs)
            if differences.prediction.count > 0 {
                object["prediction_outputs"] = document(differences.prediction)
            }
        }
        if !result.continuations.isEmpty {
            object["continuations"] = .array(
                result.continuations.map {
                    [
                        "text": .string($0.name), "tokens": .integer($0.recorded.count),
                        "first_difference": $0.firstDifference.map { .integer($0) } ?? .null,
                        "is_tie": .bool($0.isTie),
                    ]
                })
        }
        object["batch"] = result.batch.map {
            [
                "routes": .integer($0.routes), "flips": .integer($0.flips), "ties": .integer($0.ties),
                "identical_bits": .integer($0.identical),
                "largest_logit_difference": .real(Double($0.largest)),
            ]
        }
        object["accuracy"] = result.accuracy.map {
            [
                "items": .integer($0.items), "left": document($0.left), "right": document($0.right),
                "difference": document($0.difference), "only_left": .integer($0.onlyLeft),
                "only_right": .integer($0.onlyRight),
            ]
        }
        object["overflow"] = result.overflow?.document
        return .object(object)
    }

    private func side(_ side: ParitySide) -> JSONValue {
        var object = JSONObject()
        object["path"] = .string(side.path)
        switch side {
        case .model(let model):
            object["kind"] = "checkpoint"
            object["backend"] = .string(model.pass.backend.name)
            object["numerics"] = .string(model.pass.backend.numerics.name)
        case .recorded: object["kind"] = "recorded"
        case .server(let server):
            object["kind"] = "endpoint"
            object["engine"] = .string(server.engine.engine.rawValue)
            object["version"] = .optional(server.engine.version)
            object["model"] = .string(server.engine.model)
            object["listed_tokens"] = .integer(server.top)
        }
        return .object(object)
    }

    private func document(_ gate: GateResult) -> JSONValue {
        var object = JSONObject()
        object["quantity"] = .string(gate.gate.quantity.rawValue)
        object["level"] = .string(gate.gate.quantity.level.rawValue)
        object["limit"] = .real(gate.gate.limit)
        object["is_floor"] = .bool(gate.gate.quantity.isFloor)
        object["found"] = .real(gate.found)
        object["half_width"] = gate.halfWidth.map { .real($0) }
        object["place"] = gate.place.map(JSONValue.string)
        object["passed"] = .bool(gate.passed)
        object["source"] = .string(gate.gate.source)
        return .object(object)
    }

    private func document(_ weights: [WeightDifference]) -> JSONValue {
        let worst = weights.filter { !$0.isSameBytes }.sorted { $0.sums.relative > $1.sums.relative }
        return [
            "tensors": .integer(weights.count),
            "same_bytes": .integer(weights.count(where: \.isSameBytes)),
            "stored_in_another_type": .integer(weights.count { !$0.isSameBytes && !$0.isSameType }),
            "other_bytes": .integer(weights.count { !$0.isSameBytes && $0.isSameType }),
            "unmatched": .array(result.unmatched.prefix(Self.listedWeights).map(JSONValue.string)),
            "worst": .array(
                worst.prefix(Self.listedWeights).map {
                    [
                        "tensor": .string($0.right.name), "left": .string($0.left.dtype.rawValue),
                        "right": .string($0.right.dtype.rawValue), "relative_rms": .real($0.sums.relative),
                        "worst_128_rows": .real($0.worstBand), "cosine": .real($0.sums.cosine),
                    ]
                }),
        ]
    }

    private func document(_ layer: LayerDifference) -> JSONValue {
        var object = JSONObject()
        object["activation"] = .string(layer.kind.rawValue)
        object["layer"] = layer.layer.map { .integer($0) }
        object["mean"] = .real(layer.mean)
        object["largest"] = .real(layer.largest)
        object["place"] = layer.place.map { .string($0.title) }
        object["tokens"] = .integer(layer.count)
        object["not_finite"] = .integer(layer.notFinite)
        return .object(object)
    }

    private func document(_ route: RouteDifference) -> JSONValue {
        [
            "layer": .integer(route.layer), "choices": .integer(route.choices),
            "equal": .integer(route.equal), "flips": .integer(route.flips), "ties": .integer(route.ties),
            "largest_weight_difference": .real(route.weightDifference),
            "narrowest_margin": .real(Double(route.narrowest)),
            "left_load": .array(route.leftLoad.map { .integer($0) }),
            "right_load": .array(route.rightLoad.map { .integer($0) }),
        ]
    }

    private func document(_ outputs: OutputDifferences) -> JSONValue {
        var object = JSONObject()
        object["positions"] = .integer(outputs.count)
        object["divergence"] = outputs.divergence.map(document)
        object["largest_divergence"] = outputs.largestDivergence.map(document)
        object["largest_log_probability_difference"] = outputs.largestDifference.map(document)
        object["choice_agreement"] = outputs.choiceAgreement.map(document)
        object["changed_choices"] = .array(
            outputs.changes.map {
                [
                    "place": .string($0.place.title), "left": .integer($0.left), "right": .integer($0.right),
                    "margin": .real($0.margin),
                ]
            })
        if let perplexities = outputs.perplexities {
            object["perplexity"] = ["left": .real(perplexities.left), "right": .real(perplexities.right)]
            object["loss_rise"] = outputs.lossRise.map(document)
        }
        return .object(object)
    }

    private func document(_ extreme: OutputDifferences.Extreme) -> JSONValue {
        var object = JSONObject()
        object["value"] = .real(extreme.value)
        object["place"] = .string(extreme.place.title)
        object["token"] = extreme.token.map { .integer($0) }
        return .object(object)
    }

    private func document(_ estimate: Estimate) -> JSONValue {
        var object = JSONObject()
        object["mean"] = .real(estimate.mean)
        object["half_width"] = estimate.halfWidth.map { .real($0) }
        object["count"] = .integer(estimate.count)
        object["clusters"] = .integer(estimate.clusters)
        return .object(object)
    }
}
