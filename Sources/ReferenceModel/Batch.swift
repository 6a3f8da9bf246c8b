// Sequences laid end to end for one pass, with what each of them remembers.

import Architectures
import Backends
import Diagnostics

/// The tokens of a pass.
final class Batch {
    /// T of them, sequence after sequence.
    let tokens: [Int]
    /// Of each token in its own sequence, T of them.
    let positions: [Int]
    /// The rows of each sequence.
    let ranges: [Range<Int>]
    private let caches: [KeyValueCache?]
    private let width: Int
    private let starts: [Int]

    init(_ sequences: [TokenSequence], _ configuration: BailingMoeV2Configuration) throws(Failure) {
        var (tokens, positions, ranges) = ([Int](), [Int](), [Range<Int>]())
        for sequence in sequences {
            precondition(!sequence.tokens.isEmpty, "a sequence without tokens")
            let start = sequence.cache?.count ?? 0
            ranges.append(tokens.count..<tokens.count + sequence.tokens.count)
            positions += start..<start + sequence.tokens.count
            tokens += sequence.tokens
        }
        if let outside = tokens.first(where: { $0 < 0 || $0 >= configuration.vocabularySize }) {
            throw Failure(
                Finding(
                    .error, .tokenIdImpossible, "a token is not in the vocabulary of the model",
                    expected: "ids from 0 to \(configuration.vocabularySize - 1)", found: "\(outside)",
                    remedy: "use the tokenizer that came with this checkpoint"))
        }
        self.tokens = tokens
        self.positions = positions
        self.ranges = ranges
        caches = sequences.map(\.cache)
        starts = caches.map { $0?.count ?? 0 }
        width = configuration.keyRows.count
    }

    /// The token after each, 0 after the last of a sequence.
    var nextTokens: [Int] {
        ranges.flatMap { range in tokens[range].dropFirst() + [0] }
    }

    /// The rows that get logits.
    func rows(_ logits: LogitRows) -> [Int] {
        switch logits {
        case .all: Array(tokens.indices)
        case .last: ranges.map { $0.upperBound - 1 }
        case .some(let rows): rows
        case .none: []
        }
    }

    /// Adds a layer's keys and values of a sequence to its past and gives all of it.
    func append(_ keys: Matrix, _ values: Matrix, toSequence index: Int, layer: Int) -> KeyValues {
        guard let cache = caches[index] else {
            var all = KeyValues(width: width)
            all.append(keys: keys, values: values)
            return all
        }
        cache.layers[layer].append(keys: keys, values: values)
        return cache.layers[layer]
    }

    /// Takes back what a pass that failed has added to the caches.
    func forget() {
        for (cache, start) in zip(caches, starts) { cache?.truncate(to: start) }
    }
}
