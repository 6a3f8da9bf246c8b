// The softmax of attention, in place; one row of scores at a time, so that no row knows of another.

import Glibc

extension NumberFormat {
    /// softmax(x / √D) over what a query sees, zero beyond, in place.
    func softmax(
        _ scores: UnsafeMutablePointer<Float>, seen: Int, of count: Int, dimension: Int
    ) {
        let root = Float(Double(dimension).squareRoot())
        var largest = -Float.infinity
        for index in 0..<seen {
            scores[index] = rounded(rounded(scores[index]) / root)
            largest = max(largest, scores[index])
        }
        var sum = 0.0
        for index in 0..<seen {
            scores[index] = expf(scores[index] - largest)
            sum += Double(scores[index])
        }
        let factor = 1 / sum
        for index in 0..<seen { scores[index] = rounded(Float(Double(scores[index]) * factor)) }
        for index in seen..<count { scores[index] = 0 }
    }
}
