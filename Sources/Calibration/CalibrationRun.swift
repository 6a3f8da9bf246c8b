// Runs a calibration: batch after batch, the state sealed and noted in the journal as often as costs little. Whatever
// stops it, the next run with --resume goes on from the last sealed state and ends with the same bytes.

import Checkpoints
import Diagnostics
import Documents
import ReferenceModel
import Tokenisation

/// What a finished calibration has made.
package struct CalibrationResult: Sendable {
    package let state: CalibrationState
    /// Bytes of the files of arrays.
    package let bytes: Int
    /// Batches that an earlier run had sealed.
    package let resumed: Int
    /// States that this run sealed on its way.
    package let seals: Int
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

    /// The part of a run that may go into sealing states: a kill costs at most twenty times what one seal takes.
    ///
    /// A state of the full model is 0.9 GB whatever the batch was; sealed after each it could take longer than passes.
    package static let sealShare = 0.05

    /// Does the work and seals the output.
    ///
    /// - Parameters:
    ///   - batchLimit: batches to do before stopping as by a signal; nil for all of them.
    ///   - killedAfter: batches after which to stop as by a kill, nothing sealed any more; nil for never.
    package func run(batchLimit: Int? = nil, killedAfter: Int? = nil) throws(Failure) -> CalibrationResult {
        let journal = try output.begin()
        progress.begin(stage: "calibrate", total: plan.head.tokens, unit: .tokens)
        defer { progress.end() }
        do throws(Failure) {
            // One state for the whole run, changed in place: a second one could be as large as the model.
            let (taps, resumed) = try resume(journal)
            var pace = SealPace(share: Self.sealShare)
            for batch in plan.batches.indices.dropFirst(resumed) {
                if batch == killedAfter { throw Self.stopped }
                if StopFlag.isRaised || batch == batchLimit {
                    // A polite stop loses nothing: what no state holds yet is sealed now.
                    if pace.isBehind { try seal(taps.state, after: batch - 1, journal) }
                    try StopFlag.check(isWriting: journal.hasUnits)
                    throw Self.stopped
                }
                try observe(batch, taps)
                pace.worked()
                guard pace.isDue, batch < plan.batches.count - 1 else { continue }
                let began = ContinuousClock.now
                try seal(taps.state, after: batch, journal)
                pace.sealed(since: began)
            }
            let bytes = try finish(taps.state)
            return CalibrationResult(state: taps.state, bytes: bytes, resumed: resumed, seals: pace.seals)
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
        let entries = try journal.units(
            ofPlan: plan.digest,
            sameness: "the same checkpoint, data, options, memory and version of this program")
        for entry in entries.reversed() {
            guard case .object(let unit) = entry, case .number(let number)? = unit["batch"],
                let batch = number.integer, (1...plan.batches.count).contains(batch),
                case .string(let digest)? = unit["sha256"]
            else { continue }
            let path = joined(output.partial, stateName(after: batch - 1))
            guard let sealed = try? digestFile(path), sealed.digest == digest else { continue }
            try state.read(path)
            let tokens = plan.rows[..<plan.batches[batch - 1].upperBound].reduce(0) { $0 + $1.tokens.count }
            progress.advance(tokens)
            return (CalibrationTaps(state, allExperts: plan.request.allExperts), batch)
        }
        return (CalibrationTaps(state, allExperts: plan.request.allExperts), 0)
    }

    /// Arrays and document are written, states go, the folder takes its name.
    private func finish(_ state: CalibrationState) throws(Failure) -> Int {
        let bytes = try state.write(plan.head, to: output.partial)
        try removeStates(except: "")
        try output.seal()
        return bytes
    }
}

/// When to seal a state: so seldom that all seals take a small part of the time.
private struct SealPace {
    let share: Double
    private let clock = ContinuousClock()
    private var started = ContinuousClock.now
    /// How long the last seal took; the first state is sealed at once, to learn it.
    private var cost = Duration.zero
    private(set) var seals = 0
    /// Whether there is work that no state holds.
    private(set) var isBehind = false

    init(share: Double) { self.share = share }

    var isDue: Bool { isBehind && (clock.now - started) * share >= cost }

    mutating func worked() { isBehind = true }

    mutating func sealed(since began: ContinuousClock.Instant) {
        cost = clock.now - began
        started = clock.now
        seals += 1
        isBehind = false
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
