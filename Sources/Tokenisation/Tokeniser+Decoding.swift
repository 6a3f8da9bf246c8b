// Decoding: the bytes of the tokens one after the other, read as UTF-8.

extension Tokeniser {
    /// The text of a row of ids.
    ///
    /// Ids that name nothing give nothing, as in the library: see `check(_:)`. Bytes that are not UTF-8
    /// become U+FFFD. No clean-up of spaces.
    ///
    /// - Parameter skippingSpecialTokens: leaves special added tokens out.
    package func decode(_ ids: some Sequence<Int>, skippingSpecialTokens: Bool = false) -> String {
        var decoder = StreamDecoder(self, skippingSpecialTokens: skippingSpecialTokens)
        var output: [UInt8] = []
        for id in ids { decoder.append(id, to: &output) }
        decoder.finish(to: &output)
        return String(decoding: output, as: UTF8.self)
    }
}

/// Decodes ids one at a time, as they are generated.
///
/// Gives text as soon as its characters are whole. All it gave, joined, is what `decode` gives for the same
/// ids.
package struct StreamDecoder {
    private let tokeniser: Tokeniser
    private let skippingSpecialTokens: Bool
    private var assembler = UTF8Assembler()

    package init(_ tokeniser: Tokeniser, skippingSpecialTokens: Bool = false) {
        self.tokeniser = tokeniser
        self.skippingSpecialTokens = skippingSpecialTokens
    }

    /// Takes the next id and gives the text that it completes, often none.
    package mutating func append(_ id: Int) -> String {
        var output: [UInt8] = []
        append(id, to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    /// Ends the stream and gives U+FFFD for a character that was never completed.
    package mutating func finish() -> String {
        var output: [UInt8] = []
        finish(to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    fileprivate mutating func append(_ id: Int, to output: inout [UInt8]) {
        if skippingSpecialTokens, tokeniser.isSpecial(id) { return }
        assembler.append(tokeniser.bytes(of: id), to: &output)
    }

    fileprivate mutating func finish(to output: inout [UInt8]) { assembler.finish(to: &output) }
}
