// What a training says of itself, before and after.

import Diagnostics
import Documents
import DraftHeads

/// The plan of a training, and what came of it.
struct TrainingReport {
    let plan: TrainingPlan
    /// Nil before the run.
    let result: TrainingResult?
    let output: String

    var text: String {
        var table = TextTable(["", ""], numeric: [])
        for (name, value) in rows { table.add([name, value]) }
        let head = table.text.split(separator: "\n", omittingEmptySubsequences: false).dropFirst()
        return head.joined(separator: "\n") + "\n\n" + ending
    }

    private var rows: [(String, String)] {
        let (head, recipe, texts) = (plan.configuration, plan.recipe, plan.texts)
        let layers = head.auxiliaryPoints.map { "\(($0.afterLayer ?? -1) + 1)" }.joined(separator: ", ")
        return [
            ("profile", plan.profile.name),
            ("head", "\(grouped(plan.parameterCount)) parameters, states entering layers \(layers)"),
            (
                "draft vocabulary",
                "\(grouped(plan.vocabulary.count)) of \(grouped(plan.vocabulary.vocabularySize)) tokens, "
                    + "\(decimals(plan.coverage * 100, 2)) % of what is learnt"
            ),
            ("data", "\(grouped(texts.rowCount)) texts, \(grouped(texts.tokenCount)) tokens"),
            ("held out", plan.heldOut.map { "\(grouped($0.texts.count)) texts" } ?? "none"),
            ("length", length),
            (
                "step",
                "\(grouped(recipe.batch)) texts in \(recipe.shards) shards, \(recipe.unrolledSteps) steps unrolled"
            ),
            ("memory", byteCount(plan.trainingBytes) + " beside the target's weights"),
            ("disk", byteCount(plan.outputBytes)),
        ]
    }

    private var length: String {
        if let minutes = plan.request.minutes { return "\(decimals(minutes, 1)) minutes" }
        let rounds = Double(plan.recipe.steps * plan.recipe.batch) / Double(plan.texts.roundCount)
        return "\(grouped(plan.recipe.steps)) steps, \(decimals(rounds, 2)) rounds through the data"
    }

    private var ending: String {
        guard let result else { return "dry run: nothing written" }
        var line = "wrote \(output): \(grouped(result.steps)) steps, loss \(decimals(result.loss, 3))"
        if let best = result.best {
            line += ", length \(decimals(best.length, 3)) on held-out texts at step \(grouped(best.step))"
        }
        if result.resumed > 0 { line += ", \(grouped(result.resumed)) steps by an earlier run" }
        if result.endedEarly { line += ", ended early" }
        let own = max(1, result.steps - result.resumed)
        return line + "; \(decimals(Double(own) / max(result.seconds, 1e-9), 2)) steps/s, "
            + "\(decimals(Double(own) / max(result.headSeconds, 1e-9), 2)) of the head alone"
    }

    var document: JSONValue {
        var object = JSONObject()
        object["output"] = .string(output)
        object["plan"] = .object(plan.document)
        object["parameters"] = .integer(plan.parameterCount)
        object["coverage"] = .real(plan.coverage)
        object["texts"] = .integer(plan.texts.rowCount)
        object["tokens"] = .integer(plan.texts.tokenCount)
        object["memory_bytes"] = .integer(plan.trainingBytes)
        object["disk_bytes"] = .integer(plan.outputBytes)
        guard let result else { return .object(object) }
        object["steps"] = .integer(result.steps)
        object["loss"] = .real(result.loss)
        if let best = result.best {
            object["best_step"] = .integer(best.step)
            object["best_chain_length"] = .real(best.length)
        }
        object["resumed_steps"] = .integer(result.resumed)
        object["seconds"] = .real(result.seconds)
        object["head_seconds"] = .real(result.headSeconds)
        object["ended_early"] = .bool(result.endedEarly)
        return .object(object)
    }
}
