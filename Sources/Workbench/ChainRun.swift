// Runs the stages of a plan, each once: what is done and unchanged is not done again. Whatever kills the run, the same
// command goes on where it stopped and ends with the same bytes.

import Checkpoints
import Diagnostics
import Documents
import Quantisation

/// What a chain says while it runs.
package protocol ChainWatcher {
    /// A stage is looked at: its place among all.
    func stage(_ stage: PlannedStage, _ place: Int, of count: Int)
    /// A line that the stage's command said.
    func said(_ line: String, by stage: PlannedStage)
    /// The stage has come to an end.
    func ended(_ outcome: StageOutcome)
}

/// How a stage ended.
package struct StageOutcome: Sendable {
    package enum End: Sendable, Equatable {
        case done
        /// An earlier run had done it, and nothing that it reads has changed.
        case reused
        case failed(status: Int32)
        case stopped
    }

    package let stage: PlannedStage
    package let end: End
    package let seconds: Double
    package let outputs: [StageOutput]
    /// What its command printed; null when it printed nothing whole.
    package let record: JSONValue

    /// Whether the next stage may begin.
    package var isGood: Bool { end == .done || end == .reused }
}

/// What a chain has come to.
package struct ChainResult: Sendable {
    package let plan: RunPlan
    package let folder: RunFolder
    package let outcomes: [StageOutcome]

    /// The stage that ended the chain before its end.
    package var stopper: StageOutcome? { outcomes.first { !$0.isGood } }
}

