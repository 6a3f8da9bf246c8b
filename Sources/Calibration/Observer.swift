// What a calibration can look at. Each kind is a few arrays of the record; what was not asked for is not there.

import Diagnostics
import Documents

/// A kind of statistics.
package enum Observer: String, CaseIterable, Comparable, Sendable {
    /// The largest magnitude of each input channel: static scales, and all that follows from them.
    case ranges
    /// The sum of squares of each input channel: errors weighted by what a weight meets.
    case moments
    /// Of each 128 input channels: the largest, smallest and mean over tokens of their largest magnitude.
    case groups
    /// Magnitudes of inputs in bins: percentiles.
    case histograms
    /// The largest magnitude of keys and values, by layer and head: cache scales.
    case keyValues = "key-values"
    /// Tokens and weight of each expert, margins of choices: coverage.
    case routes

    package static func < (a: Observer, b: Observer) -> Bool { a.rank < b.rank }
    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    /// The kinds of a list with commas between.
    ///
    /// - Throws: CAL-009 for a name that is none.
    package static func list(_ text: String) throws(Failure) -> Set<Observer> {
        var chosen: Set<Observer> = []
        let names = allCases.map(\.rawValue)
        for word in text.split(separator: ",").map({ String($0.trimmingPrefix { $0 == " " }) }) {
            guard let observer = Observer(rawValue: word) else {
                throw Failure(
                    Finding(
                        .error, .unknownObserver, "no statistics of this name", option: "--observe \(text)",
                        expected: names.joined(separator: ", "), found: word,
                        remedy: nearMiss(word, among: names).map { "did you mean \($0)?" }))
            }
            chosen.insert(observer)
        }
        guard !chosen.isEmpty else {
            throw Failure(
                Finding(
                    .error, .unknownObserver, "no statistics are named", option: "--observe",
                    expected: names.joined(separator: ", "), found: "none",
                    remedy: "leave --observe out: everything is recorded"))
        }
        return chosen
    }
}
