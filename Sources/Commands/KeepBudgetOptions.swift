// Modules kept as they are within a number of bytes, and what that buys.

import Architectures
import ArgumentParser
import Checkpoints
import Diagnostics
import Documents
import Quantisation

/// Which modules to keep.
struct KeepBudgetOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Keep the most damaging modules as they are within so many more bytes, such as 2GB.",
            valueName: "size"))
    var keepBudget: ByteSize?

    @Option(
        help: ArgumentHelp("What modules damage: the file of `ingot sensitivity`.", valueName: "file"),
        completion: .record)
    var sensitivity: String?

    func validate() throws {
        if (keepBudget == nil) != (sensitivity == nil) {
            throw ValidationError("--keep-budget and --sensitivity go together")
        }
    }

    /// A request with the budget spent, and what was bought; nil without a budget.
    func spend(
        on request: QuantisationRequest, _ inventory: TensorInventory
    ) throws(Failure) -> KeptModules? {
        guard let keepBudget, let sensitivity else { return nil }
        let record = try SensitivityRecord.read(sensitivity)
        let groups = request.groups(inventory)
        try check(record, request, groups, file: sensitivity)
        let budget = KeepBudget(bytes: keepBudget.bytes, among: groups, damage: record.damage)
        return KeptModules(record: record, budget: budget, limit: keepBudget.bytes, request: request)
    }

    /// The file must be about this scheme and every group that is to be quantised.
    private func check(
        _ record: SensitivityRecord, _ request: QuantisationRequest, _ groups: [ModuleCost], file: String
    ) throws(Failure) {
        guard record.scheme == request.scheme.name else {
            throw Failure(
                Finding(
                    .error, .sensitivityOfOther, "this sensitivity is of another scheme", file: file,
                    expected: request.scheme.name, found: record.scheme,
                    remedy: "ingot sensitivity CHECKPOINT --scheme \(request.scheme.name) --data FILE"))
        }
        let costs = Dictionary(record.groups.map { ($0.group, $0.extraBytes) }) { first, _ in first }
        for cost in groups where costs[cost.group] != cost.extraBytes {
            throw Failure(
                Finding(
                    .error, .sensitivityOfOther, "this sensitivity is of another model", file: file,
                    field: cost.group.name,
                    expected: "\(grouped(cost.extraBytes)) more bytes to keep it",
                    found: costs[cost.group].map { "\(grouped($0)) bytes" } ?? "no such group",
                    remedy: "ingot sensitivity CHECKPOINT --scheme \(request.scheme.name) --data FILE"))
        }
    }
}

/// What a budget bought.
struct KeptModules {
    let record: SensitivityRecord
    let budget: KeepBudget
    let limit: Int
    /// The request with the groups kept.
    let request: QuantisationRequest

    init(record: SensitivityRecord, budget: KeepBudget, limit: Int, request: QuantisationRequest) {
        self.record = record
        self.budget = budget
        self.limit = limit
        self.request = request.adapted(
            budget.kept.map { cost in
                QuantisationRequest.Adaptation(
                    .keepGroup(cost.group),
                    reason: "\(cost.group.name) stays as it is for \(byteCount(cost.extraBytes)), "
                        + "KL \(scientific(record.damage[cost.group, default: 0]))")
            })
    }

    var expected: Double { record.expectedDivergence(keeping: budget.groups) }

    var text: String {
        "kept \(grouped(budget.kept.count)) groups of modules for \(byteCount(budget.extraBytes)) of "
            + "\(byteCount(limit)): expected KL \(scientific(expected)) where everything quantised has "
            + scientific(record.whole.mean)
    }

    var document: JSONValue {
        [
            "budget_bytes": .integer(limit), "extra_bytes": .integer(budget.extraBytes),
            "groups": .array(budget.kept.map { .string($0.group.name) }),
            "expected_kl": .real(expected), "whole_kl": .real(record.whole.mean),
        ]
    }
}
