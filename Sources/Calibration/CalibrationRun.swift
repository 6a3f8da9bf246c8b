// Runs a calibration: batch after batch, the state sealed and noted in the journal after each. Whatever stops it,
// the next run with --resume goes on from the last batch and ends with the same bytes.

import Checkpoints
import Diagnostics
import Documents
import ReferenceModel
import Tokenisation

/// What a finished calibration has made.
package struct CalibrationResult: Sendable {
    package let state: CalibrationState
    /// Bytes of the arrays' file.
    package let bytes: Int
    /// Batches that an earlier run had sealed.
    package let resumed: Int
}

/// The run of one plan.
///
/// - Checked by: CalibrationRunTests.
package struct CalibrationRun: Sendable {
    package let plan: CalibrationPlan
    package let output: OutputFolder
    package let progress: any ProgressSink

    package init(plan: CalibrationPlan, output: OutputFolder, progress: any ProgressSink) {
        self.plan = plan
        self.output = output
        self.progress = progress
    }

    /// The output folder of a calibration.
    package static func output(_ path: String, policy: OutputFolder.Policy) -> OutputFolder {
        OutputFolder(
            path: path, policy: policy, marker: CalibrationRecord.documentName, kind: "calibration")
    }

    /// What would stop the run later.
    package func check() -> [Finding] {
        // Two states are on the disk while one takes the place of the other.
        output.check(input: plan.request.checkpoint, bytes: 2 * plan.stateBytes)
    }

    /// Does the work and seals the output.
    ///
    /// - Parameter batchLimit: batches to do before stopping as by a signal; nil for all of them.
    package func run(batchLimit: Int? = nil) throws(Failure) -> CalibrationResult {
        let journal = try output.begin()
        progress.begin(stage: "calibrate", total: plan.head.tokens, unit: .tokens)
        defer { progress.end() }
        do throws(Failure) {
            // One state for the whole run, changed in place: a second one could be as large as the model.
            let (taps, resumed) = try resume(journal)
            for batch in plan.batches.indices.dropFirst(resumed) {
                try StopFlag.check(isWriting: journal.hasUnits)
                if let batchLimit, batch >= batchLimit { throw Self.stopped }
                try observe(batch, taps)
                try seal(taps.state, after: batch, journal)
            }
            let bytes = try finish()
            return CalibrationResult(state: taps.state, bytes: bytes, resumed: resumed)
        } catch {
            if !journal.hasUnits { output.discard() }
            throw error
        }
    }

    private static let stopped = Failure(
        Finding(.error, .stoppedBySignal, "stopped after some batches", remedy: "--resume goes on from here"))

    /// One pass over the texts of a batch.
    private func observe(_ batch: Int, _ taps: CalibrationTaps) throws(Failure) {
        let rows = plan.rows[plan.batches[batch]]
        let pass = ForwardPass(plan.configuration, weights: plan.weights, backend: plan.backend)
        try pass.run(
            rows.map { TokenSequence($0.tokens) }, logits: .none, predicting: plan.head.predicts,
            taps: [taps])
        try plan.weights.checkUnchanged()
        progress.advance(rows.reduce(0) { $0 + $1.tokens.count })
    }

    // MARK: Sealed states

    private func stateName(after batch: Int) -> String { "state-\(batch + 1).safetensors" }

    private func seal(_ state: CalibrationState, after batch: Int, _ journal: Journal) throws(Failure) {
        let name = stateName(after: batch)
        let sealed = try state.write(to: joined(output.partial, name))
        try journal.append(
            unit: [
                "batch": .integer(batch + 1), "bytes": .integer(sealed.bytes),
                "sha256": .string(sealed.digest),
            ])
        try removeStates(except: name)
    }

    private func removeStates(except kept: String) throws(Failure) {
        for name in try FileAccess.names(in: output.partial)
        where name.hasPrefix("state-") && name != kept {
            try FileAccess.remove(joined(output.partial, name))
        }
    }

    /// The state after the last batch that an earlier run of the same plan sealed, and the number of batches.
    private func resume(_ journal: Journal) throws(Failure) -> (CalibrationTaps, Int) {
        var state = CalibrationState(
            plan.configuration, observers: plan.head.observers, predicting: plan.head.predicts)
        let entries = try journal.entries()
        guard let first = entries.first else {
            try journal.append(["plan": .string(plan.digest), "format": 1])
            return (CalibrationTaps(state, allExperts: plan.request.allExperts), 0)
        }
        guard case .object(let head) = first, head["plan"] == .string(plan.digest) else {
            throw Failure(
                Finding(
                    .error, .resumeMismatch, "the unfinished work is of another plan", file: output.partial,
                    expected: "the same checkpoint, data, options, memory and version of this program",
                    found: "a journal of a different plan",
                    remedy: "repeat the earlier command with --resume, or --replace to start over"))
        }
        for entry in entries.dropFirst().reversed() {
            guard case .object(let unit) = entry, case .number(let number)? = unit["batch"],
                let batch = number.integer, (1...plan.batches.count).contains(batch),
                case .string(let digest)? = unit["sha256"]
            else { continue }
            for name in [stateName(after: batch - 1), CalibrationRecord.arraysName] {
                let path = joined(output.partial, name)
                guard let sealed = try? digestFile(path), sealed.digest == digest else { continue }
                try state.read(path)
                let tokens = plan.rows[..<plan.batches[batch - 1].upperBound].reduce(0) {
                    $0 + $1.tokens.count
                }
                progress.advance(tokens)
                return (CalibrationTaps(state, allExperts: plan.request.allExperts), batch)
            }
        }
        return (CalibrationTaps(state, allExperts: plan.request.allExperts), 0)
    }

    /// The last state takes the name of the result, the document goes beside it, the folder takes its name.
    private func finish() throws(Failure) -> Int {
        let path = joined(output.partial, CalibrationRecord.arraysName)
        let last = joined(output.partial, stateName(after: plan.batches.count - 1))
        if FileAccess.kind(last) == .file { try FileAccess.rename(last, to: path) }
        let arrays = try digestFile(path)
        try CalibrationRecord.write(plan.head, arrays: arrays, to: output.partial)
        try removeStates(except: "")
        try output.seal()
        return arrays.bytes
    }
}

extension CalibrationRun {
    /// Whether an earlier run of the same plan had finished; ends what it may have left to tidy up.
    package func isDone() throws(Failure) -> Bool {
        guard FileAccess.kind(joined(output.path, CalibrationRecord.documentName)) == .file,
            let record = try? CalibrationRecord.read(output.path), record.head == plan.head
        else { return false }
        return try output.finishSeal()
    }
}
