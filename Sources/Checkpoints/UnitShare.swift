// Deals the units of a plan out to a number of workers so that each has about as many bytes to move.

/// A share of a plan: the work of one of several processes.
package enum UnitShare {
    /// The units of each share, in the order of the plan.
    ///
    /// The largest unit goes first, each to the share that has least; what is equal goes by order. So every unit is
    /// in one share, and any machine deals alike. No share has more than 4/3 of the least that is possible.
    ///
    /// - Parameters:
    ///   - bytes: of each unit, read and written.
    ///   - count: shares; those beyond the number of units are empty.
    /// - Source: R. L. Graham, Bounds on multiprocessing timing anomalies, 1969: longest processing time first.
    package static func deal(_ bytes: [Int], count: Int) -> [[Int]] {
        var shares = [[Int]](repeating: [], count: count)
        // The shares after these stay empty.
        var loads = [Int](repeating: 0, count: min(count, bytes.count))
        for unit in bytes.indices.sorted(by: { (-bytes[$0], $0) < (-bytes[$1], $1) }) {
            let lightest = loads.indices.min { (loads[$0], $0) < (loads[$1], $1) } ?? 0
            shares[lightest].append(unit)
            // A unit without bytes is some work all the same.
            loads[lightest] += max(1, bytes[unit])
        }
        return shares.map { $0.sorted() }
    }
}
