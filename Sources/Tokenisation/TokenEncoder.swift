// Encoding: the segments of added tokens, the pieces between them, the tokens of each piece.

/// Encodes texts with one tokeniser and remembers the words it has seen.
///
/// A value of its own for each task: copies do not share what they remember.
package struct TokenEncoder {
    package let tokeniser: Tokeniser
    private var cache = WordCache()
    private var loop = MergeLoop()
    private var word: [UInt32] = []

    package init(_ tokeniser: Tokeniser) { self.tokeniser = tokeniser }

    /// The ids of a text.
    ///
    /// Nothing is added before or after it. The empty text has none.
    ///
    /// - Complexity: linear in the text but for words never seen, which take n log n of their length.
    package mutating func encode(
        _ text: String, specialTokens: Tokeniser.SpecialTokens = .recognised
    ) -> [Int] {
        var output: [Int] = []
        var text = text
        text.withUTF8 { bytes in
            output.reserveCapacity(bytes.count / 3 + 4)
            encode(bytes, plainSpecials: specialTokens == .plainText, to: &output)
        }
        return output
    }

    /// Non-normalised tokens are found first, then normalised ones in the text left between them.
    private mutating func encode(_ bytes: UTF8Bytes, plainSpecials: Bool, to output: inout [Int]) {
        var segments: [Segment] = []
        tokeniser.plainMatcher.segments(
            bytes, in: 0..<bytes.count, plainSpecials: plainSpecials, to: &segments)
        if !tokeniser.normalisedMatcher.isEmpty {
            var refined: [Segment] = []
            for segment in segments {
                if segment.id != nil {
                    refined.append(segment)
                } else {
                    tokeniser.normalisedMatcher.segments(
                        bytes, in: segment.range, plainSpecials: plainSpecials, to: &refined)
                }
            }
            segments = refined
        }
        for segment in segments {
            if let id = segment.id {
                output.append(id)
                continue
            }
            var start = segment.range.lowerBound
            while start < segment.range.upperBound {
                let end = tokeniser.splitter.end(
                    ofPieceAt: start, in: bytes, limit: segment.range.upperBound)
                encode(word: UTF8Bytes(rebasing: bytes[start..<end]), to: &output)
                start = end
            }
        }
    }

    @inline(__always)
    private mutating func encode(word bytes: UTF8Bytes, to output: inout [Int]) {
        let hash = WordCache.hash(bytes)
        if cache.append(bytes, hash: hash, to: &output) { return }
        let start = output.count
        merge(bytes, to: &output)
        cache.insert(bytes, hash: hash, output[start...])
    }

    /// Merges a word not seen before; bytes without a token are left out, as the library does.
    private mutating func merge(_ bytes: UTF8Bytes, to output: inout [Int]) {
        if tokeniser.ignoresMerges, let id = tokeniser.wholeWords[Array(bytes)] {
            output.append(id)
            return
        }
        word.removeAll(keepingCapacity: true)
        for byte in bytes {
            let id = tokeniser.byteIds[Int(byte)]
            if id >= 0 { word.append(UInt32(id)) }
        }
        loop.run(&word, tokeniser.merges)
        for id in word { output.append(Int(id)) }
    }
}
