// A weight as the checkpoint stores it: bytes, their format, and the scales that FP8 codes need. What it means
// in F32 is said here once, element by element; backends that are in a hurry decode by their own kernels.
//
// Legend: N rows (outputs), K columns (inputs); row-major.

import Tensors

/// A matrix [N, K] in its stored format; vectors are matrices of one row.
package struct WeightMatrix: @unchecked Sendable {
    /// How an element is stored.
    package enum Format: Sendable {
        case f32
        case bf16
        case f16
        /// E4M3 codes; an element is code × scale.
        case e4m3(BlockScales)
    }

    package let format: Format
    /// N.
    package let rows: Int
    /// K.
    package let columns: Int
    /// [N, K], little-endian, of any alignment; valid as long as this value is.
    package let bytes: UnsafeRawBufferPointer
    /// The scale that activations take where they become codes too; nil where they are scaled as they come.
    package let inputScale: Float?
    private let owner: AnyObject

    /// - Parameters:
    ///   - bytes: exactly the matrix.
    ///   - owner: keeps the bytes alive.
    package init(
        format: Format, rows: Int, columns: Int, bytes: UnsafeRawBufferPointer, owner: AnyObject,
        inputScale: Float? = nil
    ) {
        precondition(
            bytes.count == rows * columns * format.width,
            "\(bytes.count) bytes are not [\(rows), \(columns)] of \(format.width) bytes")
        if case .e4m3(let scales) = format {
            precondition(
                scales.fits(rows: rows, columns: columns), "scales do not cover [\(rows), \(columns)]")
        }
        self.format = format
        self.rows = rows
        self.columns = columns
        self.bytes = bytes
        self.owner = owner
        self.inputScale = inputScale
    }

    /// A matrix that owns its bytes.
    package init(format: Format, rows: Int, columns: Int, bytes: [UInt8], inputScale: Float? = nil) {
        let storage = ByteStorage(bytes)
        self.init(
            format: format, rows: rows, columns: columns,
            bytes: UnsafeRawBufferPointer(rebasing: storage.buffer[..<bytes.count]), owner: storage,
            inputScale: inputScale)
    }

    /// The same codes with their scales rounded to a format; other weights as they are.
    package func roundingScales(to format: NumberFormat) -> WeightMatrix {
        guard case .e4m3(let scales) = self.format else { return self }
        return WeightMatrix(
            format: .e4m3(scales.rounded(to: format)), rows: rows, columns: columns, bytes: bytes,
            owner: owner, inputScale: inputScale)
    }

    /// The exact F32 value of each element of some rows; [range.count, K].
    package func decoded(rows range: Range<Int>) -> [Float] {
        [Float](unsafeUninitializedCapacity: range.count * columns) { target, initialized in
            if let target = target.baseAddress { decode(rows: range, into: target) }
            initialized = range.count * columns
        }
    }

    /// The exact F32 value of all elements.
    package var decoded: [Float] { decoded(rows: 0..<rows) }

    /// Writes the exact F32 value of each element of some rows.
    ///
    /// - Parameter target: room for [range.count, K].
    package func decode(rows range: Range<Int>, into target: UnsafeMutablePointer<Float>) {
        guard let base = bytes.baseAddress else { return }
        let start = range.lowerBound * columns
        let count = range.count * columns
        switch format {
        case .f32: UnsafeMutableRawPointer(target).copyMemory(from: base + start * 4, byteCount: count * 4)
        case .bf16:
            let source = base + start * 2
            for index in 0..<count {
                // Written out, as this loop has to be fast: a BF16 is the upper half of an F32.
                let bits = source.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)
                target[index] = Float(bitPattern: UInt32(bits) << 16)
            }
        case .f16:
            let source = base + start * 2
            for index in 0..<count {
                target[index] = F16.decode(source.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self))
            }
        case .e4m3(let scales):
            for row in range {
                let line = target + (row - range.lowerBound) * columns
                for column in 0..<columns {
                    let code = base.load(fromByteOffset: row * columns + column, as: UInt8.self)
                    line[column] = E4M3Table.values[Int(code)] * scales[row: row, column: column]
                }
            }
        }
    }
}

/// One scale for each rectangle of a matrix, ragged at the right and lower edges.
package struct BlockScales: Equatable, Sendable {
    /// [⌈N/blockRows⌉, ⌈K/blockColumns⌉].
    package let values: [Float]
    package let blockRows: Int
    package let blockColumns: Int
    /// ⌈K/blockColumns⌉.
    package let stride: Int

    /// - Parameters:
    ///   - columns: K of the matrix they belong to.
    package init(values: [Float], blockRows: Int, blockColumns: Int, columns: Int) {
        precondition(blockRows > 0 && blockColumns > 0, "a block without extent")
        self.values = values
        self.blockRows = blockRows
        self.blockColumns = blockColumns
        stride = (columns + blockColumns - 1) / blockColumns
    }

    package func fits(rows: Int, columns: Int) -> Bool {
        stride == (columns + blockColumns - 1) / blockColumns
            && values.count == (rows + blockRows - 1) / blockRows * stride
    }

    /// The scales of some rows, of which the first starts a block.
    package func fromRow(_ row: Int, count: Int) -> BlockScales {
        precondition(row % blockRows == 0, "row \(row) is in the middle of a block of \(blockRows)")
        let blocks = row / blockRows..<(row + count + blockRows - 1) / blockRows
        return BlockScales(
            values: Array(values[blocks.lowerBound * stride..<blocks.upperBound * stride]),
            blockRows: blockRows, blockColumns: blockColumns, stride: stride)
    }

    package subscript(row row: Int, column column: Int) -> Float {
        values[row / blockRows * stride + column / blockColumns]
    }

    /// Whether each row has one scale, so that it can be applied to a finished sum.
    package var isPerRow: Bool { blockRows == 1 && stride == 1 }

    /// The same blocks, every scale rounded to a format.
    package func rounded(to format: NumberFormat) -> BlockScales {
        BlockScales(
            values: values.map(format.rounded), blockRows: blockRows, blockColumns: blockColumns,
            stride: stride)
    }

    private init(values: [Float], blockRows: Int, blockColumns: Int, stride: Int) {
        self.values = values
        self.blockRows = blockRows
        self.blockColumns = blockColumns
        self.stride = stride
    }
}

extension WeightMatrix.Format {
    /// Bytes of one element.
    package var width: Int {
        switch self {
        case .f32: 4
        case .bf16, .f16: 2
        case .e4m3: 1
        }
    }
}

/// The 256 values of E4M3.
enum E4M3Table {
    static let values: [Float] = (0...255).map { E4M3.decode(UInt8($0)) }
}

/// Bytes on the heap that a weight points into.
private final class ByteStorage: @unchecked Sendable {
    let buffer: UnsafeMutableRawBufferPointer

    init(_ bytes: [UInt8]) {
        buffer = .allocate(byteCount: max(1, bytes.count), alignment: 64)
        buffer.copyBytes(from: bytes)
    }

    deinit { buffer.deallocate() }
}
