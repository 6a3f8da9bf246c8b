// The training-time test of EAGLE3: a head's step repeated on its own output, with the tokens of the text as if it
// had guessed them, and its gradient by hand. What happens in which order is here; attention and the loss are beside.
//
//   g₀ = fc · features                         the states, once; a later step's g is the last one's r
//   u  = [norm(embedding), norm(g)]            of the token after, and of the state
//   q, k, v = u · W, rotated at t + i          attention: keys of step 0 up to t, and the position's own since
//   r₁ = g + o · attention                     r = r₁ + down(silu(gate y) ⊙ up y), y = norm(r₁)
//   logits = head · norm(r)                    judged by the target's distribution at t + 1 + i
//
// The embedding half of u · W belongs to a token and not to a step: it is taken once for all steps, and so is its
// gradient. Only rows that are judged at this step or later are carried on (UnrolledRows).
//
// Legend: R base rows, n rows of a step, i step, t position, and HeadPlaces'.
// Source: sgl-project/SpecForge specforge/algorithms/eagle3/model.py and modeling/draft/llama3_eagle.py at a6b6b023.

import CKernels
import Glibc

/// What a pass over some texts found.
package struct UnrolledResult: Equatable, Sendable {
    /// Sums over the rows of each step.
    package var steps: [StepSums]

    /// Sums over the rows of one step.
    package struct StepSums: Equatable, Sendable {
        /// Of the cross-entropies, nats, without step weight and divisor.
        package var loss = 0.0
        /// Rows where the loss counts, whether or not the target's choice can be drafted.
        package var counted = 0
        /// Rows whose likeliest token is the target's.
        package var hits = 0
        /// Σ min(p, q) over the rows: the share that sampling would accept.
        package var overlap = 0.0
        /// Passes of the target along the texts with chains that end at this step: a chain starts behind the last
        /// one's first wrong guess.
        package var passes = 0
        /// Tokens that those passes gain, the target's own included.
        package var gained = 0
    }

    package init(stepCount: Int) { steps = Array(repeating: StepSums(), count: stepCount) }

    /// Takes the sums of other texts.
    package mutating func add(_ other: UnrolledResult) {
        for index in steps.indices {
            steps[index].loss += other.steps[index].loss
            steps[index].counted += other.steps[index].counted
            steps[index].hits += other.steps[index].hits
            steps[index].overlap += other.steps[index].overlap
            steps[index].passes += other.steps[index].passes
            steps[index].gained += other.steps[index].gained
        }
    }
}

