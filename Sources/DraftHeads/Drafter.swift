// What guesses tokens ahead, and what it is told. A head is one; tests have others.

import Backends
import Diagnostics
import ReferenceModel

/// What a drafter keeps of one sequence.
package protocol DraftMemory: AnyObject {}

/// One sequence that wants a draft.
package struct DraftRequest {
    package let memory: any DraftMemory
    /// [T, F·W], states of the target at positions that were confirmed since the last draft; at least one.
    package let states: Matrix
    /// The token after each of them; the last is the newest known token, which the draft follows.
    package let tokens: [Int]
    /// Tokens drafted after the newest at most.
    package let limit: Int
    /// Numbers from 0 to below 1 for drafts that are drawn.
    package let unit: () -> Double

    package init(
        memory: any DraftMemory, states: Matrix, tokens: [Int], limit: Int,
        unit: @escaping () -> Double = { 0 }
    ) {
        self.memory = memory
        self.states = states
        self.tokens = tokens
        self.limit = limit
        self.unit = unit
    }
}

/// What guesses the next tokens of sequences.
package protocol Drafter: Sendable {
    /// The states of the target that it reads, side by side.
    var points: [AuxiliaryPoint] { get }
    /// Memory of a new sequence.
    func memory() -> any DraftMemory
    /// Drafts for some sequences at once.
    ///
    /// - Parameter temperature: above 0 a chain is drawn at random; else the likeliest tokens are chosen.
    func draft(
        _ requests: [DraftRequest], shape: DraftShape, temperature: Float
    ) throws(Failure) -> [DraftTree]
}
