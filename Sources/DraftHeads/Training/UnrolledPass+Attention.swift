// Attention of a step: a position sees the keys of step 0 up to itself and, of every later step so far, its own.
// Blocks of positions are scored against the shared keys by one product for all heads that share them; scores are
// taken again on the way back, so that memory grows with the texts' length and not with its square.
//
// Legend: as UnrolledPass; B positions of a block, S = A/G heads that share keys.

import CKernels

extension UnrolledPass {
    /// Positions of one block.
    private static let blockRows = 64

    /// Some positions of a text and one key head, with the memory for their scores.
    private struct Bench {
        let rows: Range<Int>  // of the step
        let head: Int  // key head
        let width: Int  // shared keys of the block
        let shared: UnsafeMutablePointer<Float>  // fused row of the text's first position, step 0
        var job: ingot_attend_job
    }

    /// Fills `attended` and `normalisers`.
    func attend(_ index: Int, _ call: Call, _ step: inout Step) {
        let attended = step.attended
        let normalisers = step.normalisers
        let heads = configuration.attentionHeadCount
        eachBench(index, call, step) { bench in
            var job = bench.job
            let dimension = job.dimension
            gatherQueries(bench, step, UnsafeMutablePointer(mutating: job.queries))
            multiply(
                Block(UnsafeMutablePointer(mutating: job.queries), dimension),
                Block(bench.shared + job.key_offset, p.fused), into: Block(job.scores, job.stride), job.rows,
                bench.width, dimension)
            ingot_attend_forward(&job, level)
            multiplyPlain(
                Block(job.scores, job.stride), Block(bench.shared + job.value_offset, p.fused),
                into: Block(job.outputs, dimension), job.rows, dimension, bench.width)
            ingot_attend_extra(&job, level)
            eachHeadRow(bench) { place, row, head in
                (attended + row * p.queries + head * dimension).update(
                    from: job.outputs + place * dimension, count: dimension)
                normalisers[row * heads + head] = job.normalisers[place]
            }
        }
    }

    /// Adds the gradients of queries to this step's fused rows and those of keys and values to every step's.
    ///
    /// - Parameters:
    ///   - attendedGradient: [n, A·D].
    ///   - gradients: of each step up to this one, [width, P].
    func attendBackward(
        _ index: Int, _ call: Call, _ attendedGradient: UnsafeMutablePointer<Float>,
        _ gradients: [UnsafeMutablePointer<Float>]
    ) {
        let step = call.steps[index]
        let heads = configuration.attentionHeadCount
        let scale = queryScale
        eachBench(index, call, step, gradients) { bench in
            var job = bench.job
            let dimension = job.dimension
            let queries = Block(UnsafeMutablePointer(mutating: job.queries), dimension)
            let outputGradients = Block(UnsafeMutablePointer(mutating: job.output_gradients), dimension)
            gatherQueries(bench, step, queries.base)
            eachHeadRow(bench) { place, row, head in
                (job.outputs + place * dimension).update(
                    from: step.attended + row * p.queries + head * dimension, count: dimension)
                (outputGradients.base + place * dimension).update(
                    from: attendedGradient + row * p.queries + head * dimension, count: dimension)
                job.normalisers[place] = step.normalisers[row * heads + head]
            }
            let keys = Block(bench.shared + job.key_offset, p.fused)
            multiply(
                queries, keys, into: Block(job.scores, job.stride), job.rows, bench.width, dimension)
            multiply(
                outputGradients, Block(bench.shared + job.value_offset, p.fused),
                into: Block(job.score_gradients, job.stride), job.rows, bench.width, dimension)
            ingot_attend_backward(&job, level)

            let first = call.rows.texts[textOf(bench.rows, step)].lowerBound
            let target = gradients[0] + first * p.fused
            multiplyRows(
                Block(job.score_gradients, job.stride), queries,
                into: Block(target + job.key_offset, p.fused), bench.width, dimension, job.rows)
            multiplyRows(
                Block(job.scores, job.stride), outputGradients,
                into: Block(target + job.value_offset, p.fused), bench.width, dimension, job.rows)
            multiplyPlain(
                Block(job.score_gradients, job.stride), keys, into: Block(job.query_gradients, dimension),
                job.rows, dimension, bench.width, adding: true)
            eachHeadRow(bench) { place, row, head in
                let own = gradients[index] + step.source(row) * p.fused + head * dimension
                for channel in 0..<dimension {
                    own[channel] = job.query_gradients[place * dimension + channel] * scale
                }
            }
        }
    }

