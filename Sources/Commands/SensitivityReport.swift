// What sensitivity prints.

import Diagnostics
import Documents
import Quantisation
import ReferenceModel

/// A budget tried on other texts.
struct BudgetTrial {
    let limit: Int
    let chosen: KeepBudget
    let random: [KeepBudget]
    /// KL with everything quantised, with the chosen groups kept, with random ones kept.
    let plain: TextDivergences
    let budgeted: TextDivergences
    let drawn: [TextDivergences]
    let expected: Double

    var text: String {
        var table = TextTable(
            ["kept", "groups", "bytes", "KL", "± 95 %", "more than the choice", "± 95 %"],
            numeric: [1, 2, 3, 4, 5, 6])
        func add(_ name: String, _ budget: KeepBudget?, _ result: TextDivergences) {
            let (own, more) = (result.estimate, result.less(budgeted))
            table.add([
                name, grouped(budget?.kept.count ?? 0), grouped(budget?.extraBytes ?? 0),
                own.map { scientific($0.mean) } ?? "-", own?.halfWidth.map(scientific) ?? "-",
                more.map { scientific($0.mean) } ?? "-", more?.halfWidth.map(scientific) ?? "-",
            ])
        }
        add("nothing", nil, plain)
        add("by sensitivity", chosen, budgeted)
        for (index, result) in drawn.enumerated() { add("random \(index + 1)", random[index], result) }
        return table.text
    }

    var document: JSONValue {
        func row(_ budget: KeepBudget?, _ result: TextDivergences) -> JSONValue {
            let (own, more) = (result.estimate, result.less(budgeted))
            return [
                "groups": .array((budget?.kept ?? []).map { .string($0.group.name) }),
                "extra_bytes": .integer(budget?.extraBytes ?? 0), "kl": .real(own?.mean ?? 0),
                "half_width": own?.halfWidth.map(JSONValue.real) ?? .null,
                "more_than_choice": .real(more?.mean ?? 0),
                "more_half_width": more?.halfWidth.map(JSONValue.real) ?? .null,
            ]
        }
        return [
            "budget_bytes": .integer(limit), "expected_kl": .real(expected), "nothing": row(nil, plain),
            "by_sensitivity": row(chosen, budgeted),
            "random": .array(zip(random, drawn).map { row($0, $1) }),
        ]
    }
}

/// What sensitivity found, as text and as a document.
struct SensitivityReport {
    let record: SensitivityRecord
    let trial: BudgetTrial?
    let output: String?

    func text(isVerbose: Bool) -> String {
        var lines = [
            "\(record.model) with \(record.scheme): \(grouped(record.tokens)) tokens of \(grouped(record.texts)) texts",
            "everything quantised: KL \(interval(record.whole))", "",
        ]
        var roles = TextTable(["only this role", "output error", "KL", "± 95 %"], numeric: [1, 2, 3])
        for role in record.roles {
            let errors = record.outputs.filter { $0.role == role.role }.map(\.relativeError)
            let mean = errors.isEmpty ? 0 : errors.reduce(0, +) / Double(errors.count)
            roles.add([
                role.role.name, scientific(mean), scientific(role.effect.mean),
                role.effect.halfWidth.map(scientific) ?? "-",
            ])
        }
        var layers = TextTable(["only this layer", "KL", "± 95 %"], numeric: [0, 1, 2])
        for layer in record.layers {
            layers.add([
                "\(layer.layer)", scientific(layer.effect.mean),
                layer.effect.halfWidth.map(scientific) ?? "-",
            ])
        }
        lines += [roles.text, "", layers.text, "", groupTable(isVerbose: isVerbose)]
        if let trial {
            lines += [
                "", "kept within \(byteCount(trial.limit)), on other texts:", "", trial.text,
                "expected of the choice: KL \(scientific(trial.expected))",
            ]
        }
        if let output {
            lines += [
                "",
                "next: ingot quantise CHECKPOINT --scheme \(record.scheme) --sensitivity \(output) --keep-budget SIZE --output DIR",
            ]
        }
        return lines.joined(separator: "\n")
    }

    /// Groups by damage for each byte, the first few unless all are asked for.
    private func groupTable(isVerbose: Bool) -> String {
        let groups = record.byWorth
        var table = TextTable(["kept together", "bytes to keep", "KL", "KL per MB"], numeric: [1, 2, 3])
        for group in isVerbose ? groups[...] : groups.prefix(8) {
            table.add([
                group.group.name + (group.isMeasured ? "" : " (estimated)"), grouped(group.extraBytes),
                scientific(group.damage),
                scientific(group.damage / Double(max(1, group.extraBytes)) * 1e6),
            ])
        }
        return table.text
    }

    func interval(_ effect: Effect) -> String {
        scientific(effect.mean) + (effect.halfWidth.map { " ± \(scientific($0))" } ?? "")
    }

    var document: JSONValue {
        ["record": record.document, "trial": trial?.document ?? .null, "output": .optional(output)]
    }
}
