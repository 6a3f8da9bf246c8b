// A plan shared by several processes, on one machine or many: one opens the output, any number do units, one
// merges. They speak to each other by files that appear whole; a unit that two of them do at once is done twice,
// with the same bytes.

import Diagnostics
import Glibc

/// What a process has done of a shared plan.
package struct UnitWork: Sendable {
    /// Units that this process did.
    package var done = 0
    /// Units that were sealed already, with files that are what was sealed.
    package var sealed = 0
    /// Bytes of the files of both.
    package var bytes = 0
    /// Whether the output was complete before this process had to do anything.
    package var isComplete = false

    /// A worker that came when the output was complete.
    ///
    /// - Parameter count: the units of its share.
    package static func late(count: Int) -> UnitWork { UnitWork(sealed: count, isComplete: true) }
}

/// How far a shared output is.
package enum UnitStage: Equatable, Sendable {
    /// Units may be done.
    case open
    /// The output has its name.
    case complete
    /// The folder of the work is not there, or another plan's.
    case gone(found: String)
}

extension UnitRun {
    /// Makes the folder that the output is built in and opens it for the units of this plan.
    ///
    /// Units that an earlier run sealed are kept when it is resumed.
    /// - Returns: how many are sealed already.
    package func open() throws(Failure) -> Int {
        let units = plan.units
        let journal = try output.begin()
        progress.begin(stage: "verifying", totalBytes: units.reduce(0) { $0 + $1.sourceByteCount })
        defer { progress.end() }
        do throws(Failure) {
            let noted = try noted(units, journal)
            try makeFolders()
            try FileAccess.createFolder(lines.folder)
            let worker = WorkerName()
            var sealed = 0
            for (unit, noted) in noted {
                guard let noted, noted.damaged.isEmpty else { continue }
                // The line of another process, which compares sources in another way.
                let source = try unit.sources().identity(.cluster)
                let product = UnitProduct(files: noted.unit.files, detail: noted.unit.detail)
                try lines.write(SealedUnit(key: unit.key, product: product, source: source), by: worker)
                sealed += 1
            }
            try FileAccess.syncFolder(output.partial)
            return sealed
        } catch {
            if !journal.hasUnits, !lines.exists { output.discard() }
            throw error
        }
    }

    /// Gives up an output that was opened when nothing has been sealed in it.
    package func abandon(sealed: Int) { if sealed == 0 { output.discard() } }

    /// How far the output is.
    ///
    /// - Parameter stood: when the artefact that is to be replaced was last written, `FileIdentity.modifiedText`;
    ///   nil where none stood.
    package func stage(stood: String?) throws(Failure) -> UnitStage {
        let holder = Journal.plan(in: output.partial)
        if holder == plan.digest, lines.exists { return .open }
        if plan.isRecorded(in: output.path) { return .complete }
        if try standsComplete(stood) { return .complete }
        if let holder, holder != plan.digest { return .gone(found: "the work of another plan") }
        return .gone(
            found: FileAccess.kind(output.partial) == .nothing ? "no such folder" : "not the work of a plan")
    }

    /// Why nothing can be done for a plan whose work is not there.
    package func gone(_ found: String) -> Failure {
        Failure(
            Finding(
                .error, .unitWorkGone, "the folder that the output is built in is not this plan's",
                file: output.partial, expected: "what planning with --units made there", found: found,
                remedy: "plan again with --units, and --replace where something else stands there"))
    }

    /// Whether the output holds a file for every file of the plan, and is not the one that stood there before.
    private func standsComplete(_ stood: String?) throws(Failure) -> Bool {
        guard let identity = try? FileAccess.identity(output.path), identity.modifiedText != stood else {
            return false
        }
        for unit in plan.units {
            for file in try unit.files() {
                let found = try? FileAccess.identity(joined(output.path, file.name))
                guard found?.size == file.bytes else { return false }
            }
        }
        return true
    }

    // MARK: Units

