// How many tensors, parameters and bytes, by role group and element type: expected from a config, or found
// in headers. Two ledgers that are equal are the first proof that a checkpoint is what it says.

import Diagnostics
import Documents
import Tensors

/// The groups in which a ledger counts.
package enum RoleGroup: String, CaseIterable, Sendable {
    case embeddings = "embedding and head"
    case attention
    case norms
    case routers
    case denseMLP = "dense MLP"
    case sharedExperts = "shared experts"
    case routedExperts = "routed experts"
    case prediction = "multi-token prediction"
    case scales = "block scales"
    case other = "not of the architecture"

    /// The group of a role outside the prediction layer.
    package init(_ role: TensorRole) {
        self =
            switch role {
            case .embedding, .outputHead: .embeddings
            case .attentionQKV, .attentionOutput: .attention
            case .queryNorm, .keyNorm, .inputNorm, .postAttentionNorm, .finalNorm: .norms
            case .routerGate, .routerBias: .routers
            case .denseMLP: .denseMLP
            case .sharedExpert: .sharedExperts
            case .expert: .routedExperts
            case .mtpEmbeddingNorm, .mtpHiddenNorm, .mtpProjection, .mtpFinalNorm: .prediction
            }
    }
}

/// Tensors, elements and bytes of one kind.
package struct LedgerCount: Equatable, Sendable {
    /// Tensors.
    package var tensors = 0
    /// Elements; for weights these are parameters.
    package var elements = 0
    /// Bytes of data, headers apart.
    package var bytes = 0

    /// Nothing counted yet.
    package init() {}

    mutating func add(elements: Int, bytes: Int) {
        tensors += 1
        self.elements += elements
        self.bytes += bytes
    }

    static func + (a: LedgerCount, b: LedgerCount) -> LedgerCount {
        var sum = a
        sum.tensors += b.tensors
        sum.elements += b.elements
        sum.bytes += b.bytes
        return sum
    }
}

/// Counts by role group and element type.
///
/// - Checked by: LedgerTests, against totals the hub and the release notes publish.
package struct Ledger: Equatable, Sendable {
    private var counts: [RoleGroup: [DType: LedgerCount]] = [:]

    /// Nothing counted yet.
    package init() {}

    /// What a checkpoint stored like this has to hold.
    package init(_ quantised: QuantisedInventory) {
        for (index, entry) in quantised.inventory.entries.enumerated() {
            let elements = entry.parameterCount
            let group =
                quantised.inventory.isPrediction(entry) ? RoleGroup.prediction : RoleGroup(entry.role)
            let dtype = quantised.storedDType(at: index)
            add(group, dtype, elements: elements, bytes: elements * dtype.bits / 8)
            guard let scale = quantised.scale(at: index), let usual = scale.dtypes.first else { continue }
            let count = scale.shape.dimensions.reduce(1, *)
            add(.scales, usual, elements: count, bytes: count * usual.bits / 8)
        }
        for _ in quantised.storedScales { add(.scales, .f32, elements: 1, bytes: DType.f32.bits / 8) }
    }

    /// What a config without quantisation has to hold.
    package init(_ inventory: TensorInventory) {
        self.init(QuantisedInventory(inventory, layout: .none))
    }

    /// Counts one tensor.
    mutating func add(_ group: RoleGroup, _ dtype: DType, elements: Int, bytes: Int) {
        counts[group, default: [:]][dtype, default: LedgerCount()].add(elements: elements, bytes: bytes)
    }

    /// One group, over all element types.
    package func count(_ group: RoleGroup) -> LedgerCount {
        (counts[group] ?? [:]).values.reduce(LedgerCount(), +)
    }

    /// One element type, scales apart.
    package func count(_ dtype: DType) -> LedgerCount {
        counts.filter { $0.key != .scales }.values.compactMap { $0[dtype] }.reduce(LedgerCount(), +)
    }

    /// Everything.
    package var total: LedgerCount { RoleGroup.allCases.map(count).reduce(LedgerCount(), +) }

    /// Elements that are parameters of the model: all but scales and foreign tensors.
    package var parameterCount: Int {
        total.elements - count(.scales).elements - count(.other).elements
    }

    /// The groups that hold something, in the order of a forward pass.
    package var groups: [RoleGroup] { RoleGroup.allCases.filter { counts[$0] != nil } }

    /// The element types of one group, widest first.
    package func dtypes(_ group: RoleGroup) -> [DType] {
        (counts[group] ?? [:]).keys.sorted { ($1.bits, $0.rawValue) < ($0.bits, $1.rawValue) }
    }

    /// The element types of all weights, widest share of bytes first.
    package var dtypes: [DType] {
        Set(counts.filter { $0.key != .scales }.values.flatMap(\.keys)).sorted {
            (count($1).bytes, $0.rawValue) < (count($0).bytes, $1.rawValue)
        }
    }

    /// One sentence part: `102,889,697,280 BF16 and 7,936 F32 parameters in 24,161 tensors`.
    package var summary: String {
        let parts = dtypes.map { "\(grouped(count($0).elements)) \($0.rawValue)" }
        let list =
            parts.count > 1
            ? parts.dropLast().joined(separator: ", ") + " and " + (parts.last ?? "") : parts.first ?? "no"
        return "\(list) parameters in \(grouped(total.tensors)) tensors"
    }
}

extension TensorInventory {
    /// Parameters that one token multiplies by: without the experts it does not choose, the prediction layer
    /// and the router biases, which only choose.
    package var activeParameterCount: Int {
        let unused = configuration.expertCount - configuration.expertsPerToken
        return entries.reduce(0) { sum, entry in
            if isPrediction(entry) || entry.role == .routerBias { return sum }
            guard let expert = entry.expert else { return sum + entry.parameterCount }
            return expert < configuration.expertCount - unused ? sum + entry.parameterCount : sum
        }
    }
}

extension Ledger {
    /// The ledger as rows, for JSON reports.
    package var document: JSONValue {
        let rows = groups.flatMap { group in
            dtypes(group).map { dtype -> JSONValue in
                let count = counts[group]?[dtype] ?? LedgerCount()
                return [
                    "group": .string(group.rawValue), "dtype": .string(dtype.rawValue),
                    "tensors": .integer(count.tensors), "elements": .integer(count.elements),
                    "bytes": .integer(count.bytes),
                ]
            }
        }
        return [
            "tensors": .integer(total.tensors), "parameters": .integer(parameterCount),
            "bytes": .integer(total.bytes), "groups": .array(rows),
        ]
    }

    /// The ledger as a table.
    package var text: String {
        var table = TextTable(["group", "dtype", "tensors", "parameters", "bytes"], numeric: [2, 3, 4])
        for group in groups {
            for dtype in dtypes(group) {
                let count = counts[group]?[dtype] ?? LedgerCount()
                table.add([
                    group.rawValue, dtype.rawValue, grouped(count.tensors), grouped(count.elements),
                    grouped(count.bytes),
                ])
            }
        }
        table.add(["total", "", grouped(total.tensors), grouped(total.elements), grouped(total.bytes)])
        return table.text
    }
}
