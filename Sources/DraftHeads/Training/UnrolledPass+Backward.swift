// The way back through the steps, last to first. What a step's own keys and values are owed comes from all later
// steps, so its gradient is whole when its turn comes.
//
// Legend: as UnrolledPass.

import CKernels

extension UnrolledPass {
    /// Adds all gradients but those of the embedding half.
    ///
    /// - Parameter base: [R, P], zeros: what the tokens' share of queries, keys and values is owed.
    func backward(_ call: Call, _ base: UnsafeMutablePointer<Float>) {
        let fused = call.steps.map { arena.zeros($0.width * p.fused) }  // [width, P] of each step
        for index in call.steps.indices.reversed() where call.steps[index].width > 0 {
            let mark = arena.mark
            let residual = feedForwardBackward(index, call)  // [n, H]: of r₁
            let step = call.steps[index]
            if step.count > 0, let gradients = call.gradients {
                let attended = arena.take(step.count * p.queries)
                multiplyRows(
                    Block(residual, p.hidden), Block(step.attended, p.queries),
                    into: Block(gradients + p.output, p.queries), p.hidden, p.queries, step.count)
                multiplyPlain(
                    Block(residual, p.hidden), Block(call.weights + p.output, p.queries),
                    into: Block(attended, p.queries), step.count, p.queries, p.hidden)
                attendBackward(index, call, attended, fused)
            }
            let state = stateBackward(index, call, residual, fused[index], base)  // [width, H]: of g
            if index == 0 { fuseBackward(call, state) } else { giveBack(index, call, state) }
            arena.release(mark)
        }
    }

    /// Through the MLP to r₁.
    private func feedForwardBackward(_ index: Int, _ call: Call) -> UnsafeMutablePointer<Float> {
        let step = call.steps[index]
        let count = step.count
        guard count > 0, let gradients = call.gradients else { return arena.zeros(0) }
        let result = step.resultGradient
        let unit = arena.take(count * p.mlp)
        ingot_gated_forward(step.gateUp, count, p.mlp, unit, level)
        multiplyRows(
            Block(result, p.hidden), Block(unit, p.mlp), into: Block(gradients + p.down, p.mlp), p.hidden,
            p.mlp, count)
        multiplyPlain(
            Block(result, p.hidden), Block(call.weights + p.down, p.mlp), into: Block(unit, p.mlp), count,
            p.mlp, p.hidden)
        ingot_gated_backward(step.gateUp, count, p.mlp, unit, level)

        let inner = arena.take(count * p.hidden)
        norm(step.middle, call.weights + p.mlpNorm, count, p.hidden, into: inner)
        let pair = Block(step.gateUp, 2 * p.mlp)
        multiplyRows(
            pair, Block(inner, p.hidden), into: Block(gradients + p.gateUp, p.hidden), 2 * p.mlp, p.hidden,
            count)
        multiplyPlain(
            pair, Block(call.weights + p.gateUp, p.hidden), into: Block(inner, p.hidden), count, p.hidden,
            2 * p.mlp)
        normBackward(
            step.middle, call.weights + p.mlpNorm, inner, count, p.hidden, into: result,
            gradients + p.mlpNorm)
        return result
    }

    /// Through the fused product and the norm of the state to g.
    private func stateBackward(
        _ index: Int, _ call: Call, _ residual: UnsafeMutablePointer<Float>,
        _ fused: UnsafeMutablePointer<Float>, _ base: UnsafeMutablePointer<Float>
    ) -> UnsafeMutablePointer<Float> {
        let step = call.steps[index]
        let width = step.width
        let result = arena.zeros(width * p.hidden)
        guard let gradients = call.gradients else { return result }
        let positions = (0..<width).map { row in index == 0 ? row : Int(step.rows.rows[row]) }
        rotate(fused, positions.map { call.rows.positions[$0] + Int32(index) }, direction: -1)
        for (row, position) in positions.enumerated() {
            ingot_add(base + (position + index) * p.fused, fused + row * p.fused, p.fused, level)
        }
        let normed = arena.take(width * p.hidden)
        norm(step.state, call.weights + p.hiddenNorm, width, p.hidden, into: normed)
        multiplyRows(
            Block(fused, p.fused), Block(normed, p.hidden),
            into: Block(gradients + p.qkv + p.hidden, 2 * p.hidden), p.fused, p.hidden, width)
        multiplyPlain(
            Block(fused, p.fused), Block(call.weights + p.qkv + p.hidden, 2 * p.hidden),
            into: Block(normed, p.hidden), width, p.hidden, p.fused)
        let target = configuration.normBeforeResidual ? normed : result
        for row in 0..<step.count {
            ingot_add(target + step.source(row) * p.hidden, residual + row * p.hidden, p.hidden, level)
        }
        normBackward(
            step.state, call.weights + p.hiddenNorm, normed, width, p.hidden, into: result,
            gradients + p.hiddenNorm)
        return result
    }

    /// What a later step's state is owed goes to the result before it.
    private func giveBack(_ index: Int, _ call: Call, _ state: UnsafeMutablePointer<Float>) {
        let (step, last) = (call.steps[index], call.steps[index - 1])
        var owed = state
        if configuration.feedsNormed, let gradients = call.gradients {
            let results = arena.take(step.count * p.hidden)
            for (row, base) in step.rows.rows.enumerated() {
                let place = Int(last.rows.places[Int(base)])
                (results + row * p.hidden).update(from: last.result + place * p.hidden, count: p.hidden)
            }
            owed = arena.zeros(step.count * p.hidden)
            normBackward(
                results, call.weights + p.finalNorm, state, step.count, p.hidden, into: owed,
                gradients + p.finalNorm)
        }
        for (row, base) in step.rows.rows.enumerated() {
            let place = Int(last.rows.places[Int(base)])
            ingot_add(last.resultGradient + place * p.hidden, owed + row * p.hidden, p.hidden, level)
        }
    }

    /// fc, and the norms before it.
    private func fuseBackward(_ call: Call, _ state: UnsafeMutablePointer<Float>) {
        guard let gradients = call.gradients else { return }
        for (text, range) in call.rows.texts.enumerated() where !range.isEmpty {
            let mark = arena.mark
            let owed = Block(state + range.lowerBound * p.hidden, p.hidden)
            let input = fusedInput(call, text)
            multiplyRows(
                owed, Block(input, p.feature), into: Block(gradients + p.fuse, p.feature), p.hidden,
                p.feature,
                range.count)
            if !p.inputNorms.isEmpty {
                let back = arena.take(range.count * p.feature)
                multiplyPlain(
                    owed, Block(call.weights + p.fuse, p.feature), into: Block(back, p.feature), range.count,
                    p.feature, p.hidden)
                let states = call.sequences[text].features.base
                eachInputNorm { offset, width, column in
                    for row in 0..<range.count {
                        let place = row * p.feature + column
                        normBackward(
                            states + place, call.weights + offset, back + place, 1, width, into: nil,
                            gradients + offset)
                    }
                }
            }
            arena.release(mark)
        }
    }
}
