// What a run of `verify` looks at; each check can be asked for by name.

/// One check.
package enum ParityCheck: String, CaseIterable, Sendable {
    /// Configs and every number of every tensor: the levels bytes and values.
    case weights
    /// Activations, routes and outputs of a forward pass over the same tokens.
    case forward
    /// Recorded greedy continuations, made again with a cache.
    case greedy
    /// Whether routes depend on the size of the batch.
    case batch
    /// Multiple-choice items, scored by log-probability.
    case accuracy
}

extension ParityCheck {
    /// What it needs of the two sides.
    package var requirement: String {
        switch self {
        case .weights: "two checkpoints"
        case .forward: "a checkpoint, a recorded run or a server on each side"
        case .greedy: "a checkpoint, and a recorded run with greedy continuations or a server"
        case .batch: "a checkpoint on a side"
        case .accuracy: "two checkpoints and --multiple-choice FILE"
        }
    }
}