/// The unrolled pass of one head, by one thread.
///
/// - Checked by: GradientTests, against finite differences in F64 and explicit autoregression; TorchStepTests.
package final class UnrolledPass {
    package let configuration: HeadConfiguration
    /// Steps unrolled.
    package let stepCount: Int
    let p: HeadPlaces
    let arena = FloatArena()
    let level = ingot_simd_best()
    private var rotary = RotaryRows()

    package init(_ configuration: HeadConfiguration, stepCount: Int) {
        self.configuration = configuration
        self.stepCount = stepCount
        p = HeadPlaces(configuration)
    }

    /// What a step keeps for the way back.
    struct Step {
        let rows: UnrolledRows.Step
        /// Rows of `state` and `qkv`: R at step 0, n later.
        let width: Int
        var state: UnsafeMutablePointer<Float>  // [width, H]: g
        var qkv: UnsafeMutablePointer<Float>  // [width, P], rotated
        var attended: UnsafeMutablePointer<Float>  // [n, A·D]
        var normalisers: UnsafeMutablePointer<Float>  // [n, A]
        var middle: UnsafeMutablePointer<Float>  // [n, H]: r₁
        var gateUp: UnsafeMutablePointer<Float>  // [n, 2·M]
        var result: UnsafeMutablePointer<Float>  // [n, H]: r
        var resultGradient: UnsafeMutablePointer<Float>  // [n, H]
        let isFirst: Bool

        /// n.
        var count: Int { rows.rows.count }
        /// The row of `state` and `qkv` that belongs to a row of the step.
        func source(_ row: Int) -> Int { isFirst ? Int(rows.rows[row]) : row }
    }

    /// Everything of one call.
    final class Call {
        let sequences: [TrainingSequence]
        let rows: UnrolledRows
        let weights: UnsafeMutablePointer<Float>
        let gradients: UnsafeMutablePointer<Float>?
        var steps: [Step] = []
        var result: UnrolledResult
        /// Of each base row, the steps from the first on at which it counted, and at which it was right.
        var counted: [Int]
        var right: [Int]

        init(
            _ sequences: [TrainingSequence], _ rows: UnrolledRows, _ weights: UnsafeMutablePointer<Float>,
            _ gradients: UnsafeMutablePointer<Float>?
        ) {
            self.sequences = sequences
            self.rows = rows
            self.weights = weights
            self.gradients = gradients
            result = UnrolledResult(stepCount: rows.steps.count)
            counted = [Int](repeating: 0, count: rows.count)
            right = counted
        }
    }

    /// Runs the steps over some texts and adds the gradient of Σᵢ weights[i] · Σ loss.
    ///
    /// - Parameters:
    ///   - weights: the flat buffer of the head's layout; read only.
    ///   - gradients: of the same layout, added to; nil to judge alone.
    ///   - stepWeights: factor of each step's summed loss, the divisor included.
    package func run(
        _ sequences: [TrainingSequence], weights: UnsafePointer<Float>,
        gradients: UnsafeMutablePointer<Float>?, stepWeights: [Float]
    ) -> UnrolledResult {
        precondition(stepWeights.count == stepCount, "\(stepWeights.count) weights for \(stepCount) steps")
        let rows = UnrolledRows(sequences, stepCount: stepCount)
        guard rows.count > 0 else { return UnrolledResult(stepCount: stepCount) }
        arena.reset()
        rotary.reach((rows.texts.map(\.count).max() ?? 0) + stepCount, configuration)
        let call = Call(sequences, rows, UnsafeMutablePointer(mutating: weights), gradients)

        let embedded = arena.take(rows.count * p.hidden)  // [R, H]: norm(embedding) of the token after
        let base = embeddingHalf(call, embedded)  // [R, P]
        for index in 0..<stepCount {
            forward(index, call, base)
            judge(index, call, weight: stepWeights[index])
        }
        walk(call)
        guard gradients != nil else { return call.result }
        let baseGradient = arena.zeros(rows.count * p.fused)  // [R, P]
        backward(call, baseGradient)
        embeddingHalfBackward(call, embedded, baseGradient)
        return call.result
    }

    // MARK: What belongs to tokens

    /// Embedding of each base row's next token, under each other: [R, H].
    private func gatherEmbeddings(_ call: Call) -> UnsafeMutablePointer<Float> {
        let raw = arena.take(call.rows.count * p.hidden)
        for (text, range) in call.rows.texts.enumerated() {
            (raw + range.lowerBound * p.hidden).update(
                from: call.sequences[text].embeddings.base + p.hidden, count: range.count * p.hidden)
        }
        return raw
    }

    private func embeddingHalf(_ call: Call, _ embedded: UnsafeMutablePointer<Float>)
        -> UnsafeMutablePointer<Float>
    {
        let count = call.rows.count
        let base = arena.take(count * p.fused)
        let mark = arena.mark
        let raw = gatherEmbeddings(call)
        norm(raw, call.weights + p.embeddingNorm, count, p.hidden, into: embedded)
        arena.release(mark)
        multiply(
            Block(embedded, p.hidden), Block(call.weights + p.qkv, 2 * p.hidden), into: Block(base, p.fused),
            count, p.fused, p.hidden)
        return base
    }

    private func embeddingHalfBackward(
        _ call: Call, _ embedded: UnsafeMutablePointer<Float>, _ gradient: UnsafeMutablePointer<Float>
    ) {
        guard let gradients = call.gradients else { return }
        let count = call.rows.count
        multiplyRows(
            Block(gradient, p.fused), Block(embedded, p.hidden), into: Block(gradients + p.qkv, 2 * p.hidden),
            p.fused, p.hidden, count)
        let back = arena.take(count * p.hidden)
        multiplyPlain(
            Block(gradient, p.fused), Block(call.weights + p.qkv, 2 * p.hidden), into: Block(back, p.hidden),
            count, p.hidden, p.fused)
        // Embeddings are the target's and stay: only the norm's weight learns.
        normBackward(
            gatherEmbeddings(call), call.weights + p.embeddingNorm, back, count, p.hidden, into: nil,
            gradients + p.embeddingNorm)
    }

    // MARK: One step forward

    private func forward(_ index: Int, _ call: Call, _ base: UnsafeMutablePointer<Float>) {
        let rows = call.rows.steps[index]
        let count = rows.rows.count
        let width = index == 0 ? call.rows.count : count
        var step = Step(
            rows: rows, width: width, state: arena.take(width * p.hidden),
            qkv: arena.take(width * p.fused), attended: arena.take(count * p.queries),
            normalisers: arena.take(count * configuration.attentionHeadCount),
            middle: arena.take(count * p.hidden), gateUp: arena.take(count * 2 * p.mlp),
            result: arena.take(count * p.hidden), resultGradient: arena.zeros(count * p.hidden),
            isFirst: index == 0)
        defer { call.steps.append(step) }
        guard width > 0 else { return }
        if index == 0 { fuse(call, into: step.state) } else { takeState(index, call, &step) }

        let mark = arena.mark
        let normed = arena.take(width * p.hidden)
        norm(step.state, call.weights + p.hiddenNorm, width, p.hidden, into: normed)
        let positions = call.rows.positions
        for row in 0..<width {
            let place = (index == 0 ? row : Int(rows.rows[row])) + index
            (step.qkv + row * p.fused).update(from: base + place * p.fused, count: p.fused)
        }
        multiply(
            Block(normed, p.hidden), Block(call.weights + p.qkv + p.hidden, 2 * p.hidden),
            into: Block(step.qkv, p.fused), width, p.fused, p.hidden, adding: true)
        let turned = (0..<width).map { row in
            positions[index == 0 ? row : Int(rows.rows[row])] + Int32(index)
        }
        rotate(step.qkv, turned, direction: 1)
        attend(index, call, &step)

        // r₁: the residual, then attention's output added by the product itself.
        for row in 0..<count {
            let source =
                (configuration.normBeforeResidual ? normed : step.state) + step.source(row) * p.hidden
            (step.middle + row * p.hidden).update(from: source, count: p.hidden)
        }
        arena.release(mark)
        multiply(
            Block(step.attended, p.queries), Block(call.weights + p.output, p.queries),
            into: Block(step.middle, p.hidden), count, p.hidden, p.queries, adding: true)
        let inner = arena.take(count * p.hidden)
        norm(step.middle, call.weights + p.mlpNorm, count, p.hidden, into: inner)
        multiply(
            Block(inner, p.hidden), Block(call.weights + p.gateUp, p.hidden),
            into: Block(step.gateUp, 2 * p.mlp), count, 2 * p.mlp, p.hidden)
        let unit = arena.take(count * p.mlp)
        ingot_gated_forward(step.gateUp, count, p.mlp, unit, level)
        step.result.update(from: step.middle, count: count * p.hidden)
        multiply(
            Block(unit, p.mlp), Block(call.weights + p.down, p.mlp), into: Block(step.result, p.hidden),
            count, p.hidden, p.mlp, adding: true)
        arena.release(mark)
    }

    /// g₀ of all base rows.
    private func fuse(_ call: Call, into target: UnsafeMutablePointer<Float>) {
        let mark = arena.mark
        for (text, range) in call.rows.texts.enumerated() where !range.isEmpty {
            let input = fusedInput(call, text)
            multiply(
                Block(input, p.feature), Block(call.weights + p.fuse, p.feature),
                into: Block(target + range.lowerBound * p.hidden, p.hidden), range.count, p.hidden, p.feature)
            arena.release(mark)
        }
    }

    /// What fc reads of a text: the states, normalised where the head says so.
    func fusedInput(_ call: Call, _ text: Int) -> UnsafeMutablePointer<Float> {
        let states = call.sequences[text].features.base
        guard !p.inputNorms.isEmpty else { return states }
        let count = call.rows.texts[text].count
        let input = arena.take(count * p.feature)
        eachInputNorm { offset, width, column in
            for row in 0..<count {
                norm(
                    states + row * p.feature + column, call.weights + offset, 1, width,
                    into: input + row * p.feature + column)
            }
        }
        return input
    }

    /// Calls a body with offset, width and first column of each norm before fc.
    func eachInputNorm(_ body: (_ offset: Int, _ width: Int, _ column: Int) -> Void) {
        var column = 0
        for (offset, width) in p.inputNorms {
            body(offset, width, column)
            column += width
        }
    }

    /// g of a later step: the last one's result, as it is or after the final norm.
    private func takeState(_ index: Int, _ call: Call, _ step: inout Step) {
        let last = call.steps[index - 1]
        for (row, base) in step.rows.rows.enumerated() {
            let place = Int(last.rows.places[Int(base)])
            (step.state + row * p.hidden).update(from: last.result + place * p.hidden, count: p.hidden)
        }
        guard configuration.feedsNormed else { return }
        norm(step.state, call.weights + p.finalNorm, step.count, p.hidden, into: step.state)
    }

    // MARK: Kernels

    func norm(
        _ x: UnsafeMutablePointer<Float>, _ weight: UnsafeMutablePointer<Float>, _ rows: Int, _ width: Int,
        into y: UnsafeMutablePointer<Float>
    ) {
        var job = ingot_rms_job()
        (job.x, job.weight, job.y) = (UnsafePointer(x), UnsafePointer(weight), y)
        (job.rows, job.width) = (rows, width)
        job.epsilon = Float(configuration.rmsNormEpsilon)
        ingot_rms_forward(&job, level)
    }

    /// Adds the gradients of a norm; `dx` is nil when nobody asks.
    func normBackward(
        _ x: UnsafeMutablePointer<Float>, _ weight: UnsafeMutablePointer<Float>,
        _ dy: UnsafeMutablePointer<Float>, _ rows: Int, _ width: Int,
        into dx: UnsafeMutablePointer<Float>?, _ weightGradient: UnsafeMutablePointer<Float>
    ) {
        var job = ingot_rms_job()
        (job.x, job.weight, job.y) = (UnsafePointer(x), UnsafePointer(weight), dy)
        (job.rows, job.width) = (rows, width)
        job.epsilon = Float(configuration.rmsNormEpsilon)
        (job.x_gradient, job.weight_gradient) = (dx, weightGradient)
        ingot_rms_backward(&job, level)
    }

    /// Turns queries and keys of fused rows, [positions, P].
    func rotate(_ qkv: UnsafeMutablePointer<Float>, _ positions: [Int32], direction: Float) {
        positions.withUnsafeBufferPointer { positions in
            rotary.withTables { cosines, sines in
                var job = ingot_rotate_job()
                (job.x, job.rows, job.stride) = (qkv, positions.count, p.fused)
                // Key heads follow the query heads.
                job.heads = configuration.attentionHeadCount + configuration.keyValueHeadCount
                job.dimension = configuration.headDimension
                (job.cosines, job.sines, job.positions) = (cosines, sines, positions.baseAddress)
                job.direction = direction
                ingot_rotate(&job, level)
            }
        }
    }
}
