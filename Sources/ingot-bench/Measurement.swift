// A measurement: something timed against something else timed in the same run, in turn, so that a machine
// whose speed drifts still gives a trustworthy ratio.

import Diagnostics
import Documents

/// What a measurement found.
struct Measurement {
    let name: String
    /// Bytes touched by one turn of the subject.
    let bytes: Int
    /// Seconds of each turn.
    let subject: [Double]
    let baseline: [Double]
    let baselineName: String
    /// Peak resident bytes of the subject, where it was a process.
    var peakBytes: Int?
    var note = ""

    var seconds: Double { median(subject) }

    /// Subject over baseline, turn by turn, then the median.
    ///
    /// Below 1 is faster than the baseline.
    var ratio: Double { median(zip(subject, baseline).map { $0 / $1 }) }

    var rate: Double { Double(bytes) / seconds }

    var row: [String] {
        [
            name, decimals(seconds * 1000, 2), decimals((subject.min() ?? 0) * 1000, 2),
            byteCount(Int(rate)) + "/s",
            peakBytes.map { "\(decimals(Double($0) / 1_048_576, 1)) MiB" } ?? "-", decimals(ratio, 3),
            baselineName,
            note,
        ]
    }

    static let header = ["measurement", "median ms", "best ms", "rate", "peak", "ratio", "to", ""]

    var document: JSONValue {
        [
            "name": .string(name), "bytes": .integer(bytes), "median_seconds": .real(seconds),
            "turns": .array(subject.map(JSONValue.real)), "baseline": .string(baselineName),
            "baseline_turns": .array(baseline.map(JSONValue.real)), "ratio": .real(ratio),
            "peak_bytes": peakBytes.map { .integer($0) } ?? .null, "note": .string(note),
        ]
    }
}

/// The middle value; the mean of two in the middle.
func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    guard let last = sorted.indices.last else { return .nan }
    return (sorted[last / 2] + sorted[(last + 1) / 2]) / 2
}

/// Seconds that a body takes.
func timed(_ body: () throws -> Void) rethrows -> Double {
    let clock = ContinuousClock()
    let start = clock.now
    try body()
    return (clock.now - start) / .seconds(1)
}

/// Runs two bodies in turn after one turn that does not count.
func inTurn(_ turns: Int, _ subject: () throws -> Void, _ baseline: () throws -> Void) rethrows
    -> (subject: [Double], baseline: [Double])
{
    try subject()
    try baseline()
    var times: ([Double], [Double]) = ([], [])
    for _ in 0..<turns {
        times.0.append(try timed(subject))
        times.1.append(try timed(baseline))
    }
    return times
}
