// The operations in plain form. A backend that has no faster way of its own inherits them; the reference
// backend inherits all of them.

import Glibc

extension Backend {
    package func rows(_ indices: [Int], of table: WeightMatrix) -> Matrix {
        let width = table.columns
        var result = Matrix(rows: indices.count, columns: width) { target in
            for (place, index) in indices.enumerated() {
                table.decode(rows: index..<index + 1, into: target + place * width)
            }
        }
        numerics.round(&result)
        return result
    }

    package func rmsNorm(_ x: Matrix, weight: WeightMatrix, epsilon: Double) -> Matrix {
        let scale = readVector(weight)
        let width = scale.count
        let format = numerics.format
        var result = x
        result.eachRow(width: width) { _, row in
            let mean = wideDot(row, row, width) / Double(width)
            let factor = Float(1 / (mean + epsilon).squareRoot())
            for column in 0..<width {
                row[column] = format.rounded(format.rounded(row[column] * factor) * scale[column])
            }
        }
        return result
    }

    package func rotate(
        _ x: inout Matrix, headDimension: Int, table: RotaryTable, positions: [Int]
    ) {
        let (width, pairs) = (x.columns, table.pairs)
        let format = numerics.format
        precondition(positions.count == x.rows && 2 * pairs <= headDimension, "a table of another model")
        var turn = [Float](repeating: 0, count: 2 * pairs)  // cos, then sin
        turn.withUnsafeMutableBufferPointer { turn in
            guard let cosines = turn.baseAddress else { return }
            let sines = cosines + pairs
            x.eachRow(width: width) { token, row in
                table.fill(position: positions[token], cosines: cosines, sines: sines)
                for head in stride(from: 0, to: width, by: headDimension) {
                    for low in 0..<pairs {
                        let (a, b) = (row[head + low], row[head + low + pairs])
                        let (c, s) = (cosines[low], sines[low])
                        row[head + low] = format.sum(a * c, -b * s)
                        row[head + low + pairs] = format.sum(b * c, a * s)
                    }
                }
            }
        }
    }

    package func swiGLU(gate: Matrix, up: Matrix) -> Matrix {
        precondition(gate.rows == up.rows && gate.columns == up.columns, "gate and up differ in shape")
        let format = numerics.format
        return combined(gate, up) { gate, up in
            format.rounded(format.rounded(gate / (1 + expf(-gate))) * up)
        }
    }

    package func routerLogits(_ y: Matrix, _ gate: WeightMatrix) -> Matrix {
        let (experts, width) = (gate.rows, gate.columns)
        let weight = readRows(gate, 0..<experts)
        return Matrix(rows: y.rows, columns: experts) { target in
            y.values.withUnsafeBufferPointer { y in
                weight.withUnsafeBufferPointer { weight in
                    guard let input = y.baseAddress, let weight = weight.baseAddress else { return }
                    for place in 0..<y.count / width * experts {
                        let (token, expert) = (place / experts, place % experts)
                        target[place] = Float(
                            wideDot(input + token * width, weight + expert * width, width))
                    }
                }
            }
        }
    }

    package func selectExperts(logits: Matrix, bias: [Float], rule: RouterRule) -> Routes {
        rule.select(logits: logits, bias: bias)
    }

    package func accumulate(_ part: Matrix, weights: [Float], tokens: [Int], into sum: inout Matrix) {
        precondition(
            part.rows == tokens.count && weights.count == tokens.count && part.columns == sum.columns,
            "parts that do not match their tokens")
        let width = part.columns
        part.values.withUnsafeBufferPointer { part in
            sum.values.withUnsafeMutableBufferPointer { sum in
                for (place, token) in tokens.enumerated() {
                    let weight = weights[place]
                    for column in 0..<width {
                        sum[token * width + column] += weight * part[place * width + column]
                    }
                }
            }
        }
    }

    package func rounded(_ sum: Matrix) -> Matrix {
        var result = sum
        numerics.round(&result)
        return result
    }

    package func add(_ a: Matrix, _ b: Matrix) -> Matrix {
        precondition(a.rows == b.rows && a.columns == b.columns, "summands of different shapes")
        let format = numerics.format
        return combined(a, b) { format.rounded($0 + $1) }
    }

    // MARK: Shared pieces

    /// Some rows of a weight in the numbers of the pass: a model's type holds its weights too.
    func readRows(_ weight: WeightMatrix, _ rows: Range<Int>) -> [Float] {
        var values = weight.decoded(rows: rows)
        values.withUnsafeMutableBufferPointer { buffer in
            if let base = buffer.baseAddress { numerics.format.round(base, count: buffer.count) }
        }
        return values
    }

    /// A weight of one row.
    func readVector(_ weight: WeightMatrix) -> [Float] { readRows(weight, 0..<1) }

    @inline(__always)
    private func combined(_ a: Matrix, _ b: Matrix, _ body: (Float, Float) -> Float) -> Matrix {
        Matrix(rows: a.rows, columns: a.columns) { target in
            a.values.withUnsafeBufferPointer { a in
                b.values.withUnsafeBufferPointer { b in
                    for index in 0..<a.count { target[index] = body(a[index], b[index]) }
                }
            }
        }
    }
}

extension NumberFormat {
    /// Two products, each rounded, added and rounded.
    @inline(__always)
    fileprivate func sum(_ a: Float, _ b: Float) -> Float { rounded(rounded(a) + rounded(b)) }
}
