// The loss of a step: soft cross-entropy against the target's distribution over the draft vocabulary, of the rows
// that are judged and no others. Logits are made, turned into their own gradient and used a block of rows at a
// time: for a vocabulary of 32,000 they would not fit otherwise.
//
// Source: sgl-project/SpecForge specforge/algorithms/eagle3/model.py at a6b6b023.

import CKernels

extension UnrolledPass {
    /// Logits of a block, elements.
    private static let blockElements = 1 << 18
    /// Rows of a block at least: fewer make slow products.
    private static let leastRows = 128

    /// Sums of a step, and the gradient of its results from its own loss.
    func judge(_ index: Int, _ call: Call, weight: Float) {
        let step = call.steps[index]
        let judged = step.rows.judged
        var sums = UnrolledResult.StepSums()
        var hit = [Bool](repeating: false, count: call.rows.count)
        let height = max(Self.leastRows, Self.blockElements / p.drafts)
        for first in stride(from: 0, to: judged.count, by: height) {
            let mark = arena.mark
            let few = judged[first..<min(first + height, judged.count)]
            judge(Array(few), step, call, weight, &sums) { row in hit[Int(step.rows.rows[row])] = true }
            arena.release(mark)
        }
        sums.counted = step.rows.counted.count
        for row in step.rows.counted.map(Int.init) where call.counted[row] == index {
            call.counted[row] += 1
            if hit[row], call.right[row] == index { call.right[row] += 1 }
        }
        call.result.steps[index] = sums
    }

    /// Drafts along the texts with chains of every length, from the rows that each counted and was right at.
    ///
    /// A chain of k guesses from row t with h right ones gains h + 1 tokens, and the next one starts at row t + h + 1.
    /// A row that does not count for the whole chain starts none.
    func walk(_ call: Call) {
        for index in call.result.steps.indices {
            for text in call.rows.texts {
                var row = text.lowerBound
                while row < text.upperBound {
                    guard call.counted[row] > index else {
                        row += 1
                        continue
                    }
                    let gained = min(call.right[row], index + 1) + 1
                    call.result.steps[index].passes += 1
                    call.result.steps[index].gained += gained
                    row += gained
                }
            }
        }
    }

    private func judge(
        _ rows: [(place: Int32, teacher: Int32)], _ step: Step, _ call: Call, _ weight: Float,
        _ sums: inout UnrolledResult.StepSums, hit: (Int) -> Void
    ) {
        let count = rows.count
        let states = arena.take(count * p.hidden)
        for (index, row) in rows.enumerated() {
            (states + index * p.hidden).update(
                from: step.result + Int(row.place) * p.hidden, count: p.hidden)
        }
        let normed = arena.take(count * p.hidden)
        norm(states, call.weights + p.finalNorm, count, p.hidden, into: normed)
        let head = Block(call.weights + p.logits, p.hidden)
        let logits = Block(arena.take(count * p.drafts), p.drafts)
        multiply(Block(normed, p.hidden), head, into: logits, count, p.drafts, p.hidden)
        for (index, row) in rows.enumerated() {
            let (text, teacher) = call.teacher(Int(row.teacher))
            let rows = call.sequences[text].teacher
            let found = ingot_soft_cross_entropy(
                logits.base + index * p.drafts, rows.probabilities.base + teacher * p.drafts, p.drafts,
                rows.masses[teacher], weight, level)
            sums.loss += Double(found.loss)
            sums.overlap += Double(found.overlap)
            if found.choice == rows.choices[teacher] {
                sums.hits += 1
                hit(Int(row.place))
            }
        }
        guard let gradients = call.gradients else { return }
        multiplyRows(
            logits, Block(normed, p.hidden), into: Block(gradients + p.logits, p.hidden), p.drafts, p.hidden,
            count)
        // The normed rows have been used: their gradient takes their place.
        multiplyPlain(logits, head, into: Block(normed, p.hidden), count, p.hidden, p.drafts)
        let back = arena.zeros(count * p.hidden)
        normBackward(
            states, call.weights + p.finalNorm, normed, count, p.hidden, into: back, gradients + p.finalNorm)
        for (index, row) in rows.enumerated() {
            (step.resultGradient + Int(row.place) * p.hidden).update(
                from: back + index * p.hidden, count: p.hidden)
        }
    }
}

extension UnrolledPass.Call {
    /// The text of a teacher row and its place there.
    func teacher(_ row: Int) -> (text: Int, row: Int) {
        var text = rows.teacherStarts.count - 1
        while rows.teacherStarts[text] > row { text -= 1 }
        return (text, row - rows.teacherStarts[text])
    }
}
