// Runs the units of a plan: each sealed and noted in the journal, so that a run that was killed goes on where it
// stopped and ends with the same bytes. What stands around the units is the plan's.

import Diagnostics

/// What a run has made.
package struct UnitResult<Detail: UnitDetail, Front: Sendable>: Sendable {
    /// All units, in the order of the plan.
    package let units: [SealedUnit<Detail>]
    /// Units that earlier runs or other processes had sealed.
    package let resumed: Int
    package let front: Front

    /// All files of all units.
    package var files: [ArtefactFile] { units.flatMap(\.files) }
}

/// The run of one plan.
package struct UnitRun<Plan: UnitPlan>: Sendable {
    package typealias Detail = Plan.Unit.Detail
    package typealias Result = UnitResult<Detail, Plan.Front>

    package let plan: Plan
    package let output: OutputFolder
    /// Units at once that were asked for.
    package var jobs: Int
    package var progress: any ProgressSink

    package init(plan: Plan, output: OutputFolder, jobs: Int, progress: any ProgressSink) {
        self.plan = plan
        self.output = output
        self.jobs = jobs
        self.progress = progress
    }

    var lines: UnitLines { UnitLines(partial: output.partial, plan: plan.digest) }

    /// What would stop the run later, from headers and the file system alone.
    package func check() -> [Finding] { output.check(input: plan.sourceFolder, bytes: plan.byteCount) }

    /// Does the work and seals the output.
    package func run() throws(Failure) -> Result {
        // What opening and planning took and gave back goes before buffers are allocated.
        releaseFreeMemory()
        let units = plan.units
        let journal = try output.begin()
        progress.begin(stage: plan.stage, totalBytes: units.reduce(0) { $0 + $1.sourceByteCount })
        defer { progress.end() }
        let known = try known(units, journal)
        do throws(Failure) {
            try makeFolders()
            let pending = units.filter { known[$0.key] == nil }
            let budget = plan.budget(for: pending, jobs: jobs)
            let place = UnitPlace(folder: output.partial)
            let made = try sideBySide(pending, atOnce: budget.atOnce) { (unit) throws(Failure) in
                let source = try unit.sources().identity(.machine)
                let product = try unit.run(into: place, budget: budget, progress: progress)
                let sealed = SealedUnit(key: unit.key, product: product, source: source)
                try journal.append(unit: sealed.document)
                return sealed
            }
            return try finish(units, known.merging(made.map { ($0.key, $0) }) { $1 }, resumed: known.count)
        } catch {
            // Nothing to go on from: leave nothing behind that the next run would have to be told about.
            if !journal.hasUnits, known.isEmpty, !lines.exists { output.discard() }
            throw error
        }
    }

    /// Ends what a run that was killed after its last step left undone; true when nothing is left to do.
    package func finishSeal() throws(Failure) -> Bool {
        guard plan.isRecorded(in: output.path) else { return false }
        return try output.finishSeal()
    }

    // MARK: Steps

    func makeFolders() throws(Failure) {
        for folder in plan.folders { try FileAccess.createFolder(joined(output.partial, folder)) }
    }

    /// Writes what stands around the units and gives the output its name.
    func finish(
        _ units: [Plan.Unit], _ sealed: [String: SealedUnit<Detail>], resumed: Int
    ) throws(Failure) -> Result {
        let sealed = units.compactMap { sealed[$0.key] }
        try StopFlag.check()
        try output.removeStrangers(keeping: Set(sealed.flatMap(\.files).map(\.name)), folders: plan.folders)
        let front = try plan.writeFront(sealed, into: output)
        for folder in plan.folders { try FileAccess.syncFolder(joined(output.partial, folder)) }
        try StopFlag.check()
        try output.seal()
        return UnitResult(units: sealed, resumed: resumed, front: front)
    }

    // MARK: Resume

    /// The units that an earlier run noted in the journal, or another process in a line of its own, and whose
    /// files are what was sealed.
    private func known(_ units: [Plan.Unit], _ journal: Journal) throws(Failure) -> [String: SealedUnit<
        Detail
    >] {
        var known: [String: SealedUnit<Detail>] = [:]
        for (unit, sealed) in try noted(units, journal) {
            if let sealed, sealed.damaged.isEmpty { known[unit.key] = sealed.unit }
        }
        return known
    }

    /// A line of a unit with what its files say.
    struct Noted: Sendable {
        let unit: SealedUnit<Detail>
        let damaged: [(file: ArtefactFile, found: WriteBehind.Sealed?)]
    }

    /// What is noted of each unit: the files are read side by side.
    func noted(
        _ units: [Plan.Unit], _ journal: Journal
    ) throws(Failure) -> [(unit: Plan.Unit, noted: Noted?)] {
        var journaled: [String: SealedUnit<Detail>] = [:]
        for entry in try journal.units(ofPlan: plan.digest, sameness: plan.sameness) {
            guard let sealed = try? SealedUnit<Detail>(document: entry) else { continue }
            journaled[sealed.key] = sealed
        }
        let sharesPlan = lines.exists
        return try sideBySide(units, atOnce: Self.readersAtOnce) {
            [journaled]
            (unit) throws(Failure) -> (Plan.Unit, Noted?) in
            try StopFlag.check()
            // Whoever sealed it last wrote a line that holds.
            var noted: Noted?
            if let sealed = journaled[unit.key], try sealed.belongs(to: unit, .machine) {
                noted = Noted(unit: sealed, damaged: sealed.damaged(in: output.partial))
            }
            if noted?.damaged.isEmpty != true, sharesPlan, let sealed = try lines.read(unit) {
                noted = Noted(unit: sealed, damaged: sealed.damaged(in: output.partial))
            }
            if let noted, noted.damaged.isEmpty { progress.advance(bytes: unit.sourceByteCount) }
            return (unit, noted)
        }
    }

    /// Files whose digests are taken at once: each has a thread and 4 MiB; more of them only share the disk.
    private static var readersAtOnce: Int { 4 }
}
