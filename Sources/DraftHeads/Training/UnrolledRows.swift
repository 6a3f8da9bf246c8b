// Which rows of the head's unrolled pass are needed at all. A row is a position t of a text: at step i it reads the
// states of token t, guesses one after another, and is judged by the target's distribution at t + 1 + i. After
// step 0 a position reads keys of step 0 and its own, so a position whose remaining steps are not judged is let go.

/// The rows of a step, for some texts one after another.
struct UnrolledRows {
    /// One step's rows.
    struct Step {
        /// Base rows, ascending.
        var rows: [Int32] = []
        /// The rows of each text among them.
        var texts: [Range<Int>] = []
        /// The place of each base row among them; −1 where it is none of them.
        var places: [Int32]
        /// Rows that are judged: their place among the step's rows and their row of the teacher.
        var judged: [(place: Int32, teacher: Int32)] = []
        /// Base rows that count for accuracy: the judged ones, and those whose choice cannot be drafted.
        var counted: [Int32] = []
    }

    /// Base rows of each text: positions 0, 1, … up to the last that any row reads.
    private(set) var texts: [Range<Int>] = []
    /// R, of all texts.
    private(set) var count = 0
    /// The position of each base row in its text.
    private(set) var positions: [Int32] = []
    private(set) var steps: [Step] = []
    /// Positions of the texts, unread ones included: what a mean loss is over.
    let positionCount: Int
    /// Of each text, the first row of its teacher among those of all texts.
    let teacherStarts: [Int]

    init(_ sequences: [TrainingSequence], stepCount: Int) {
        positionCount = sequences.reduce(0) { $0 + $1.positionCount }
        var starts: [Int] = []
        var teacherCount = 0
        var last: [[Int]] = []
        for sequence in sequences {
            starts.append(teacherCount)
            teacherCount += sequence.teacher.positions.count
            let (reach, rows) = Self.reach(sequence, stepCount)
            last.append(reach)
            texts.append(count..<count + rows)
            positions += (0..<rows).map(Int32.init)
            count += rows
        }
        teacherStarts = starts
        for index in 0..<stepCount { steps.append(step(index, sequences, last)) }
    }

    /// The last step at which each position is judged, −1 for never, and the number of positions that are read.
    private static func reach(_ sequence: TrainingSequence, _ stepCount: Int) -> ([Int], Int) {
        var reach = [Int](repeating: -1, count: sequence.positionCount)
        var rows = 0
        for (row, place) in sequence.teacher.positions.enumerated() {
            // The token embedded for it, that of position t + 1 + i, is this one whatever the step.
            rows = max(rows, place)
            guard sequence.teacher.choices[row] >= 0 else { continue }
            for step in 0..<min(stepCount, place) {
                reach[place - 1 - step] = max(reach[place - 1 - step], step)
            }
        }
        return (reach, rows)
    }

    private func step(_ index: Int, _ sequences: [TrainingSequence], _ last: [[Int]]) -> Step {
        var step = Step(places: [Int32](repeating: -1, count: count))
        for (text, sequence) in sequences.enumerated() {
            let first = step.rows.count
            let base = texts[text].lowerBound
            for position in 0..<texts[text].count where last[text][position] >= index {
                step.places[base + position] = Int32(step.rows.count)
                step.rows.append(Int32(base + position))
            }
            step.texts.append(first..<step.rows.count)
            for (row, place) in sequence.teacher.positions.enumerated() {
                let position = place - 1 - index
                guard position >= 0 else { continue }
                step.counted.append(Int32(base + position))
                guard sequence.teacher.choices[row] >= 0 else { continue }
                step.judged.append((step.places[base + position], Int32(teacherStarts[text] + row)))
            }
        }
        return step
    }
}
