// Means with confidence intervals. Positions of one text are not independent: the text is the unit, so that a
// long conversation does not make a result look surer than it is.

import Glibc

/// A mean over positions and how far it may be from the truth.
package struct Estimate: Equatable, Sendable {
    /// Σx / Σn.
    package let mean: Double
    /// Half the width of the 95 % confidence interval; nil with fewer than two clusters.
    package let halfWidth: Double?
    /// Positions counted.
    package let count: Int
    /// Texts, or pieces of one text, taken as independent.
    package let clusters: Int

    package init(mean: Double, halfWidth: Double?, count: Int, clusters: Int) {
        self.mean = mean
        self.halfWidth = halfWidth
        self.count = count
        self.clusters = clusters
    }
}

/// Collects values cluster by cluster.
///
/// mean = Σx / Σn over clusters; its variance is k / (k − 1) · Σ(xᵢ − mean · nᵢ)² / (Σn)²; the interval takes
/// Student's t of k − 1 degrees of freedom.
///
/// - Source: the ratio estimator of cluster sampling, Cochran, Sampling Techniques, 3rd edition, section 6.3.
/// - Checked by: StatisticsTests.
package struct ClusteredMean: Sendable {
    private var sums: [Double] = []
    private var counts: [Int] = []

    /// Positions of one text that make a cluster where there is only one text to tell apart.
    package static let pieceLength = 64

    package init() {}

    /// Adds the values of one cluster; one without values adds nothing.
    package mutating func add(_ values: some Sequence<Double>) {
        var (sum, count) = (0.0, 0)
        for value in values {
            sum += value
            count += 1
        }
        add(sum: sum, count: count)
    }

    /// Adds one cluster by its sum; one without values adds nothing.
    package mutating func add(sum: Double, count: Int) {
        guard count > 0 else { return }
        sums.append(sum)
        counts.append(count)
    }

    /// The mean; nil before any value came.
    package var estimate: Estimate? {
        let total = counts.reduce(0, +)
        guard total > 0 else { return nil }
        let mean = sums.reduce(0, +) / Double(total)
        let k = sums.count
        guard k > 1 else { return Estimate(mean: mean, halfWidth: nil, count: total, clusters: k) }
        var squares = 0.0
        for (sum, count) in zip(sums, counts) {
            let residue = sum - mean * Double(count)
            squares += residue * residue
        }
        let error = (squares * Double(k) / Double(k - 1)).squareRoot() / Double(total)
        return Estimate(
            mean: mean, halfWidth: studentQuantile(degrees: k - 1) * error, count: total, clusters: k)
    }
}

/// The 97.5 % quantile of Student's t: 12.706 for one degree of freedom, towards 1.960 for many.
///
/// By bisection of the distribution function, which for whole degrees of freedom is a finite sum; beyond 200
/// the expansion in 1/n is exact to six digits.
///
/// - Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3, 26.7.4 and 26.7.5.
/// - Checked by: StatisticsTests.
package func studentQuantile(degrees n: Int) -> Double {
    let normal = 1.959963984540054
    if n > 200 {
        let (z, z3) = (normal, normal * normal * normal)
        let z5 = z3 * normal * normal
        let m = Double(n)
        return z + (z3 + z) / (4 * m) + (5 * z5 + 16 * z3 + 3 * z) / (96 * m * m)
    }
    var (low, high) = (1.9, 13.0)
    for _ in 0..<60 {
        let middle = (low + high) / 2
        if probabilityWithin(middle, degrees: n) < 0.95 { low = middle } else { high = middle }
    }
    return (low + high) / 2
}

/// P(|t| ≤ x) for n degrees of freedom.
private func probabilityWithin(_ x: Double, degrees n: Int) -> Double {
    let angle = atan(x / Double(n).squareRoot())
    let (sine, cosine) = (sin(angle), cos(angle))
    var (term, sum) = (n % 2 == 0 ? 1.0 : cosine, n % 2 == 0 ? 1.0 : cosine)
    var index = n % 2 == 0 ? 2 : 3
    while index <= n - 2 {
        term *= cosine * cosine * Double(index - 1) / Double(index)
        sum += term
        index += 2
    }
    if n % 2 == 0 { return sine * sum }
    return n == 1 ? 2 * angle / .pi : 2 / .pi * (angle + sine * sum)
}
