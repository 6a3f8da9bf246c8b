// Memory of slicing and gathering: a fixed amount, shared by the units in work.

import Checkpoints

/// Memory of units in work.
package struct MoveBudget: UnitBudget {
    package let atOnce: Int

    /// What the buffers of all units may hold, bytes; the rest of 64 MiB is for headers and the program.
    static let limit = 24 << 20
    /// Buffers at each end of a pipeline.
    static let depth = 3
    /// Each has threads and buffers of its own; more than these only share the disk.
    private static let mostAtOnce = 4

    init(units: Int, jobs: Int) { atOnce = max(1, min(jobs, units, Self.mostAtOnce)) }

    /// Bytes of one read or write of a unit with so many open outputs.
    func block(writers: Int) -> Int {
        let share = Self.limit / (atOnce * Self.depth * (writers + 1))
        return min(2 << 20, max(64 << 10, share / AlignedBuffer.alignment * AlignedBuffer.alignment))
    }
}

extension SlicingPlan {
    package var sameness: String { "the same source, topology, output form and version of this program" }

    package func budget(for units: [Unit], jobs: Int) -> MoveBudget {
        MoveBudget(units: units.count, jobs: jobs)
    }
}
