// Activations: a row-major matrix of F32, one row for each token unless a comment says otherwise. Rounding to
// a model's own type is the numerics' affair: the values then are F32 numbers that the type can hold.

/// A row-major matrix of F32.
package struct Matrix: Equatable, Sendable {
    package let rows: Int
    package let columns: Int
    /// [rows, columns].
    package var values: AlignedFloats

    /// A copy of values that lie elsewhere.
    package init(rows: Int, columns: Int, values: some Collection<Float>) {
        precondition(values.count == rows * columns, "values that do not fill [\(rows), \(columns)]")
        self.rows = rows
        self.columns = columns
        self.values = AlignedFloats(values)
    }

    /// A matrix of zeros.
    package init(rows: Int, columns: Int) {
        self.init(rows: rows, columns: columns) { $0.update(repeating: 0, count: rows * columns) }
    }

    /// A matrix that the body fills to the last element.
    package init(rows: Int, columns: Int, filledBy body: (UnsafeMutablePointer<Float>) -> Void) {
        self.rows = rows
        self.columns = columns
        values = AlignedFloats(count: rows * columns, filledBy: body)
    }

    /// One row.
    package func row(_ index: Int) -> Slice<AlignedFloats> { values[index * columns..<(index + 1) * columns] }

    /// Some columns of every row, copied: [rows, range.count].
    package func columns(_ range: Range<Int>) -> Matrix {
        copy(rows: rows, columns: range.count) { target, source in
            for row in 0..<rows {
                (target + row * range.count).initialize(
                    from: source + row * columns + range.lowerBound, count: range.count)
            }
        }
    }

    /// Consecutive rows, copied.
    package func rows(_ range: Range<Int>) -> Matrix {
        Matrix(
            rows: range.count, columns: columns,
            values: values[range.lowerBound * columns..<range.upperBound * columns])
    }

    /// Any rows in any order, copied: [indices.count, columns].
    package func gathered(_ indices: [Int]) -> Matrix {
        copy(rows: indices.count, columns: columns) { target, source in
            for (place, index) in indices.enumerated() {
                precondition(index >= 0 && index < rows, "row \(index) of \(rows)")
                (target + place * columns).initialize(from: source + index * columns, count: columns)
            }
        }
    }

    /// Two matrices side by side: [rows, left columns + right columns].
    package func beside(_ right: Matrix) -> Matrix {
        precondition(rows == right.rows, "\(rows) rows beside \(right.rows)")
        var values: [Float] = []
        values.reserveCapacity(self.values.count + right.values.count)
        for index in 0..<rows {
            values += row(index)
            values += right.row(index)
        }
        return Matrix(rows: rows, columns: columns + right.columns, values: values)
    }

    /// Rows of matrices of one width under each other.
    package static func stacked(_ parts: [Matrix]) -> Matrix {
        let columns = parts.first?.columns ?? 0
        precondition(parts.allSatisfy { $0.columns == columns }, "parts of different widths")
        return Matrix(
            rows: parts.reduce(0) { $0 + $1.rows }, columns: columns, values: parts.flatMap(\.values))
    }

    /// Calls a body with every row of the matrix seen as rows of another width, to be changed in place.
    package mutating func eachRow(
        width: Int, _ body: (_ row: Int, _ values: UnsafeMutablePointer<Float>) -> Void
    ) {
        precondition(width > 0 && values.count % width == 0, "rows of \(columns) are no rows of \(width)")
        let count = values.count / width
        values.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            for row in 0..<count { body(row, base + row * width) }
        }
    }

    private func copy(
        rows: Int, columns: Int,
        _ body: (_ target: UnsafeMutablePointer<Float>, _ source: UnsafePointer<Float>) -> Void
    ) -> Matrix {
        Matrix(rows: rows, columns: columns) { target in
            values.withUnsafeBufferPointer { if let source = $0.baseAddress { body(target, source) } }
        }
    }
}
