// Findings about weights: which tensors are farther apart than their storage explains, and what it looks like.

import Architectures
import Diagnostics
import ReferenceModel

/// Judges weights tensor by tensor.
struct WeightFindings {
    private let diagnosis: WeightDiagnosis
    private let tolerance: Tolerance

    init(_ left: CheckpointWeights, _ right: CheckpointWeights, _ tolerance: Tolerance) {
        diagnosis = WeightDiagnosis(left: left, right: right)
        self.tolerance = tolerance
    }

    /// A finding for every weight that breaks a limit; the worst ones first, with their likely cause.
    func findings(_ weights: [WeightDifference]) throws(Failure) -> [Finding] {
        let broken = weights.filter(breaks).sorted {
            max($0.sums.relative, $0.worstBand) > max($1.sums.relative, $1.worstBand)
        }
        var collector = FindingCollector()
        for (rank, weight) in broken.enumerated() {
            let cause = rank < FindingCollector.keptPerCode ? try diagnosis.cause(of: weight) : nil
            collector.add(finding(weight, cause))
        }
        return collector.findings
    }

    private func breaks(_ weight: WeightDifference) -> Bool {
        if let limit = tolerance.limit(.tensorsDifferent), limit == 0, !weight.isSameBytes { return true }
        if let limit = tolerance.limit(weight.quantity), !(weight.sums.relative <= limit) { return true }
        if weight.hasCodes, let limit = tolerance.limit(.weightsBand), !(weight.worstBand <= limit) {
            return true
        }
        return false
    }

    private func finding(_ weight: WeightDifference, _ cause: String?) -> Finding {
        let types =
            weight.isSameType
            ? weight.right.dtype.rawValue : "\(weight.left.dtype.rawValue) to \(weight.right.dtype.rawValue)"
        let limit = tolerance.limit(weight.quantity) ?? 0
        let whole = !(weight.sums.relative <= limit)
        let expected =
            whole
            ? "relative RMS of \(scientific(limit)) at most, as \(tolerance.name) allows for \(types)"
            : "relative RMS of \(scientific(tolerance.limit(.weightsBand) ?? 0)) at most in any 128 rows"
        let found =
            whole
            ? "\(scientific(weight.sums.relative)), cosine \(decimals(weight.sums.cosine, 4))"
            : "\(scientific(weight.worstBand)) in rows \(weight.worstRows.lowerBound) to "
                + "\(weight.worstRows.upperBound - 1)"
        var finding = Finding(
            .error, .weightsDiffer, "a tensor differs by more than its storage explains",
            tensor: weight.right.name, expected: expected, found: found,
            remedy: "make this tensor again from its source", cause: cause)
        if cause == nil, whole, weight.sums.cosine > 0.99 {
            finding.remedy = "compare with --tolerance that of the scheme it was made with"
        }
        return finding
    }

    /// One side's weights that the other has not.
    static func unmatched(_ names: [String]) -> Finding {
        Finding(
            .error, .weightsDiffer, "one side has weights that the other has not, or of another shape",
            expected: "the same inventory on both sides", found: abridged(names),
            remedy: "ingot validate on both sides")
    }
}
