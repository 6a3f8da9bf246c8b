// Runs the units of a plan: each sealed and noted in the journal, so that a run that was killed goes on where
// it stopped and ends with the same bytes. What stands around the units is the plan's.

import Checkpoints
import Diagnostics
import Dispatch
import Documents
import Synchronization

/// A plan of units with what stands around them.
protocol UnitPlan: Sendable {
    associatedtype Unit: WorkUnit
    /// What is being done, for progress: `shard`, `gather`.
    var stage: String { get }
    /// The folder that is read.
    var sourceFolder: String { get }
    var units: [Unit] { get }
    /// Folders to be made in the output before work starts.
    var folders: [String] { get }
    /// Bytes of the output.
    var byteCount: Int { get }
    /// SHA-256 of everything that decides the output's bytes but the tensor data.
    var digest: String { get }
    /// Sidecars, records and index, the file that makes the folder loadable last.
    func writeFront(_ units: [SealedUnit], into folder: String) throws(Failure)
}

/// What a run has made.
package struct UnitResult: Sendable {
    package let units: [SealedUnit]
    /// Units that an earlier run had sealed.
    package let resumed: Int

    /// All files of all units.
    package var files: [ShardFile] { units.flatMap(\.files) }
}

/// The run of one plan.
struct UnitRun<Plan: UnitPlan>: Sendable {
    let plan: Plan
    let output: OutputFolder
    let jobs: Int
    let progress: any ProgressSink

    func run() throws(Failure) -> UnitResult {
        let journal = try output.begin()
        progress.begin(stage: plan.stage, totalBytes: plan.units.reduce(0) { $0 + $1.sourceByteCount })
        defer { progress.end() }
        let known = try resume(journal)
        do throws(Failure) {
            for folder in plan.folders { try FileAccess.createFolder(joined(output.partial, folder)) }
            let units = try work(known, journal)
            try StopFlag.check()
            try plan.writeFront(units, into: output.partial)
            for folder in plan.folders { try FileAccess.syncFolder(joined(output.partial, folder)) }
            try output.seal()
            return UnitResult(units: units, resumed: known.count)
        } catch {
            // Nothing to go on from: leave nothing behind that the next run would have to be told about.
            if !journal.hasUnits { output.discard() }
            throw error
        }
    }

    // MARK: Resume

    private func resume(_ journal: Journal) throws(Failure) -> [String: SealedUnit] {
        let entries = try journal.units(
            ofPlan: plan.digest, sameness: "the same source, topology, output form and version of this program")
        let units = Dictionary(plan.units.map { ($0.key, $0) }) { first, _ in first }
        var known: [String: SealedUnit] = [:]
        for entry in entries {
            guard let sealed = try? SealedUnit(document: entry), let unit = units[sealed.key],
                sealed.source == (try? unit.sourceIdentity()), isWhole(sealed)
            else { continue }
            progress.advance(bytes: unit.sourceByteCount)
            known[sealed.key] = sealed
        }
        return known
    }

    private func isWhole(_ unit: SealedUnit) -> Bool {
        unit.files.allSatisfy { file in
            (try? digestFile(joined(output.partial, file.name))) == file.sealed
        }
    }

    // MARK: Work

    /// Each has threads and buffers of its own; more than these only share the disk.
    private static var unitsAtOnce: Int { 4 }

    private func work(_ known: [String: SealedUnit], _ journal: Journal) throws(Failure) -> [SealedUnit] {
        let pending = plan.units.filter { known[$0.key] == nil }
        let atOnce = max(1, min(jobs, pending.count, Self.unitsAtOnce))
        let budget = MoveBudget(jobs: atOnce)
        let made = try sideBySide(pending, atOnce: atOnce) { (unit) throws(Failure) in
            let sealed = try unit.run(into: output.partial, budget: budget, progress: progress)
            try journal.append(unit: sealed.document)
            return sealed
        }
        let done = known.merging(made.map { ($0.key, $0) }) { $1 }
        return plan.units.compactMap { done[$0.key] }
    }
}
