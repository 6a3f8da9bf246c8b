// Rows of F32 in memory of their own: features, embeddings and distributions are made once, read by many products
// and never copied.

import Backends

/// A row-major matrix of F32 that is filled once.
package struct FloatRows: Sendable {
    package let rows: Int
    package let columns: Int
    private let storage: FloatStorage

    /// Rows that the body fills to the last element.
    package init(rows: Int, columns: Int, filledBy body: (UnsafeMutablePointer<Float>) -> Void) {
        self.rows = rows
        self.columns = columns
        storage = FloatStorage(count: rows * columns)
        if rows * columns > 0 { body(storage.base) }
    }

    /// A copy.
    package init(_ matrix: Matrix) {
        self.init(rows: matrix.rows, columns: matrix.columns) { target in
            matrix.values.withUnsafeBufferPointer { source in
                if let base = source.baseAddress { target.update(from: base, count: source.count) }
            }
        }
    }

    /// The first element; [rows, columns].
    var base: UnsafeMutablePointer<Float> { storage.base }

    /// The numbers, row after row, copied.
    package var values: [Float] { Array(UnsafeBufferPointer(start: base, count: rows * columns)) }

    /// As a matrix, copied.
    package var matrix: Matrix {
        Matrix(rows: rows, columns: columns) { $0.update(from: base, count: rows * columns) }
    }
}
