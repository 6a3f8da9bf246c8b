// What the sums of a pass say about a head.

import Documents

extension UnrolledResult {
    /// Share of the counted rows whose guess is the target's, of each step.
    package var accuracies: [Double] { steps.map { Self.share($0.hits, $0.counted) } }

    /// Share that sampling would accept, of each step: mean Σ min(p, q), with p the target's own probabilities.
    package var acceptances: [Double] {
        steps.map { $0.counted > 0 ? $0.overlap / Double($0.counted) : 0 }
    }

    /// Tokens of a pass of the target with a chain of guesses, the target's own token included, if the steps' hits
    /// did not depend on each other: 1 + a₀ + a₀·a₁ + ….
    ///
    /// - Source: eval/simulated_acc_len of sgl-project/SpecForge, which leaves the 1 out.
    package func simulatedLength(chain: Int) -> Double {
        var (length, product) = (1.0, 1.0)
        for accuracy in accuracies.prefix(chain) {
            product *= accuracy
            length += product
        }
        return length
    }

    /// The same from chains that were drafted along the texts, each from behind the first wrong guess of the last.
    ///
    /// Guesses are judged by what the target says after the text's own tokens, not after its own.
    package func chainLength(chain: Int) -> Double {
        guard let end = steps.prefix(chain).last, end.passes > 0 else { return 1 }
        return Double(end.gained) / Double(end.passes)
    }

    private static func share(_ part: Int, _ whole: Int) -> Double {
        whole > 0 ? Double(part) / Double(whole) : 0
    }

    /// The figures as members of a line of the log.
    package func document(chain: Int) -> JSONObject {
        var object = JSONObject()
        object["accuracy"] = .array(accuracies.map(JSONValue.real))
        object["acceptance"] = .array(acceptances.map(JSONValue.real))
        object["simulated_length"] = .real(simulatedLength(chain: chain))
        object["chain_length"] = .real(chainLength(chain: chain))
        return object
    }
}