    /// Does some units of an open output; one that is sealed, with files that are what was sealed, is passed over.
    ///
    /// - Parameters:
    ///   - mine: the numbers of the units.
    ///   - stood: as in `stage`.
    package func work(_ mine: [Int], stood: String?) throws(Failure) -> UnitWork {
        releaseFreeMemory()
        let all = plan.units
        let units = mine.map { all[$0] }
        let worker = WorkerName()
        lines.removeAbandoned()
        progress.begin(stage: plan.stage, totalBytes: units.reduce(0) { $0 + $1.sourceByteCount })
        defer { progress.end() }
        let budget = plan.budget(for: units, jobs: jobs)
        let place = UnitPlace(folder: output.partial, staging: joined(lines.folder, worker.prefix))
        do throws(Failure) {
            let results = try sideBySide(units, atOnce: budget.atOnce) { (unit) throws(Failure) in
                try StopFlag.check()
                return try seal(unit, place, budget, worker)
            }
            return UnitWork(
                done: results.count { $0.isNew }, sealed: results.count { !$0.isNew },
                bytes: results.reduce(0) { $0 + $1.bytes })
        } catch {
            // Others did these units and merged while this process was at them: nothing is lost.
            switch try stage(stood: stood) {
            case .complete: return .late(count: mine.count)
            case .gone(let found): throw gone(found)
            case .open: break
            }
            throw Failure(error.findings.map(Self.toldToWorker))
        }
    }

    private func seal(
        _ unit: Plan.Unit, _ place: UnitPlace, _ budget: Plan.Unit.Budget, _ worker: WorkerName
    ) throws(Failure) -> (isNew: Bool, bytes: Int) {
        func bytes(_ files: [ArtefactFile]) -> Int { files.reduce(0) { $0 + $1.sealed.bytes } }
        if let sealed = try lines.read(unit), sealed.damaged(in: output.partial).isEmpty {
            progress.advance(bytes: unit.sourceByteCount)
            return (false, bytes(sealed.files))
        }
        let source = try unit.sources().identity(.cluster)
        let product = try unit.run(into: place, budget: budget, progress: progress)
        try lines.write(SealedUnit(key: unit.key, product: product, source: source), by: worker)
        return (true, bytes(product.files))
    }

    /// A worker has no `--resume`: its command does what is left as often as it is given.
    private static func toldToWorker(_ finding: Finding) -> Finding {
        guard finding.code == .stoppedBySignal || finding.code == .changedWhileRead else { return finding }
        var finding = finding
        finding.remedy =
            finding.code == .stoppedBySignal
            ? "the same command again does what is left" : "plan again with --units when nothing writes it"
        return finding
    }

    /// Which units have a line; their files are not read.
    package func sealedUnits() -> [Bool] { plan.units.map { lines.has($0.key) } }

    // MARK: Merge

    /// Verifies the files of every unit, writes what stands around them, and seals the output.
    ///
    /// - Parameter command: what does some units again, for messages.
    /// - Throws: UNIT-007 for units that nobody has done, UNIT-008 for files that are not what was sealed.
    package func merge(redo command: ([String]) -> String) throws(Failure) -> Result {
        releaseFreeMemory()
        let units = plan.units
        // --replace spoke of what stood there when the plan was made.
        let journal = try output.resumed.begin()
        progress.begin(stage: "verifying", totalBytes: units.reduce(0) { $0 + $1.sourceByteCount })
        defer { progress.end() }
        var sealed: [String: SealedUnit<Detail>] = [:]
        var missing: [String] = []
        var findings: [Finding] = []
        for (unit, noted) in try noted(units, journal) {
            guard let noted else {
                missing.append(unit.key)
                continue
            }
            for (file, found) in noted.damaged {
                findings.append(
                    Finding(
                        .error, .unitDamaged, "a sealed file is not what was sealed",
                        file: joined(output.partial, file.name),
                        expected: "\(grouped(file.sealed.bytes)) bytes, sha256 \(file.sealed.digest)",
                        found: found.map { "\(grouped($0.bytes)) bytes, sha256 \($0.digest)" }
                            ?? "no file that can be read",
                        remedy: command([unit.key])))
            }
            sealed[unit.key] = noted.unit
        }
        if !missing.isEmpty {
            findings.append(
                Finding(
                    .error, .unitsMissing, "not every unit is done", file: output.partial,
                    expected: "\(grouped(units.count)) sealed units",
                    found: "\(grouped(units.count - missing.count)); not " + abridged(missing, limit: 16),
                    remedy: command(missing)))
        }
        try findings.throwErrors()
        return try finish(units, sealed, resumed: units.count)
    }
}
