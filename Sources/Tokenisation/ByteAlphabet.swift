// GPT-2's byte alphabet: a printable character for each of the 256 bytes, so that a vocabulary of bytes can
// be written as text. Printable Latin-1 stands for itself, the other 68 bytes for U+0100 onwards in order.

/// The two directions of the byte alphabet.
///
/// - Source: openai/gpt-2, `bytes_to_unicode`; tokenizers 0.22.2, `byte_level.rs`.
enum ByteAlphabet {
    /// The byte of each scalar below U+0144; −1 for the scalars that stand for none.
    private static let bytes: [Int16] = {
        var bytes = [Int16](repeating: -1, count: 0x144)
        var next = 0x100
        for byte in 0..<256 {
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: bytes[byte] = Int16(byte)
            default:
                bytes[next] = Int16(byte)
                next += 1
            }
        }
        return bytes
    }()

    /// The character for a byte.
    static func character(_ byte: UInt8) -> Unicode.Scalar {
        let scalar = bytes.firstIndex(of: Int16(byte)) ?? 0
        return Unicode.Scalar(UInt32(scalar)) ?? " "
    }

    /// The bytes that a token stands for; nil when a character of it is not of the alphabet.
    static func bytes(_ token: String) -> [UInt8]? {
        var output: [UInt8] = []
        output.reserveCapacity(token.utf8.count)
        for scalar in token.unicodeScalars {
            guard scalar.value < bytes.count, bytes[Int(scalar.value)] >= 0 else { return nil }
            output.append(UInt8(bytes[Int(scalar.value)]))
        }
        return output
    }
}
