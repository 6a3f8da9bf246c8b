// The pre-tokeniser of the Ling family, written out. Its pattern has seven alternatives, tried in order at
// each place; between them they match every character, so that pieces are matches and nothing lies between.
//
//   1  '(?i:[sdmt]|ll|ve|re)
//   2  [^\r\n\p{L}\p{N}]?+\p{L}+
//   3  \p{N}
//   4   ?[^\s\p{L}\p{N}]++[\r\n]*
//   5  \s*[\r\n]
//   6  \s+(?!\S)
//   7  \s+
//
// The possessive quantifiers change nothing: what they hold cannot be matched by what follows. Alternative 5
// is greedy, so that white space up to its last newline is one piece, blank lines included.

/// Splits text into the pieces within which tokens are merged.
struct PieceSplitter: Sendable {
    /// The pattern, as tokenizer.json writes it.
    ///
    /// - Source: Ling-flash-2.0, as quoted by llama.cpp for bailingmoe.
    static let pattern =
        #"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"#

    private let classes: [UInt8]

    init() { classes = ScalarClass.basicPlane }

    /// Where the piece that starts at `start` ends.
    ///
    /// - Parameters:
    ///   - start: below `limit`, at the first byte of a scalar.
    ///   - limit: the end of the text as the pattern sees it.
    /// - Complexity: linear in the piece and the white space around it.
    func end(ofPieceAt start: Int, in bytes: UTF8Bytes, limit: Int) -> Int {
        let (kind, next) = step(start, bytes)
        switch kind {
        case .letter: return endOfLetters(next, bytes, limit)
        case .number: return next
        case .newline: return endOfSpace(start, bytes, limit)
        case .space:
            guard next < limit else { return next }
            let (following, afterFollowing) = step(next, bytes)
            if following == .letter { return endOfLetters(afterFollowing, bytes, limit) }
            if following == .other, bytes[start] == 0x20 {
                return endOfSymbols(afterFollowing, bytes, limit)
            }
            return endOfSpace(start, bytes, limit)
        case .other:
            if bytes[start] == UInt8(ascii: "'"), let end = endOfContraction(next, bytes, limit) {
                return end
            }
            guard next < limit else { return next }
            let (following, afterFollowing) = step(next, bytes)
            if following == .letter { return endOfLetters(afterFollowing, bytes, limit) }
            return endOfSymbols(next, bytes, limit)
        }
    }

    @inline(__always)
    private func step(_ index: Int, _ bytes: UTF8Bytes) -> (kind: ScalarClass, next: Int) {
        let (value, length) = bytes.scalar(at: index)
        let kind: ScalarClass =
            value < 0x10000
            ? ScalarClass(rawValue: classes[Int(value)]) ?? .other
            : Unicode.Scalar(value).map { ScalarClass($0) } ?? .other
        return (kind, index + length)
    }

    /// `\p{L}*` from an index.
    private func endOfLetters(_ start: Int, _ bytes: UTF8Bytes, _ limit: Int) -> Int {
        var index = start
        while index < limit {
            let (kind, next) = step(index, bytes)
            guard kind == .letter else { break }
            index = next
        }
        return index
    }

    /// `[^\s\p{L}\p{N}]*[\r\n]*` from an index.
    private func endOfSymbols(_ start: Int, _ bytes: UTF8Bytes, _ limit: Int) -> Int {
        var index = start
        while index < limit {
            let (kind, next) = step(index, bytes)
            guard kind == .other else { break }
            index = next
        }
        while index < limit, bytes[index] == 0x0D || bytes[index] == 0x0A { index += 1 }
        return index
    }

    /// The longest of `\s*[\r\n]`, else `\s+(?!\S)`, else `\s+`, from an index where white space stands.
    private func endOfSpace(_ start: Int, _ bytes: UTF8Bytes, _ limit: Int) -> Int {
        var index = start
        var last = start
        var afterNewline = -1
        while index < limit {
            let (kind, next) = step(index, bytes)
            guard kind == .space || kind == .newline else { break }
            if kind == .newline { afterNewline = next }
            last = index
            index = next
        }
        if afterNewline >= 0 { return afterNewline }
        // Something that is no white space follows: it takes the last space as its prefix, if there are two.
        return index == limit || last == start ? index : last
    }

    /// `(?i:[sdmt]|ll|ve|re)` from an index; the long s (U+017F) folds to s.
    private func endOfContraction(_ start: Int, _ bytes: UTF8Bytes, _ limit: Int) -> Int? {
        guard start < limit else { return nil }
        let first = bytes[start] | 0x20
        switch bytes[start] {
        case 0xC5: return start + 1 < limit && bytes[start + 1] == 0xBF ? start + 2 : nil
        case 0x41...0x5A, 0x61...0x7A: break
        default: return nil
        }
        switch first {
        case UInt8(ascii: "s"), UInt8(ascii: "d"), UInt8(ascii: "m"), UInt8(ascii: "t"): return start + 1
        case UInt8(ascii: "l"), UInt8(ascii: "v"), UInt8(ascii: "r"):
            guard start + 1 < limit else { return nil }
            let wanted = first == UInt8(ascii: "l") ? first : UInt8(ascii: "e")
            return bytes[start + 1] & 0xDF == wanted & 0xDF ? start + 2 : nil
        default: return nil
        }
    }
}
