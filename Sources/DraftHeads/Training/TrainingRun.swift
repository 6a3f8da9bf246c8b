// Runs a training: step after step, its state sealed at intervals and noted in the journal. Whatever stops it, the
// next run with --resume goes on from the last seal and, unless the clock decides the length, ends with the same
// bytes.

import Backends
import Checkpoints
import Diagnostics
import Documents
import ReferenceModel
import Tensors

/// What a finished training has made.
package struct TrainingResult: Sendable {
    /// Steps in all.
    package let steps: Int
    /// Of the last step.
    package let loss: Double
    /// The step whose weights were kept, and its figures on the held-out texts; nil without held-out texts.
    package let best: (step: Int, length: Double)?
    /// Steps that an earlier run had sealed.
    package let resumed: Int
    /// Seconds of this run's steps, and of them those of the head alone.
    package let seconds: Double
    package let headSeconds: Double
    /// Whether it ended because it got no better.
    package let endedEarly: Bool
}

/// The run of one plan.
///
/// - Checked by: TrainingRunTests.
package final class TrainingRun {
    package let plan: TrainingPlan
    package let output: OutputFolder
    private let progress: any ProgressSink
    private let features: any FeatureSource
    private let heldOutFeatures: any FeatureSource
    private let trainer: HeadTrainer
    private let best: FloatRows
    private var place = TrainingProgress()
    private var lastLoss = Double.nan
    private let clock = ContinuousClock()
    private var headSeconds = 0.0

    /// - Parameter heldOutFeatures: for the held-out texts, where a cache does not hold them.
    package init(
        plan: TrainingPlan, output: OutputFolder, features: any FeatureSource,
        heldOutFeatures: (any FeatureSource)? = nil, progress: any ProgressSink
    ) {
        self.heldOutFeatures = heldOutFeatures ?? features
        self.plan = plan
        self.output = output
        self.features = features
        self.progress = progress
        trainer = HeadTrainer(plan.configuration, plan.recipe, threads: plan.request.threads)
        best = FloatRows(rows: 1, columns: plan.parameterCount) {
            $0.initialize(repeating: 0, count: plan.parameterCount)
        }
    }

    /// The output folder of a training.
    package static func output(_ path: String, policy: OutputFolder.Policy) -> OutputFolder {
        OutputFolder(path: path, policy: policy, marker: TrainingRecord.fileName, kind: "trained draft head")
    }

    /// What would stop the run later.
    package func check() -> [Finding] {
        output.check(input: plan.request.target, bytes: plan.outputBytes)
    }

    /// Whether an earlier run of the same plan had finished; ends what it may have left to tidy up.
    package static func isDone(_ plan: TrainingPlan, _ output: OutputFolder) throws(Failure) -> Bool {
        guard TrainingRecord.planDigest(output.path) == plan.digest else { return false }
        return try output.finishSeal()
    }

    /// Does the work and seals the output.
    ///
    /// - Parameter stepLimit: steps to do before stopping as by a signal; nil for all of them.
    package func run(stepLimit: Int? = nil) throws(Failure) -> TrainingResult {
        let journal = try output.begin()
        let total = plan.request.minutes.map { Int($0 * 60) } ?? plan.recipe.steps
        progress.begin(
            stage: "train", total: total, unit: plan.request.minutes == nil ? .steps : .seconds)
        defer { progress.end() }
        do throws(Failure) {
            return try run(journal, stepLimit)
        } catch {
            if !journal.hasUnits { output.discard() }
            throw error
        }
    }

    private func run(_ journal: Journal, _ stepLimit: Int?) throws(Failure) -> TrainingResult {
        let log = try takeUp(journal)
        let resumed = place.step
        progress.advance(plan.request.minutes == nil ? place.step : Int(place.seconds))
        var sampler = TextSampler(plan.texts, batch: plan.recipe.batch, seed: plan.recipe.seed)
        let (start, earlier) = (clock.now, place.seconds)
        var (sealed, endsEarly) = (place.step, false)
        while !isOver, !endsEarly {
            if StopFlag.isRaised || stepLimit == place.step {
                if place.step > sealed { try seal(log, journal) }
                try StopFlag.check(isWriting: journal.hasUnits)
                throw Self.stopped
            }
            try step(&sampler, log)
            let before = place.seconds
            place.seconds = earlier + (clock.now - start) / .seconds(1)
            progress.advance(
                plan.request.minutes == nil ? 1 : max(0, Int(place.seconds) - Int(before)))
            if place.step % plan.recipe.evaluateEvery == 0 || isOver { endsEarly = try evaluate(log) }
            if place.step % plan.recipe.sealEvery == 0 || isOver || endsEarly {
                try seal(log, journal)
                sealed = place.step
            }
        }
        let seconds = (clock.now - start) / .seconds(1)
        try finish()
        return TrainingResult(
            steps: place.step, loss: lastLoss, best: place.best, resumed: resumed, seconds: seconds,
            headSeconds: headSeconds, endedEarly: endsEarly)
    }

    private static let stopped = Failure(
        Finding(.error, .stoppedBySignal, "stopped after some steps", remedy: "--resume goes on from here"))

    private var isOver: Bool {
        if let minutes = plan.request.minutes { return place.seconds >= minutes * 60 }
        return place.step >= plan.recipe.steps
    }

    // MARK: Steps

    private func step(_ sampler: inout TextSampler, _ log: TrainingLog) throws(Failure) {
        let recipe = plan.recipe
        let sequences = try features.sequences(sampler.texts(ofStep: place.step))
        let total = plan.request.minutes == nil ? recipe.steps : nil
        let done =
            if let minutes = plan.request.minutes { place.seconds / (minutes * 60) } else {
                Double(place.step) / Double(recipe.steps)
            }
        let rate = recipe.rate(done: done, step: place.step, total: total)
        let start = clock.now
        let report = try trainer.step(sequences, rate: rate)
        headSeconds += (clock.now - start) / .seconds(1)
        place.step += 1
        lastLoss = report.loss
        progress.note(
            "loss \(decimals(report.loss, 3))  length "
                + decimals(report.result.chainLength(chain: recipe.chain), 2))
        guard place.step % recipe.logEvery == 0 || place.step == 1 else { return }
        var line = JSONObject()
        line["step"] = .integer(place.step)
        line["rate"] = .real(rate)
        line["loss"] = .real(report.loss)
        line["norm"] = .real(report.norm)
        line["positions"] = .integer(report.positions)
        for member in report.result.document(chain: recipe.chain).members { line[member.key] = member.value }
        try log.append(line)
    }

    /// Judges the held-out texts; whether the training has stopped getting better.
    private func evaluate(_ log: TrainingLog) throws(Failure) -> Bool {
        guard let heldOut = plan.heldOut else { return false }
        let recipe = plan.recipe
        let texts = Array(heldOut.texts.prefix(recipe.evaluationTexts))
        var result = UnrolledResult(stepCount: recipe.unrolledSteps)
        var positions = 0
        for first in stride(from: 0, to: texts.count, by: recipe.batch) {
            let sequences = try heldOutFeatures.sequences(
                Array(texts[first..<min(first + recipe.batch, texts.count)]))
            result.add(trainer.judge(sequences))
            positions += sequences.reduce(0) { $0 + $1.positionCount }
        }
        let length = result.chainLength(chain: recipe.chain)
        var line = JSONObject()
        line["step"] = .integer(place.step)
        line["held_out_loss"] = .real(trainer.loss(result, positions: positions))
        for member in result.document(chain: recipe.chain).members { line[member.key] = member.value }
        try log.append(line)
        if length > place.best?.length ?? 0 {
            place.best = (place.step, length)
            place.stale = 0
            best.base.update(from: trainer.rounded.base, count: plan.parameterCount)
        } else {
            place.stale += 1
        }
        return recipe.patience > 0 && place.stale >= recipe.patience
    }

    // MARK: Sealed states

    private func stateName(atStep step: Int) -> String { "state-\(step).safetensors" }

    private func seal(_ log: TrainingLog, _ journal: Journal) throws(Failure) {
        let name = stateName(atStep: place.step)
        try log.sync()
        let sealed = try TrainingState.write(
            trainer, stateToWrite, best: best, to: joined(output.partial, name))
        try journal.append(
            unit: [
                "step": .integer(place.step), "log": .integer(log.count), "bytes": .integer(sealed.bytes),
                "sha256": .string(sealed.digest),
            ])
        for other in try FileAccess.names(in: output.partial)
        where other.hasPrefix("state-") && other != name {
            try FileAccess.remove(joined(output.partial, other))
        }
    }

    /// Without the clock's say, seconds are no part of a state: two runs then have the same bytes.
    private var stateToWrite: TrainingProgress {
        var state = place
        if plan.request.minutes == nil { state.seconds = 0 }
        return state
    }

    /// Starts, or takes up the last sealed state of an earlier run of the same plan.
    private func takeUp(_ journal: Journal) throws(Failure) -> TrainingLog {
        let entries = try journal.units(
            ofPlan: plan.digest,
            sameness: "the same target, data, profile, options and version of this program")
        for entry in entries.reversed() {
            guard case .object(let unit) = entry, case .number(let step)? = unit["step"],
                case .number(let log)? = unit["log"], case .string(let digest)? = unit["sha256"],
                let step = step.integer, let log = log.integer
            else { continue }
            for name in [stateName(atStep: step), TrainingState.fileName] {
                let path = joined(output.partial, name)
                guard let sealed = try? digestFile(path), sealed.digest == digest else { continue }
                place = try TrainingState.read(path, into: trainer, best: best)
                return try TrainingLog(folder: output.partial, keeping: log)
            }
        }
        return try start()
    }

    private func start() throws(Failure) -> TrainingLog {
        var logits: Matrix?
        if plan.recipe.startsFromTarget {
            let rows = try plan.weights.rows(plan.vocabulary.targetIds, of: WeightKey(.outputHead))
            logits = Matrix(rows: rows.rows, columns: rows.columns, values: rows.decoded)
        }
        trainer.start(logits: logits)
        return try TrainingLog(folder: output.partial, keeping: 0)
    }

    /// The head and its record beside the last state; then the folder takes its name.
    private func finish() throws(Failure) {
        let state = joined(output.partial, TrainingState.fileName)
        let last = joined(output.partial, stateName(atStep: place.step))
        if FileAccess.kind(last) == .file { try FileAccess.rename(last, to: state) }
        let weights = place.best == nil ? trainer.rounded : best
        let document = HeadDocument(
            plan.configuration, form: .specforge, others: try TrainingRecord.tokenIds(plan))
        let content = HeadContent(
            document, vocabulary: plan.vocabulary, parameters: weights.values, dtype: .bf16)
        try content.write(to: output.partial)
        try TrainingRecord.write(plan, place, to: output.partial)
        try output.seal()
    }
}
