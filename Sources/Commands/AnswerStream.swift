// The answer on its way to standard output, character by character as its tokens complete them.

import Checkpoints
import Diagnostics
import Glibc
import Tokenisation

/// Decodes tokens and shows them at once.
struct AnswerStream {
    /// Everything decoded so far.
    private(set) var text = ""
    /// What the system said when standard output took no more; 0 until then.
    private var errorNumber: Int32 = 0
    private var decoder: StreamDecoder
    private let isShown: Bool
    private let isTerminal: Bool

    /// - Parameters:
    ///   - showsSpecial: special tokens are decoded too.
    ///   - isShown: goes to standard output.
    init(_ tokeniser: Tokeniser, showsSpecial: Bool, isShown: Bool) {
        decoder = StreamDecoder(tokeniser, skippingSpecialTokens: !showsSpecial)
        self.isShown = isShown
        isTerminal = isatty(STDOUT_FILENO) == 1
    }

    /// Whether standard output takes no more.
    var isBroken: Bool { errorNumber != 0 }

    mutating func append(_ token: Int) { show(decoder.append(token)) }

    /// Ends the last line.
    ///
    /// - Throws: when standard output did not take everything.
    mutating func finish() throws(Failure) {
        show(decoder.finish())
        if isShown { write(text.hasSuffix("\n") ? "" : "\n") }
        guard isBroken else { return }
        throw Failure(
            Finding(
                .error, .writeFailed, "the answer cannot be written", file: "standard output",
                found: "\(text.utf8.count) bytes of it", remedy: "send it elsewhere",
                cause: String(cString: strerror(errorNumber))))
    }

    private mutating func show(_ piece: String) {
        text += piece
        if isShown { write(isTerminal ? Self.harmless(piece) : piece) }
    }

    /// A model's words must not move the cursor or worse.
    private static func harmless(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isControl = scalar.properties.generalCategory == .control && scalar != "\n" && scalar != "\t"
            scalars.append(isControl ? "\u{FFFD}" : scalar)
        }
        return String(scalars)
    }

    private mutating func write(_ piece: String) {
        var piece = piece
        guard !isBroken, !piece.isEmpty else { return }
        errorNumber = piece.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)[...]
            while !rest.isEmpty {
                let count = Glibc.write(
                    STDOUT_FILENO, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return count < 0 ? errno : EIO }
                rest = rest.dropFirst(count)
            }
            return 0
        }
    }
}
