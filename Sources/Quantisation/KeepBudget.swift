// Which groups of modules to keep as they are within a number of bytes: the most damage for each byte first.

import Diagnostics
import ReferenceModel

/// A choice of groups and what it buys.
package struct KeepBudget: Equatable, Sendable {
    /// In order of layers.
    package let kept: [ModuleCost]
    /// What they cost together.
    package var extraBytes: Int { kept.reduce(0) { $0 + $1.extraBytes } }

    /// The most damaging groups within a budget, greedily by damage for each extra byte; what does not fit is
    /// passed over, equals go by layer.
    ///
    /// - Parameter damage: of each group, nats; groups without any are never kept.
    package init(bytes: Int, among groups: [ModuleCost], damage: [ModuleGroup: Double]) {
        func worth(_ cost: ModuleCost) -> Double {
            damage[cost.group, default: 0] / Double(max(1, cost.extraBytes))
        }
        let order = groups.filter { damage[$0.group, default: 0] > 0 }.sorted { a, b in
            let (x, y) = (worth(a), worth(b))
            return x != y ? x > y : a.group < b.group
        }
        self.init(bytes: bytes, inOrder: order)
    }

    /// Groups drawn at random within the same budget, to compare with.
    package init(bytes: Int, among groups: [ModuleCost], seed: UInt64) {
        var generator = RandomSequence(seed: seed)
        self.init(bytes: bytes, inOrder: groups.shuffled(using: &generator))
    }

    private init(bytes: Int, inOrder order: [ModuleCost]) {
        var left = bytes
        var kept: [ModuleCost] = []
        for cost in order where cost.extraBytes <= left {
            kept.append(cost)
            left -= cost.extraBytes
        }
        self.kept = kept.sorted { $0.group < $1.group }
    }

    package var groups: Set<ModuleGroup> { Set(kept.map(\.group)) }
}
