// The small part of regular expressions that skip lists are written in, matched in linear time: a config is
// hostile input, and a backtracking matcher could be made to run for ever.

/// A pattern anchored at the start of a name, as Python's re.match anchors it.
struct NamePattern {
    private enum Atom {
        case byte(UInt8)
        case any
        case digit

        func accepts(_ byte: UInt8) -> Bool {
            switch self {
            case .byte(let expected): byte == expected
            case .any: true
            case .digit: byte &- 0x30 < 10
            }
        }
    }

    private struct Step {
        var atom: Atom
        /// Whether it may be left out.
        var optional = false
        /// Whether it may be repeated.
        var repeats = false
    }

    private struct Sequence {
        var steps: [Step] = []
        /// Whether the name must end where the steps end.
        var anchored = false
    }

    /// Alternatives written out are at most this many; no released list comes near.
    private static let alternativeLimit = 256

    /// A pattern has at most this many bytes: the longest name has 58.
    private static let lengthLimit = 256

    private let sequences: [Sequence]

    /// Nil when the pattern uses anything else.
    init?(_ text: String) {
        guard text.utf8.count <= Self.lengthLimit, let expanded = Self.expand(Array(text.utf8)) else {
            return nil
        }
        var sequences: [Sequence] = []
        for alternative in expanded {
            guard let sequence = Self.parse(alternative) else { return nil }
            sequences.append(sequence)
        }
        self.sequences = sequences
    }

    /// Whether the pattern matches from the start of a name.
    ///
    /// - Complexity: bytes of the name × steps.
    func matches(_ name: String) -> Bool { sequences.contains { Self.matches($0, name) } }

    private static func matches(_ sequence: Sequence, _ name: String) -> Bool {
        let steps = sequence.steps
        // live[i]: the first i steps match what was read so far.
        var live = [Bool](repeating: false, count: steps.count + 1)
        live[0] = true
        func skipOptional(_ live: inout [Bool]) {
            for i in steps.indices where live[i] && steps[i].optional { live[i + 1] = true }
        }
        skipOptional(&live)
        for byte in name.utf8 {
            if live[steps.count], !sequence.anchored { return true }
            var next = [Bool](repeating: false, count: steps.count + 1)
            for i in steps.indices where steps[i].atom.accepts(byte) {
                if live[i] { next[i + 1] = true }
                if steps[i].repeats, live[i + 1] { next[i + 1] = true }
            }
            skipOptional(&next)
            live = next
        }
        return live[steps.count]
    }

    /// Writes out the groups of alternatives, one level deep.
    private static func expand(_ bytes: [UInt8]) -> [[UInt8]]? {
        var results: [[UInt8]] = [[]]
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\\") {
                guard index + 1 < bytes.count else { return nil }
                for i in results.indices { results[i] += bytes[index...index + 1] }
                index += 2
            } else if byte == UInt8(ascii: "(") {
                guard let close = bytes[index...].firstIndex(of: UInt8(ascii: ")")) else { return nil }
                var inner = bytes[index + 1..<close]
                if inner.starts(with: Array("?:".utf8)) { inner = inner.dropFirst(2) }
                guard !inner.contains(UInt8(ascii: "(")), !inner.contains(UInt8(ascii: "\\")) else {
                    return nil
                }
                if close + 1 < bytes.count, "*+?".utf8.contains(bytes[close + 1]) { return nil }
                let options = inner.split(separator: UInt8(ascii: "|"), omittingEmptySubsequences: false)
                guard results.count * options.count <= alternativeLimit else { return nil }
                results = results.flatMap { head in options.map { head + $0 } }
                index = close + 1
            } else {
                guard byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")") else { return nil }
                for i in results.indices { results[i].append(byte) }
                index += 1
            }
        }
        return results
    }

    private static func parse(_ bytes: [UInt8]) -> Sequence? {
        var sequence = Sequence()
        var index = bytes.first == UInt8(ascii: "^") ? 1 : 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "$"):
                guard index == bytes.count else { return nil }
                sequence.anchored = true
            case UInt8(ascii: "."): sequence.steps.append(Step(atom: .any))
            case UInt8(ascii: "\\"):
                let escaped = bytes[index]
                index += 1
                if escaped == UInt8(ascii: "d") {
                    sequence.steps.append(Step(atom: .digit))
                } else if escaped == UInt8(ascii: ".") || escaped == UInt8(ascii: "-") {
                    sequence.steps.append(Step(atom: .byte(escaped)))
                } else {
                    return nil
                }
            case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"):
                guard let last = sequence.steps.indices.last, !sequence.steps[last].repeats,
                    !sequence.steps[last].optional
                else { return nil }
                sequence.steps[last].optional = byte != UInt8(ascii: "+")
                sequence.steps[last].repeats = byte != UInt8(ascii: "?")
            case UInt8(ascii: "["), UInt8(ascii: "{"), UInt8(ascii: "^"): return nil
            default: sequence.steps.append(Step(atom: .byte(byte)))
            }
        }
        return sequence
    }
}
