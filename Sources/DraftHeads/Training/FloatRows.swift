// Rows of F32 in memory of their own: features, embeddings and distributions are made once, read by many products
// and never copied.

import Backends

/// Memory that goes with its last reference.
private final class FloatStorage: @unchecked Sendable {
    let base: UnsafeMutablePointer<Float>

    init(count: Int) {
        let raw = UnsafeMutableRawPointer.allocate(byteCount: max(1, count) * 4, alignment: 64)
        base = raw.bindMemory(to: Float.self, capacity: max(1, count))
    }

    deinit { base.deallocate() }
}

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

    /// As a matrix, copied.
    package var matrix: Matrix {
        Matrix(rows: rows, columns: columns) { $0.update(from: base, count: rows * columns) }
    }
}
