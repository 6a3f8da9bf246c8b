// Which drafted tokens stay. The target has read all of them; whatever was drafted, what stays is distributed as if
// the target had been asked token by token. That needs no property of the draft.

import ReferenceModel

/// What the verification of one draft gave.
package struct VerifiedDraft: Equatable, Sendable {
    /// Nodes of the draft that stay, one after another.
    package let accepted: [Int]
    /// The target's own token after them.
    package let next: Int
}

extension DraftTree {
    /// Keeps what the target would have said itself.
    ///
    /// - Parameter choice: the target's likeliest token after a node; nil is the known token.
    package func verified(choice: (Int?) -> Int) -> VerifiedDraft {
        var accepted: [Int] = []
        while true {
            let token = choice(accepted.last)
            guard let child = children(of: accepted.last).first(where: { nodes[$0].token == token }) else {
                return VerifiedDraft(accepted: accepted, next: token)
            }
            accepted.append(child)
        }
    }

    /// Keeps tokens so that what comes out is distributed as the target's own tokens are.
    ///
    /// A token drawn from q stays with probability min(1, p/q); after a rejection p becomes what is left of it,
    /// max(0, p − q) normalised. A token that was chosen and not drawn has q = 1: it stays with probability p,
    /// and p loses it after a rejection; siblings are tried in their order.
    ///
    /// - Parameters:
    ///   - target: p after the nodes so far, with temperature and the like applied.
    ///   - unit: numbers from 0 to below 1.
    /// - Source: Leviathan et al., Fast inference from transformers via speculative decoding (2023), theorem 1;
    ///   SafeAILab/EAGLE eagle/model/utils.py, `evaluate_posterior`.
    /// - Checked by: VerificationTests, by χ² over many draws.
    package func verified(
        target: ([Int]) -> TokenDistribution, unit: () -> Double
    ) -> VerifiedDraft {
        var accepted: [Int] = []
        while true {
            var p = target(accepted)
            var chosen: Int?
            for child in children(of: accepted.last) {
                let node = nodes[child]
                let q = node.distribution?.probability(of: node.token) ?? 1
                let share = p.probability(of: node.token)
                if unit() * q < share {
                    chosen = child
                    break
                }
                p = p.without(node)
            }
            guard let chosen else { return VerifiedDraft(accepted: accepted, next: p.draw(unit())) }
            accepted.append(chosen)
        }
    }
}

extension TokenDistribution {
    /// What is left after a rejection, normalised.
    fileprivate func without(_ node: DraftNode) -> TokenDistribution {
        var left = probabilities
        for (index, id) in ids.enumerated() {
            let taken = node.distribution.map { $0.probability(of: id) } ?? (id == node.token ? 1 : 0)
            left[index] = max(0, left[index] - taken)
        }
        let sum = left.reduce(0, +)
        // Nothing is left only by rounding: p and q are then the same.
        guard sum > 0 else { return self }
        return TokenDistribution(ids: ids, probabilities: left.map { $0 / sum })
    }
}
