// The backend that judges the others: plain Swift, one thread, sums in a fixed order. Everything that is not
// here is in Backend+Plain.swift; products are in ReferenceBackend+Products.swift.
//
// Legend: T tokens, N and K rows and columns of a weight, D head dimension, P positions.

import Glibc

/// Plain Swift, one thread.
///
/// A token's numbers are the same bits whatever else is in the batch.
package struct ReferenceBackend: Backend {
    package let name = "reference"
    package let numerics: Numerics

    package init(numerics: Numerics) { self.numerics = numerics }

    package func product(_ x: Matrix, _ weight: WeightMatrix) -> Matrix {
        precondition(
            x.columns == weight.columns, "\(x.columns) channels by [\(weight.rows), \(weight.columns)]")
        guard case .e4m3(let scales) = weight.format else { return elementProduct(x, weight) }
        switch numerics.codeProducts {
        case .decoded: return elementProduct(x, weight)
        case .roundedScales:
            let rounded = scales.rounded(to: numerics.format)
            return scales.isPerRow
                ? codeProduct(x, weight, rowScales: rounded)
                : elementProduct(x, weight.roundingScales(to: numerics.format))
        case .activationCodes(let rule):
            let codes = rule.codes(of: x, beside: scales, inputScale: weight.inputScale)
            return codeProduct(codes, weight, scales)
        }
    }

    package func attention(queries: Matrix, keyValues: KeyValues, heads: AttentionHeads) -> Matrix {
        let (d, width, positions) = (heads.dimension, keyValues.width, keyValues.count)
        let earlier = positions - queries.rows
        var scores = [Float](repeating: 0, count: positions)
        return Matrix(rows: queries.rows, columns: queries.columns) { target in
            queries.withElements { queries in
                keyValues.withElements { keys, values in
                    let format = numerics.format
                    for token in 0..<positions - earlier {
                        for head in 0..<heads.queryCount {
                            let place = (token * heads.queryCount + head) * d
                            let channel = head / heads.share * d
                            let seen = earlier + token + 1
                            for position in 0..<seen {
                                scores[position] = dot(
                                    queries + place, keys + position * width + channel, d)
                            }
                            scale(&scores, seen, by: Float(Double(d).squareRoot()))
                            softmax(&scores, seen)
                            for j in 0..<d {
                                var sum = 0.0
                                for position in 0..<seen {
                                    sum +=
                                        Double(scores[position])
                                        * Double(values[position * width + channel + j])
                                }
                                target[place + j] = format.rounded(Float(sum))
                            }
                        }
                    }
                }
            }
        }
    }

    /// x / √D over the first scores, in place; rounded as a product and as a quotient.
    private func scale(_ scores: inout [Float], _ count: Int, by root: Float) {
        let format = numerics.format
        for index in 0..<count { scores[index] = format.rounded(format.rounded(scores[index]) / root) }
    }

    /// e^(x − max) / Σ, over the first scores, in place; the sum in F64, the result rounded.
    private func softmax(_ scores: inout [Float], _ count: Int) {
        var largest = -Float.infinity
        for index in 0..<count { largest = max(largest, scores[index]) }
        var sum = 0.0
        for index in 0..<count {
            scores[index] = expf(scores[index] - largest)
            sum += Double(scores[index])
        }
        let format = numerics.format
        for index in 0..<count { scores[index] = format.rounded(Float(Double(scores[index]) / sum)) }
    }
}
