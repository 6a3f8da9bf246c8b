// A comparison from its sides to its verdict.

import Architectures
import Diagnostics
import ReferenceModel
import Tokenisation

/// What to compare, how, and against which limits.
package struct ParityRun: Sendable {
    package let left: ParitySide
    package let right: ParitySide
    /// Texts of the forward pass.
    package let rows: [TokenRow]
    package let items: [TokenItem]
    package let tolerance: Tolerance
    package let checks: Set<ParityCheck>
    /// Tokens of one batch, about.
    package let batchTokens: Int
    /// Whether known faults are tried on a large checkpoint too, when a limit is broken.
    package let diagnoses: Bool

    package init(
        left: ParitySide, right: ParitySide, rows: [TokenRow], items: [TokenItem], tolerance: Tolerance,
        checks: Set<ParityCheck>, batchTokens: Int, diagnoses: Bool = false
    ) {
        self.left = left
        self.right = right
        self.rows = rows
        self.items = items
        self.tolerance = tolerance
        self.checks = checks
        self.batchTokens = batchTokens
        self.diagnoses = diagnoses
    }

    /// The checks that two sides allow.
    package static func possible(
        _ left: ParitySide, _ right: ParitySide, hasItems: Bool
    ) -> Set<ParityCheck> {
        var checks: Set<ParityCheck> = [.forward]
        if left.model != nil, right.model != nil {
            checks.insert(.weights)
            if hasItems { checks.insert(.accuracy) }
        }
        if left.model != nil || right.model != nil { checks.insert(.batch) }
        for (a, b) in [(left, right), (right, left)] {
            guard b.model != nil else { continue }
            if let run = a.recording, run.cases.contains(where: { !$0.greedy.isEmpty }) {
                checks.insert(.greedy)
            }
            if a.server != nil { checks.insert(.greedy) }
        }
        return checks
    }

    /// Makes every comparison and judges it.
    package func run(progress: any ProgressSink) throws(Failure) -> ParityResult {
        var result = ParityResult(tolerance: tolerance)
        result.findings += try configurationFindings()
        let shapesAgree = left.model.flatMap { a in right.model.map { Self.sameShapes(a, $0) } } ?? true
        if checks.contains(.weights), let a = left.model, let b = right.model {
            let comparison = WeightComparison(left: a.weights, right: b.weights)
            progress.begin(stage: "weights", totalBytes: comparison.totalBytes)
            let weights = try comparison.run(progress: progress)
            progress.end()
            result.weights = weights
            result.unmatched = comparison.unmatched
            result.findings += try WeightFindings(a.weights, b.weights, tolerance).findings(weights)
            if !comparison.unmatched.isEmpty {
                result.findings.append(WeightFindings.unmatched(comparison.unmatched))
            }
        }
        if checks.contains(.forward), left.server != nil || right.server != nil {
            let sparse = SparseComparison(left: left, right: right, batchTokens: batchTokens)
            result.differences = try sparse.run(rows, progress: progress)
        } else if checks.contains(.forward), shapesAgree {
            let forward = ForwardComparison(
                left: left, right: right, tieMargin: tolerance.tieMargin, batchTokens: batchTokens)
            result.differences = try forward.run(rows, progress: progress)
        }
        if let differences = result.differences, differences.isEmpty {
            result.findings.append(Self.nothing(left, right))
        }
        if let outputs = result.differences?.outputs, outputs.excused > 0, outputs.count == 0 {
            result.findings.append(Self.unjudged(outputs.excused))
        }
        for run in [left, right].compactMap(\.recording) where checks.contains(.forward) {
            if !run.partial.isEmpty { result.findings.append(Self.leftOut(run)) }
            if let model = left.model ?? right.model { result.findings += Self.deeper(run, model) }
        }
        if checks.contains(.greedy) { result.continuations = try continuations(progress) }
        if checks.contains(.batch), shapesAgree, let model = right.model ?? left.model {
            // Sums in another order may choose another expert, whatever the profile says.
            let sameArithmetic = try Tolerance.named("f32", .embedded)
            result.batch = try BatchInvariance.run(
                model, rows, tieMargin: max(tolerance.tieMargin, sameArithmetic.tieMargin), progress: progress
            )
        }
        if checks.contains(.accuracy), shapesAgree, !items.isEmpty, let a = left.model, let b = right.model {
            let total = items.reduce(0) { $0 + $1.choices.reduce(0) { $0 + $1.tokens.count } }
            progress.begin(stage: "accuracy", total: 2 * total, unit: .tokens)
            let first = try a.answers(items, batchTokens: batchTokens, progress: progress)
            let second = try b.answers(items, batchTokens: batchTokens, progress: progress)
            progress.end()
            result.accuracy = AccuracyComparison(left: first, right: second)
        }
        result.overflow = right.model?.overflow ?? left.model?.overflow
        result.judge()
        if !result.passed, let finding = try diagnose(progress) { result.findings += finding }
        return result
    }

    /// A pass that showed nothing of which both sides have something must not look like one that agrees.
    private static func nothing(_ left: ParitySide, _ right: ParitySide) -> Finding {
        Finding(
            .error, .nothingToCompare, "the two sides show nothing that both have",
            expected: "activations, routes or logits of the same texts on both sides",
            found: "\(left.title); \(right.title)", remedy: "record logits at least: ingot verify --record")
    }

    /// Outputs of which none was judged must not look like outputs that agree.
    private static func unjudged(_ count: Int) -> Finding {
        Finding(
            .error, .outputsUnjudged, "no output was judged: each stands after a tie of the router",
            expected: "outputs of tokens before which the choice of experts is beyond doubt",
            found: "\(grouped(count)) positions, all after a tie",
            remedy: "more and shorter texts; if nearly every choice is a tie, look at the router's weights")
    }

    /// A recording of a deeper model agrees with what there is of the other, and is another model.
    private static func deeper(_ run: RecordedRun, _ model: ModelSide) -> [Finding] {
        let configuration = model.configuration
        let layers = configuration.layerCount + configuration.predictionLayerCount
        guard let last = run.layers.last, last >= layers else { return [] }
        return [
            Finding(
                .error, .configsDiffer, "the recording has layers that the checkpoint has not",
                file: run.path,
                field: "layer \(last)", expected: "layers 0 to \(layers - 1)",
                found: "layers up to \(last)", remedy: "record the model that the checkpoint was made from")
        ]
    }

    private static func leftOut(_ run: RecordedRun) -> Finding {
        Finding(
            .warning, .comparisonLimited, "some texts of the recording lack tensors that others have",
            file: run.path, expected: "every tensor for every text",
            found: "left out for all texts: " + abridged(run.partial),
            remedy: "record it again; docs/07-parity.md has the layout")
    }

    /// Greedy continuations of a recording or a server, made again by the checkpoint.
    private func continuations(_ progress: any ProgressSink) throws(Failure) -> [Continuation] {
        guard let model = left.model ?? right.model else { return [] }
        var made: [Continuation] = []
        if let run = left.recording ?? right.recording {
            made = try run.continuations(model, progress: progress)
        } else if let server = left.server ?? right.server {
            made = try server.continuations(rows, model, progress: progress)
        }
        for index in made.indices { try made[index].excuse(by: model, tolerance) }
        return made
    }

    /// Tries known faults where one side is a checkpoint and the other cannot be looked into.
    private func diagnose(_ progress: any ProgressSink) throws(Failure) -> [Finding]? {
        guard checks.contains(.forward), isDiagnosing, left.server == nil, right.server == nil else {
            return nil
        }
        let pair: (ModelSide, ParitySide)? =
            switch (left.model, right.model) {
            case (let model?, nil): (model, right)
            case (nil, let model?): (model, left)
            default: nil
            }
        guard let (model, other) = pair else { return nil }
        return try FaultDiagnosis(model: model, other: other, tolerance: tolerance).findings(
            rows, progress: progress)
    }

    /// Bytes of the largest checkpoint that known faults are tried on unasked: each costs a pass.
    private static let freeDiagnosis = 4 << 30

    /// Whether known faults are tried.
    private var isDiagnosing: Bool {
        diagnoses || max(left.passBytes, right.passBytes) <= Self.freeDiagnosis
    }

    private func configurationFindings() throws(Failure) -> [Finding] {
        if let a = left.model, let b = right.model {
            return ConfigurationComparison.findings(a.configuration, b.configuration)
        }
        if let a = left.recording, let b = right.recording {
            guard let expected = try a.frequencies(), let found = try b.frequencies() else { return [] }
            return ConfigurationComparison.findings(expected, found, file: b.path)
        }
        guard let model = left.model ?? right.model, let run = left.recording ?? right.recording,
            let frequencies = try run.frequencies()
        else { return [] }
        return ConfigurationComparison.findings(
            frequencies: frequencies, of: model.configuration, rope: .writtenFactor, file: run.path)
    }

    /// Whether a pass of one can be compared with a pass of the other.
    private static func sameShapes(_ a: ModelSide, _ b: ModelSide) -> Bool {
        let (x, y) = (a.configuration, b.configuration)
        return x.hiddenSize == y.hiddenSize && x.layerCount == y.layerCount
            && x.vocabularySize == y.vocabularySize
            && x.expertsPerToken == y.expertsPerToken
    }
}