/// The run of a plan in a folder.
package struct ChainRun {
    private let resolved: ResolvedPlan
    private var plan: RunPlan { resolved.plan }
    private var folder: RunFolder { resolved.folder }

    package init(_ resolved: ResolvedPlan) { self.resolved = resolved }

    /// Runs what is to be done, to the end or to the first gate that fails.
    ///
    /// - Parameter progress: shows the digesting of what stages read.
    package func run(_ watcher: some ChainWatcher, _ progress: any ProgressSink) throws(Failure)
        -> ChainResult
    {
        let journal = try folder.open(resolved)
        let notes = try RunNotes(journal)
        let digests = ContentDigests(folder)
        var outcomes: [StageOutcome] = []
        for (place, stage) in plan.stages.enumerated() {
            watcher.stage(stage, place + 1, of: plan.stages.count)
            var outcome = StageOutcome(stage: stage, end: .stopped, seconds: 0, outputs: [], record: .null)
            do throws(Failure) {
                if !StopFlag.isRaised {
                    outcome = try self.outcome(of: stage, notes, journal, digests, watcher, progress)
                }
            } catch {
                // Whatever was at work when the request to stop came has given up because of it.
                guard StopFlag.isRaised else { throw error }
            }
            try digests.save()
            outcomes.append(outcome)
            watcher.ended(outcome)
            guard outcome.isGood else { break }
        }
        return ChainResult(plan: plan, folder: folder, outcomes: outcomes)
    }

    private func outcome(
        of stage: PlannedStage, _ notes: RunNotes, _ journal: Journal, _ digests: ContentDigests,
        _ watcher: some ChainWatcher, _ progress: any ProgressSink
    ) throws(Failure) -> StageOutcome {
        let key = try key(of: stage, digests, progress)
        if let note = notes.done[stage.name], note.key == key, try isWhole(note, digests, progress) {
            return StageOutcome(
                stage: stage, end: .reused, seconds: note.seconds, outputs: note.outputs,
                record: record(of: stage.name))
        }
        return try perform(stage, key, notes, journal, digests, watcher, progress)
    }

    // MARK: What decides a stage

    /// The digest of everything that decides what a stage makes: its words, what it reads, and this program.
    private func key(
        of stage: PlannedStage, _ digests: ContentDigests, _ progress: any ProgressSink
    ) throws(Failure) -> String {
        var unknown = 0
        for path in stage.inputs(in: folder.path) { unknown += try digests.unknownBytes(path) }
        if unknown > 0 { progress.begin(stage: "digesting", totalBytes: unknown) }
        defer { if unknown > 0 { progress.end() } }
        var words = [ingotVersion, stage.name.rawValue]
        for argument in stage.arguments {
            switch argument {
            case .word(let word): words.append("word \(word)")
            case .pace: break
            case .input(let path):
                words.append("input \(lastComponent(path)) \(try digests.content(path, progress).digest)")
            case .made(let path):
                words.append("made \(path) \(try digests.content(folder.file(path), progress).digest)")
            case .output(let path): words.append("output \(path)")
            }
        }
        return FileDigest.of(words.map { "\($0.utf8.count) \($0)\n" }.joined())
    }

    /// Whether what a stage made is still there as it made it.
    private func isWhole(
        _ note: StageNote, _ digests: ContentDigests, _ progress: any ProgressSink
    ) throws(Failure) -> Bool {
        for output in note.outputs {
            let path = folder.file(output.path)
            guard FileAccess.kind(path) != .nothing else { return false }
            if try digests.content(path, progress).digest != output.digest { return false }
        }
        return true
    }

    // MARK: Doing one

    private func perform(
        _ stage: PlannedStage, _ key: String, _ notes: RunNotes, _ journal: Journal,
        _ digests: ContentDigests,
        _ watcher: some ChainWatcher, _ progress: any ProgressSink
    ) throws(Failure) -> StageOutcome {
        // A report of an earlier run would speak of what is made anew now.
        try FileAccess.remove(folder.file(RunFolder.reportName))
        try FileAccess.remove(folder.file(RunFolder.pageName))
        let words = stage.words(in: folder.path) + (try startingOver(stage, key, notes))
        try journal.append(RunNotes.begun(stage.name, key: key))
        let recordPath = RunFolder.record(of: stage.name)
        let ending = try StageProcess.run(
            words + ["--json", "--progress", "plain"], record: folder.file(recordPath),
            log: folder.file(RunFolder.log(of: stage.name))
        ) { watcher.said($0, by: stage) }
        let record = record(of: stage.name)
        guard ending.status == 0 else {
            let stopped = StopFlag.isRaised || ending.status == ExitStatus.stopped.rawValue
            return StageOutcome(
                stage: stage, end: stopped ? .stopped : .failed(status: ending.status),
                seconds: ending.seconds,
                outputs: [], record: record)
        }
        var outputs: [StageOutput] = []
        if let output = stage.name.output { remember(record, output, digests) }
        for path in stage.outputs + [recordPath] {
            let content = try digests.content(folder.file(path), progress)
            outputs.append(
                StageOutput(path: path, digest: content.digest, files: content.files, bytes: content.bytes))
        }
        let note = StageNote(stage: stage.name, key: key, seconds: ending.seconds, outputs: outputs)
        try digests.save()
        try journal.append(note.document)
        return StageOutcome(
            stage: stage, end: .done, seconds: ending.seconds, outputs: outputs, record: record)
    }

    /// What to say about work that stands where the stage's output goes.
    ///
    /// Unfinished work is gone on with when it was begun for the same key; a finished output that no line of the
    /// journal speaks of, or of another key, is made anew.
    private func startingOver(_ stage: PlannedStage, _ key: String, _ notes: RunNotes) throws(Failure)
        -> [String]
    {
        guard let output = stage.name.output.map(folder.file) else { return [] }
        let isThere = FileAccess.kind(output) != .nothing
        let isPartial = FileAccess.kind(output + ".partial") != .nothing
        if isPartial, !isThere, stage.name.resumes, notes.begun[stage.name] == key { return ["--resume"] }
        return isThere || isPartial ? ["--replace"] : []
    }

    /// The digests of files that a stage wrote are in what it printed: no file is read again for them.
    private func remember(_ record: JSONValue, _ path: String, _ digests: ContentDigests) {
        guard case .object(let document) = record, case .object(let result)? = document["result"],
            case .array(let files)? = result["files"]
        else { return }
        for case .object(let file) in files {
            guard case .string(let name)? = file["name"], case .string(let digest)? = file["sha256"],
                case .number(let bytes)? = file["bytes"], let bytes = bytes.integer
            else { continue }
            digests.remember(joined(folder.file(path), name), digest: digest, bytes: bytes)
        }
    }

    private func record(of stage: StageName) -> JSONValue {
        guard let bytes = try? FileAccess.read(folder.file(RunFolder.record(of: stage)), limit: 1 << 30),
            let document = try? JSONValue(parsing: bytes)
        else { return .null }
        return document
    }
}
