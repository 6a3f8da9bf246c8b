// Attention by matrix products: a block of queries of one head at a time, against all the positions that its
// last query sees.
//
// Legend: A query heads, G key/value heads, D head dimension, P positions, T tokens of the pass.

import COpenBLAS

extension OpenBLASBackend {
    /// Queries of one head that are scored at once.
    private static let queryRows = 64

    package func attention(queries: Matrix, keyValues: KeyValues, heads: AttentionHeads) -> Matrix {
        let (tokens, positions) = (queries.rows, keyValues.count)
        let blocks = (tokens + Self.queryRows - 1) / Self.queryRows
        let crew = tokens * positions * queries.columns < Self.worthThreads ? Workers(count: 1) : workers
        return Matrix(rows: tokens, columns: queries.columns) { target in
            queries.withElements { queries in
                keyValues.withElements { keys, values in
                    let layer = Layer(
                        queries: queries, keys: keys, values: values, target: target, heads: heads,
                        tokens: tokens, positions: positions, width: keyValues.width)
                    crew.run(
                        units: heads.queryCount * blocks,
                        pool: floats, elements: min(Self.queryRows, tokens) * positions
                    ) { unit, scores in
                        // Last blocks first: they see the most positions.
                        let first = (blocks - 1 - unit / heads.queryCount) * Self.queryRows
                        attend(
                            layer, head: unit % heads.queryCount,
                            first..<min(first + Self.queryRows, tokens), scores)
                    }
                }
            }
        }
    }

    /// One attention block's memory.
    private struct Layer {
        let queries: UnsafePointer<Float>  // [T, A·D]
        let keys: UnsafePointer<Float>  // [P, G·D]
        let values: UnsafePointer<Float>  // [P, G·D]
        let target: UnsafeMutablePointer<Float>  // [T, A·D]
        let heads: AttentionHeads
        let tokens: Int
        let positions: Int
        let width: Int
    }

    /// Some queries of one head; scores has room for [rows.count, P].
    private func attend(
        _ layer: Layer, head: Int, _ rows: Range<Int>, _ scores: UnsafeMutablePointer<Float>
    ) {
        let d = layer.heads.dimension
        let rowWidth = layer.heads.queryCount * d
        let place = rows.lowerBound * rowWidth + head * d
        let channel = head / layer.heads.share * d
        let earlier = layer.positions - layer.tokens
        let seen = earlier + rows.upperBound
        let (m, n, k) = (Int32(rows.count), Int32(seen), Int32(d))
        ingot_blas_sgemm(
            false, true, m, n, k, layer.queries + place, Int32(rowWidth), layer.keys + channel,
            Int32(layer.width), 0, scores, n)
        for row in rows {
            numerics.format.softmax(
                scores + (row - rows.lowerBound) * seen, seen: earlier + row + 1, of: seen, dimension: d)
        }
        ingot_blas_sgemm(
            false, false, m, k, n, scores, n, layer.values + channel, Int32(layer.width), 0,
            layer.target + place, Int32(rowWidth))
        for row in 0..<rows.count { numerics.format.round(layer.target + place + row * rowWidth, count: d) }
    }
}
