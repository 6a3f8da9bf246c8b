// A rank's part of a tensor as row ranges and a column range: all geometry of slicing in one place.
//
// Legend: N rows, K columns, A query heads, G key/value heads, D head dimension, P parts.

import Architectures
import Tensors

/// A part of a tensor: some rows, of each the same columns, and rows of zeros that an engine adds.
///
/// - Checked by: GeometryTests, GridTests.
package struct SliceRegion: Hashable, Sendable {
    /// Ascending, not overlapping; of a tensor of one dimension, its elements.
    package let rows: [Range<Int>]
    /// Nil is all columns.
    package let columns: Range<Int>?
    /// Rows of zeros after the others.
    package let padding: Int

    init(rows: [Range<Int>], columns: Range<Int>? = nil, padding: Int = 0) {
        self.rows = rows
        self.columns = columns
        self.padding = padding
    }

    /// All of a tensor.
    static func whole(_ shape: Shape) -> SliceRegion {
        SliceRegion(rows: [0..<(shape.dimensions.first ?? 1)])
    }

    /// Rows that hold data.
    var rowCount: Int { rows.reduce(0) { $0 + $1.count } }

    /// The shape of the part, padding included.
    func shape(of shape: Shape) -> Shape {
        guard shape.rank > 0 else { return shape }
        var dimensions = shape.dimensions
        dimensions[0] = rowCount + padding
        if let columns { dimensions[1] = columns.count }
        return Shape(dimensions)
    }

    /// Bytes of the part, padding included.
    package func byteCount(of tensor: Shape, _ dtype: DType) -> Int {
        shape(of: tensor).byteCount(dtype) ?? 0
    }

    /// The same part without the rows that an engine adds.
    var withoutPadding: SliceRegion { SliceRegion(rows: rows, columns: columns) }
}

extension SplitRules {
    /// The part of a weight; nil when the rank has none of it.
    ///
    /// - Parameter shape: of the weight, [N, K] or [N].
    package func region(_ entry: InventoryEntry, _ rank: Rank) -> SliceRegion? {
        switch share(entry, rank) {
        case .absent: nil
        case .whole: wholeRegion(entry)
        case .part(let index, let parts): region(entry.role, entry.shape, index: index, of: parts)
        }
    }

    private func wholeRegion(_ entry: InventoryEntry) -> SliceRegion {
        guard isVocabulary(entry.role) else { return .whole(entry.shape) }
        return region(entry.role, entry.shape, index: 0, of: 1)
    }

    private func isVocabulary(_ role: TensorRole) -> Bool { role == .embedding || role == .outputHead }

    /// One of P parts of a weight; the caller has checked that it divides.
    func region(_ role: TensorRole, _ shape: Shape, index: Int, of parts: Int) -> SliceRegion {
        let (rows, columns) = (shape.dimensions[0], shape.dimensions.last ?? 1)
        switch role.tensorParallelSplit {
        case .none: return .whole(shape)
        case .rows where isVocabulary(role):
            let each = paddedVocabulary / parts
            let held = min(index * each, rows)..<min((index + 1) * each, rows)
            return SliceRegion(rows: [held], padding: each - held.count)
        case .rows:
            let each = rows / parts
            return SliceRegion(rows: [index * each..<(index + 1) * each])
        case .columns:
            guard parts > 1 else { return .whole(shape) }
            let each = columns / parts
            return SliceRegion(
                rows: [0..<rows], columns: index * each..<(index + 1) * each)
        case .fusedQKV: return SliceRegion(rows: fusedRows(index: index, of: parts))
        }
    }

    /// Query heads are divided; key/value heads too, or repeated where there are fewer than parts.
    private func fusedRows(index: Int, of parts: Int) -> [Range<Int>] {
        let c = configuration
        let queries = c.queryRows.count / parts
        let groups = min(parts, c.keyValueHeadCount)
        let each = c.keyRows.count / groups
        let place = index / (parts / groups)
        func part(_ base: Int, _ place: Int, _ count: Int) -> Range<Int> {
            base + place * count..<base + (place + 1) * count
        }
        return [
            part(c.queryRows.lowerBound, index, queries), part(c.keyRows.lowerBound, place, each),
            part(c.valueRows.lowerBound, place, each),
        ]
    }
}

extension SliceRegion {
    /// The part of the scales that belongs to this part of a weight.
    ///
    /// - Parameters:
    ///   - scale: shape of the scales.
    ///   - granularity: what shares one; this part starts and ends at whole blocks, or where the weight does.
    func scaleRegion(_ granularity: FP8Layout.Granularity, scale: Shape) -> SliceRegion {
        switch granularity {
        case .tensor: return .whole(scale)
        case .channel: return SliceRegion(rows: rows)
        case .block(let height, let width):
            return SliceRegion(
                rows: rows.map { $0.dividedOutward(by: height) },
                columns: columns.map { $0.dividedOutward(by: width) })
        }
    }
}

extension Range<Int> {
    /// The blocks that a range touches.
    fileprivate func dividedOutward(by size: Int) -> Range<Int> {
        lowerBound / size..<(upperBound + size - 1) / size
    }
}
