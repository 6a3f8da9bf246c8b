// Means, intervals, and the quantiles they take.

import Parity
import ReferenceModel
import Testing

struct StatisticsTests {
    /// Table 26.10 of Abramowitz and Stegun, 97.5 %.
    @Test(arguments: [(1, 12.706), (2, 4.303), (5, 2.571), (10, 2.228), (30, 2.042), (120, 1.980)])
    func studentsT(degrees: Int, quantile: Double) {
        #expect(abs(studentQuantile(degrees: degrees) - quantile) < 6e-4)
    }

    @Test func theExpansionMeetsTheSum() {
        #expect(abs(studentQuantile(degrees: 200) - 1.971896) < 1e-6)
        #expect(abs(studentQuantile(degrees: 201) - 1.971837) < 1e-5)
        #expect(abs(studentQuantile(degrees: 1_000_000) - 1.959964) < 1e-5)
    }

    @Test func equalClustersGiveTheOrdinaryInterval() throws {
        var mean = ClusteredMean()
        for value in [1.0, 2, 3, 4, 5] { mean.add([value]) }
        let estimate = try #require(mean.estimate)
        #expect(estimate.mean == 3 && estimate.count == 5 && estimate.clusters == 5)
        // t(4) · s / √5, s² = 2.5
        let half = try #require(estimate.halfWidth)
        #expect(abs(half - 2.776445 * (2.5 / 5).squareRoot()) < 1e-5)
    }

    @Test func positionsOfOneTextAreOneObservation() throws {
        var (alone, together) = (ClusteredMean(), ClusteredMean())
        for value in [1.0, 2, 3, 4] {
            alone.add([value])
            together.add(Array(repeating: value, count: 100))
        }
        let (a, b) = (try #require(alone.estimate), try #require(together.estimate))
        #expect(a.mean == b.mean && b.count == 400)
        #expect(abs((a.halfWidth ?? 0) - (b.halfWidth ?? 1)) < 1e-12)
    }

    @Test func oneClusterHasNoInterval() {
        var mean = ClusteredMean()
        #expect(mean.estimate == nil)
        mean.add([])
        #expect(mean.estimate == nil)
        mean.add([2, 4])
        #expect(mean.estimate == Estimate(mean: 3, halfWidth: nil, count: 2, clusters: 1))
    }
}
