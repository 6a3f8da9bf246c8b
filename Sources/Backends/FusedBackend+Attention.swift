// Attention by the kernels: scores are products with the keys as rows of a weight, and outputs are weighted sums of
// the rows of values. What a query does not see has weight zero, which changes no bit of a sum.
//
// Legend: A query heads, G key/value heads, D head dimension, P positions, T tokens of the pass.

import CKernels

extension FusedBackend {
    /// Queries of one head that are scored at once.
    private static let queryRows = 64

    package func attention(queries: Matrix, keyValues: KeyValues, heads: AttentionHeads) -> Matrix {
        let (tokens, positions) = (queries.rows, keyValues.count)
        // One token's query heads that share a key/value head are multiplied together, many tokens' head by head.
        let isOne = tokens == 1
        let blocks = (tokens + Self.queryRows - 1) / Self.queryRows
        let units = isOne ? heads.keyValueCount : heads.queryCount * blocks
        let height = isOne ? heads.share : min(Self.queryRows, tokens)
        let crew =
            tokens * positions * queries.columns < OpenBLASBackend.worthThreads
            ? Workers(count: 1) : workers
        return Matrix(rows: tokens, columns: queries.columns) { target in
            queries.withElements { queries in
                keyValues.withElements { keys, values in
                    let layer = Layer(
                        keys: keys, values: values, heads: heads, positions: positions, width: keyValues.width
                    )
                    crew.run(
                        units: units, pool: floats, elements: ProductSource.panelElements + height * positions
                    ) { unit, room in
                        if isOne {
                            let place = unit * heads.share * heads.dimension
                            let block = QueryBlock(
                                queries: queries + place, target: target + place, count: heads.share,
                                stride: heads.dimension, keyValueHead: unit, seen: positions, growth: 0)
                            attend(layer, block, room)
                        } else {
                            // Last blocks first: they see the most positions.
                            let first = (blocks - 1 - unit / heads.queryCount) * Self.queryRows
                            let head = unit % heads.queryCount
                            let place = first * heads.queryCount * heads.dimension + head * heads.dimension
                            let block = QueryBlock(
                                queries: queries + place, target: target + place,
                                count: min(Self.queryRows, tokens - first),
                                stride: heads.queryCount * heads.dimension,
                                keyValueHead: head / heads.share, seen: positions - tokens + first + 1,
                                growth: 1)
                            attend(layer, block, room)
                        }
                    }
                }
            }
        }
    }

    /// What all queries of a layer look at.
    private struct Layer {
        let keys: UnsafePointer<Float>  // [P, G·D]
        let values: UnsafePointer<Float>  // [P, G·D]
        let heads: AttentionHeads
        let positions: Int
        /// G·D.
        let width: Int
    }

    /// Queries that look at one key/value head.
    private struct QueryBlock {
        let queries: UnsafePointer<Float>  // [count, stride], the first D of each
        let target: UnsafeMutablePointer<Float>  // as the queries
        let count: Int
        let stride: Int
        let keyValueHead: Int
        /// Positions that the first one sees.
        let seen: Int
        /// Positions that each sees beyond the one before.
        let growth: Int
    }

    /// - Parameter room: for a panel and [count, P] scores.
    private func attend(_ layer: Layer, _ block: QueryBlock, _ room: UnsafeMutablePointer<Float>) {
        let d = layer.heads.dimension
        let scores = room + ProductSource.panelElements
        let channel = block.keyValueHead * d
        let all = block.seen + (block.count - 1) * block.growth
        ProductSource(layer.keys + channel, columns: d, stride: layer.width).multiply(
            block.queries, tokens: block.count, inputStride: block.stride, 0..<all, into: scores, stride: all,
            panel: room)
        for row in 0..<block.count {
            numerics.format.softmax(
                scores + row * all, seen: block.seen + row * block.growth, of: all, dimension: d)
        }
        var job = ingot_mix_job()
        job.x = UnsafePointer(scores)
        job.tokens = block.count
        job.count = all
        job.x_stride = all
        job.rows = layer.values + channel
        job.rows_stride = layer.width
        job.width = d
        job.target = block.target
        job.target_stride = block.stride
        job.panel = room
        let status = ingot_mix(&job, ingot_simd_best())
        precondition(status == INGOT_OK, "attention that its own shapes describe")
        for row in 0..<block.count {
            numerics.format.round(block.target + row * block.stride, count: d)
        }
    }
}
