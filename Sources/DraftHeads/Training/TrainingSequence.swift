// What a head learns from: for each text the target's hidden states, the embeddings of its tokens and the target's
// own distribution where the loss counts.
//
// Legend: T tokens of a text, H hidden size of the head, F·W width of the fused states, N draft vocabulary.

/// The distributions of the target at some positions of a text, restricted to the draft vocabulary.
package struct TeacherRows: Sendable {
    /// The positions, ascending, none of them 0: row r is the distribution of the token after `positions[r]`.
    package var positions: [Int]
    /// [positions, N], each row sums to 1.
    package var probabilities: FloatRows
    /// The draft id of the likeliest token of the whole vocabulary; −1 when it cannot be drafted.
    package var choices: [Int32]
    /// The share of the whole distribution that lies in the draft vocabulary.
    package var masses: [Float]

    package init(positions: [Int], probabilities: FloatRows, choices: [Int32], masses: [Float]) {
        precondition(
            positions.count == probabilities.rows && positions.count == choices.count
                && positions.count == masses.count, "teacher rows of different counts")
        self.positions = positions
        self.probabilities = probabilities
        self.choices = choices
        self.masses = masses
    }
}

/// One text as a head is trained on it.
package struct TrainingSequence: Sendable {
    /// [T, F·W]: states of the target.
    package var features: FloatRows
    /// [T, H]: embeddings of the tokens.
    package var embeddings: FloatRows
    /// Where the loss counts, whether or not the target's choice can be drafted.
    package var teacher: TeacherRows

    package init(features: FloatRows, embeddings: FloatRows, teacher: TeacherRows) {
        precondition(features.rows == embeddings.rows, "features and embeddings of different lengths")
        precondition(
            teacher.positions.allSatisfy { $0 > 0 && $0 < features.rows }, "a teacher row outside the text")
        self.features = features
        self.embeddings = embeddings
        self.teacher = teacher
    }

    /// T.
    package var count: Int { features.rows }

    /// Positions of the head: each pairs a token's states with the token after it.
    package var positionCount: Int { max(0, count - 1) }
}
