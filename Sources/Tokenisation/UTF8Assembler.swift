// Text out of bytes that come in pieces: whole characters as soon as they are whole, and U+FFFD for what
// is not UTF-8, one for each maximal part of a character, as Rust's from_utf8_lossy and Unicode ask.

/// Joins bytes to text; keeps the beginning of a character until the rest arrives.
struct UTF8Assembler {
    private static let replacement: [UInt8] = [0xEF, 0xBF, 0xBD]

    private var pending: [UInt8] = []
    private var needed = 0

    /// Takes bytes and appends to `output` what is decided by now, as well-formed UTF-8.
    mutating func append(_ bytes: some Sequence<UInt8>, to output: inout [UInt8]) {
        for byte in bytes { append(byte, to: &output) }
    }

    @inline(__always)
    private mutating func append(_ byte: UInt8, to output: inout [UInt8]) {
        if needed > 0 {
            if Self.continues(pending, byte) {
                pending.append(byte)
                needed -= 1
                if needed == 0 {
                    output.append(contentsOf: pending)
                    pending.removeAll(keepingCapacity: true)
                }
                return
            }
            finish(to: &output)
        }
        switch byte {
        case 0x00...0x7F: output.append(byte)
        case 0xC2...0xDF: begin(byte, 1)
        case 0xE0...0xEF: begin(byte, 2)
        case 0xF0...0xF4: begin(byte, 3)
        default: output.append(contentsOf: Self.replacement)
        }
    }

    /// Gives up on a character that was begun.
    mutating func finish(to output: inout [UInt8]) {
        guard needed > 0 else { return }
        output.append(contentsOf: Self.replacement)
        pending.removeAll(keepingCapacity: true)
        needed = 0
    }

    private mutating func begin(_ byte: UInt8, _ following: Int) {
        pending.append(byte)
        needed = following
    }

    /// Whether a byte can follow the bytes so far in well-formed UTF-8 (Unicode table 3-7).
    private static func continues(_ pending: [UInt8], _ byte: UInt8) -> Bool {
        guard pending.count == 1 else { return byte & 0xC0 == 0x80 }
        return switch pending[0] {
        case 0xE0: (0xA0...0xBF).contains(byte)
        case 0xED: (0x80...0x9F).contains(byte)
        case 0xF0: (0x90...0xBF).contains(byte)
        case 0xF4: (0x80...0x8F).contains(byte)
        default: byte & 0xC0 == 0x80
        }
    }
}