    private var queryScale: Float { 1 / Float(configuration.headDimension).squareRoot() }

    private func textOf(_ rows: Range<Int>, _ step: Step) -> Int {
        step.rows.texts.firstIndex { $0.contains(rows.lowerBound) } ?? 0
    }

    /// Queries of a block, head after head, divided by √D.
    private func gatherQueries(_ bench: Bench, _ step: Step, _ target: UnsafeMutablePointer<Float>) {
        let dimension = configuration.headDimension
        let scale = queryScale
        eachHeadRow(bench) { place, row, head in
            let source = step.qkv + step.source(row) * p.fused + head * dimension
            for channel in 0..<dimension { target[place * dimension + channel] = source[channel] * scale }
        }
    }

    /// Calls a body with the place in the block, the row of the step and the query head.
    @inline(__always)
    private func eachHeadRow(_ bench: Bench, _ body: (_ place: Int, _ row: Int, _ head: Int) -> Void) {
        let share = configuration.attentionHeadCount / configuration.keyValueHeadCount
        for member in 0..<share {
            for (index, row) in bench.rows.enumerated() {
                body(member * bench.rows.count + index, row, bench.head * share + member)
            }
        }
    }

    /// Calls a body for every block of positions and every key head.
    private func eachBench(
        _ index: Int, _ call: Call, _ step: Step, _ gradients: [UnsafeMutablePointer<Float>]? = nil,
        _ body: (Bench) -> Void
    ) {
        let all = call.steps.prefix(index) + [step]
        let share = configuration.attentionHeadCount / configuration.keyValueHeadCount
        for (text, range) in step.rows.texts.enumerated() {
            let base = call.rows.texts[text].lowerBound
            for first in stride(from: range.lowerBound, to: range.upperBound, by: Self.blockRows) {
                let rows = first..<min(first + Self.blockRows, range.upperBound)
                let seen = rows.map { step.rows.rows[$0] - Int32(base) + 1 }
                var keys: [UnsafePointer<Float>?] = []
                var targets: [UnsafeMutablePointer<Float>?] = []
                for row in rows {
                    for later in stride(from: 1, through: index, by: 1) {
                        let place = Int(all[later].rows.places[Int(step.rows.rows[row])])
                        keys.append(UnsafePointer(all[later].qkv + place * p.fused))
                        if let gradients { targets.append(gradients[later] + place * p.fused) }
                    }
                }
                let width = Int(seen.last ?? 0)
                let mark = arena.mark
                var job = makeJob(rows: share * rows.count, positions: rows.count, width: width, extra: index)
                seen.withUnsafeBufferPointer { seen in
                    keys.withUnsafeBufferPointer { keys in
                        targets.withUnsafeBufferPointer { targets in
                            job.seen = seen.baseAddress
                            job.extra_keys = keys.baseAddress
                            job.extra_gradients = targets.baseAddress
                            for head in 0..<configuration.keyValueHeadCount {
                                job.key_offset = p.queries + head * configuration.headDimension
                                job.value_offset = job.key_offset + p.keys
                                body(
                                    Bench(
                                        rows: rows, head: head, width: width,
                                        shared: all[0].qkv + base * p.fused, job: job))
                            }
                        }
                    }
                }
                arena.release(mark)
            }
        }
    }

    private func makeJob(rows: Int, positions: Int, width: Int, extra: Int) -> ingot_attend_job {
        var job = ingot_attend_job()
        let dimension = configuration.headDimension
        (job.rows, job.positions, job.dimension) = (rows, positions, dimension)
        (job.width, job.stride, job.extra) = (width, width, extra)
        job.queries = UnsafePointer(arena.take(rows * dimension))
        job.scores = arena.take(rows * width)
        job.extra_scores = arena.take(rows * extra)
        job.normalisers = arena.take(rows)
        job.outputs = arena.take(rows * dimension)
        job.output_gradients = UnsafePointer(arena.take(rows * dimension))
        job.score_gradients = arena.take(rows * width)
        job.query_gradients = arena.take(rows * dimension)
        return job
    }
}
