// Which stretches of which files make a tensor: parts side by side where it was cut by columns, one after
// another where by rows, and parts that an earlier one gave already only compared.

import Tensors

/// A part of a tensor and where it stands.
struct SliceHolder {
    let region: SliceRegion
    let file: Int
    /// Of its first byte in the file.
    let offset: Int
    /// An index into a unit's expected digests.
    let slice: Int?
}

/// A row or column that no part has.
struct AssemblyGap: Error {
    let axis: Int
    let place: Int

    /// For messages.
    var text: String { "\(axis == 0 ? "row" : "column") \(place), which no rank holds" }
}

/// Puts tensors together from parts.
enum SliceAssembly {
    /// The pieces of a tensor, in row order.
    ///
    /// - Parameter rowBytes: bytes of a whole row as the parts store it.
    static func segments(
        _ shape: Shape, rowBytes: Int, _ holders: [SliceHolder], purpose: GatherSegment.Purpose = .write
    ) throws(AssemblyGap) -> [GatherSegment] {
        if shape.elementCount == 0 { return [] }
        return holders.contains { $0.region.columns != nil }
            ? [try columns(shape, rowBytes: rowBytes, holders)]
            : try rows(shape, rowBytes: rowBytes, holders, purpose)
    }

    private struct Piece {
        let rows: Range<Int>
        let holder: Int
        let offset: Int
    }

    /// Rows in ascending order.
    private static func rows(
        _ shape: Shape, rowBytes: Int, _ holders: [SliceHolder], _ purpose: GatherSegment.Purpose
    ) throws(AssemblyGap) -> [GatherSegment] {
        let rowCount = shape.dimensions.first ?? 1
        var pieces: [Piece] = []
        for (index, holder) in holders.enumerated() {
            var offset = holder.offset
            for range in holder.region.rows {
                pieces.append(Piece(rows: range, holder: index, offset: offset))
                offset += range.count * rowBytes
            }
        }
        // Pieces of one part stay in their order: its digest is of its bytes from front to back.
        pieces.sort { ($0.rows.lowerBound, $0.holder) < ($1.rows.lowerBound, $1.holder) }
        var segments: [GatherSegment] = []
        var done = 0
        for piece in pieces where !piece.rows.isEmpty {
            guard piece.rows.lowerBound <= done else { throw AssemblyGap(axis: 0, place: done) }
            let holder = holders[piece.holder]
            let repeated = min(done, piece.rows.upperBound) - piece.rows.lowerBound
            func add(_ rows: Range<Int>, _ purpose: GatherSegment.Purpose) {
                guard !rows.isEmpty else { return }
                segments.append(
                    .stretch(
                        file: holder.file, offset: piece.offset + rows.lowerBound * rowBytes,
                        count: rows.count * rowBytes, slice: holder.slice, purpose: purpose))
            }
            // Without a digest there is nothing to compare a repeated part with.
            if holder.slice != nil { add(0..<repeated, .verify) }
            add(repeated..<piece.rows.count, purpose)
            done = max(done, piece.rows.upperBound)
        }
        guard done == rowCount else { throw AssemblyGap(axis: 0, place: done) }
        return segments
    }

    private static func columns(
        _ shape: Shape, rowBytes: Int, _ holders: [SliceHolder]
    ) throws(AssemblyGap) -> GatherSegment {
        let (rows, width) = (shape.dimensions[0], shape.dimensions[1])
        var parts: [GatherSegment.Part] = []
        var done = 0
        let ordered = holders.sorted {
            ($0.region.columns?.lowerBound ?? 0) < ($1.region.columns?.lowerBound ?? 0)
        }
        for holder in ordered {
            guard let range = holder.region.columns, range.lowerBound == done else {
                throw AssemblyGap(axis: 1, place: done)
            }
            done = range.upperBound
            parts.append(
                GatherSegment.Part(
                    file: holder.file, offset: holder.offset, rowBytes: range.count * (rowBytes / width),
                    slice: holder.slice))
        }
        guard done == width else { throw AssemblyGap(axis: 1, place: done) }
        return GatherSegment(purpose: .write, rows: rows, parts: parts)
    }
}
