// Dealing units out: every unit in one share, even bytes, the same on every machine.

import Checkpoints
import TestSupport
import Testing

@Suite struct UnitShareTests {
    @Test func everyUnitIsInOneShareForEveryCount() {
        var generator = SeededGenerator(seed: 4)
        for _ in 0..<200 {
            let units = Int(generator.next() % 40)
            // Equal ones and empty ones among them.
            let bytes = (0..<units).map { _ in Int(generator.next() % 6) * Int(generator.next() % 1000) }
            for count in [1, 2, 3, 7, units + 1, units + 5] {
                let shares = UnitShare.deal(bytes, count: count)
                #expect(shares.count == count)
                #expect(shares.flatMap { $0 }.sorted() == Array(0..<units))
                #expect(shares.allSatisfy { $0 == $0.sorted() })
                #expect(shares == UnitShare.deal(bytes, count: count))
            }
        }
    }

    /// Graham's bound against a lower bound of any dealing: the mean, and the largest unit.
    @Test func noShareIsMuchLargerThanItMustBe() {
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<200 {
            let bytes = (0..<Int(generator.next() % 60 + 1)).map { _ in Int(generator.next() % 100_000 + 1) }
            for count in 1...9 {
                let loads = UnitShare.deal(bytes, count: count).map { $0.reduce(0) { $0 + bytes[$1] } }
                let mean = bytes.reduce(0, +) / count
                let largest = bytes.max() ?? 0
                #expect((loads.max() ?? 0) <= mean + largest)
                // Whoever has most would not have been given its last unit had another had less before.
                #expect((loads.max() ?? 0) - (loads.min() ?? 0) <= largest)
            }
        }
    }

    @Test func evenUnitsGiveEvenShares() {
        #expect(UnitShare.deal([5, 5, 5, 5, 5, 5], count: 3) == [[0, 3], [1, 4], [2, 5]])
        #expect(UnitShare.deal([1, 9, 3, 3, 3], count: 2) == [[0, 1], [2, 3, 4]])
        #expect(UnitShare.deal([], count: 2) == [[], []])
    }
}
