// Finds added tokens in text as the Hugging Face library does: at each place the longest, from the left,
// without overlap; then the rules of the found token decide whether it counts and what it takes with it.

/// A part of a text: an added token, or plain text.
struct Segment: Equatable {
    var range: Range<Int>
    /// The id of the added token; nil for plain text.
    var id: Int?
}

/// A trie over the bytes of some added tokens.
///
/// - Source: tokenizers 0.22.2, `added_vocabulary.rs`, `find_matches`; Aho-Corasick, leftmost-longest.
struct AddedTokenMatcher: Sendable {
    private struct Node {
        var edges: [UInt8: Int] = [:]
        var token: Int?
    }

    private let tokens: [AddedToken]
    private var nodes: [Node] = [Node()]
    private var starts = [Bool](repeating: false, count: 256)

    /// A matcher of tokens that are not empty and all different.
    init(_ tokens: [AddedToken]) {
        self.tokens = tokens
        for (index, token) in tokens.enumerated() {
            var node = 0
            for byte in token.content.utf8 {
                if let child = nodes[node].edges[byte] {
                    node = child
                } else {
                    nodes.append(Node())
                    nodes[node].edges[byte] = nodes.count - 1
                    node = nodes.count - 1
                }
            }
            nodes[node].token = index
            if let first = token.content.utf8.first { starts[Int(first)] = true }
        }
    }

    var isEmpty: Bool { tokens.isEmpty }

    /// The segments of a stretch of text, in order.
    ///
    /// - Parameters:
    ///   - range: the stretch; the rules about neighbours see nothing outside it.
    ///   - plainSpecials: special tokens are passed over, and so is what they overlap.
    func segments(
        _ bytes: UTF8Bytes, in range: Range<Int>, plainSpecials: Bool, to output: inout [Segment]
    ) {
        var done = range.lowerBound
        var index = range.lowerBound
        while index < range.upperBound {
            guard starts[Int(bytes[index])], let (token, length) = longest(bytes, at: index, range.upperBound)
            else {
                index += 1
                continue
            }
            var start = index
            var stop = index + length
            index = stop
            if plainSpecials && token.special { continue }
            if token.singleWord, touchesWord(bytes, start, stop, range) { continue }
            if token.stripsLeft { start = max(startOfSpace(bytes, start, range.lowerBound), done) }
            if token.stripsRight { stop = endOfSpace(bytes, stop, range.upperBound) }
            if done < start { output.append(Segment(range: done..<start)) }
            output.append(Segment(range: start..<stop, id: token.id))
            done = stop
        }
        if done != range.upperBound { output.append(Segment(range: done..<range.upperBound)) }
    }

    private func longest(_ bytes: UTF8Bytes, at start: Int, _ limit: Int) -> (AddedToken, Int)? {
        var node = 0
        var index = start
        var found: (AddedToken, Int)?
        while index < limit, let child = nodes[node].edges[bytes[index]] {
            node = child
            index += 1
            if let token = nodes[node].token { found = (tokens[token], index - start) }
        }
        return found
    }

    private func touchesWord(_ bytes: UTF8Bytes, _ start: Int, _ stop: Int, _ range: Range<Int>) -> Bool {
        if start > range.lowerBound,
            bytes.unicodeScalar(at: bytes.startOfScalar(before: start)).isWordCharacter
        {
            return true
        }
        return stop < range.upperBound && bytes.unicodeScalar(at: stop).isWordCharacter
    }

    private func startOfSpace(_ bytes: UTF8Bytes, _ end: Int, _ floor: Int) -> Int {
        var start = end
        while start > floor {
            let before = bytes.startOfScalar(before: start)
            guard bytes.unicodeScalar(at: before).properties.isWhitespace else { break }
            start = before
        }
        return start
    }

    private func endOfSpace(_ bytes: UTF8Bytes, _ start: Int, _ limit: Int) -> Int {
        var end = start
        while end < limit, bytes.unicodeScalar(at: end).properties.isWhitespace {
            end += bytes.scalar(at: end).length
        }
        return end
    }
}
