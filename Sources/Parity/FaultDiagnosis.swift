// When a recording does not agree with a checkpoint: which known fault, put into the checkpoint's pass, makes
// the two agree?

import Diagnostics
import Tokenisation

/// Tries known faults.
struct FaultDiagnosis {
    let model: ModelSide
    let other: ParitySide
    let tolerance: Tolerance

    /// Tokens that a fault is tried over, about.
    private static let tokens = 256
    /// How far the difference has to fall for a fault to count as its reason.
    private static let reduction = 0.01

    /// A finding for the fault that explains the difference best; none when no fault does.
    ///
    /// - Parameter found: the mean divergence without a fault, or the mean relative error where there are no logits.
    func findings(_ rows: [TokenRow], progress: any ProgressSink) throws(Failure) -> [Finding] {
        let rows = Self.few(rows)
        let faults = KnownFault.all
        progress.begin(stage: "diagnosis", total: faults.count + 1, unit: .passes)
        defer { progress.end() }
        guard let base = try measure(model, rows), base > 0 else { return [] }
        progress.advance(1)
        var best: (fault: KnownFault, measure: Double)?
        for fault in faults {
            progress.advance(1)
            guard let pass = fault.pass(like: model.pass) else { continue }
            let faulty = ModelSide(folder: model.folder, weights: model.weights, pass: pass)
            guard let measured = try measure(faulty, rows) else { continue }
            if measured < best?.measure ?? .infinity { best = (fault, measured) }
        }
        guard let best, best.measure < Self.reduction * base else { return [] }
        return [
            Finding(
                .error, .faultRecognised, "a known fault explains the difference: \(best.fault.title)",
                file: other.path, expected: "the pass that the checkpoint's config describes",
                found: "with the fault the difference falls from \(scientific(base)) to "
                    + scientific(best.measure),
                remedy: best.fault.remedy)
        ]
    }

    /// Mean divergence of the outputs; without logits the mean relative error of the residual streams.
    private func measure(_ model: ModelSide, _ rows: [TokenRow]) throws(Failure) -> Double? {
        let comparison = ForwardComparison(
            left: other, right: .model(model), tieMargin: tolerance.tieMargin, batchTokens: .max)
        let differences = try comparison.run(rows, progress: SilentProgress())
        if let divergence = differences.outputs.divergence { return divergence.mean }
        let streams = differences.layers.filter { $0.kind == .residual && $0.count > 0 }
        return streams.isEmpty
            ? nil : streams.reduce(0) { $0 + $1.mean * $1.mean } / Double(streams.count)
    }

    /// Whole texts up to a few hundred tokens, and one at least; those of one token have no routes to speak of.
    private static func few(_ rows: [TokenRow]) -> [TokenRow] {
        var (chosen, used) = ([TokenRow](), 0)
        for row in rows.sorted(by: { $0.tokens.count > $1.tokens.count }) {
            if used > 0, used + row.tokens.count > tokens { continue }
            chosen.append(row)
            used += row.tokens.count
        }
        return chosen
    }
}
