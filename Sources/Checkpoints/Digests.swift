// The two digests: XXH3-128 for a tensor (fast, for comparing and resuming, not for trust) and SHA-256 for
// a file (what hubs and signatures name).

import CXXHash
import Crypto

/// XXH3-128 over bytes that come in pieces.
package final class TensorDigest {
    private let state: OpaquePointer?

    package init() {
        state = XXH3_createState()
        XXH3_128bits_reset(state)
    }

    deinit { XXH3_freeState(state) }

    package func update(_ bytes: UnsafeRawBufferPointer) {
        if bytes.count > 0 { XXH3_128bits_update(state, bytes.baseAddress, bytes.count) }
    }

    /// The digest so far, and a fresh start.
    package func finish() -> Value {
        let hash = XXH3_128bits_digest(state)
        XXH3_128bits_reset(state)
        return Value(high: hash.high64, low: hash.low64)
    }
}

extension TensorDigest {
    /// An XXH3-128 value: sixteen bytes, since there are tens of thousands of them.
    package struct Value: Hashable, Sendable, CustomStringConvertible {
        package let high: UInt64
        package let low: UInt64

        package init(high: UInt64, low: UInt64) {
            self.high = high
            self.low = low
        }

        /// Reads 32 hexadecimal digits; nil when they are not that.
        package init?(_ text: String) {
            guard text.utf8.count == 32, let high = UInt64(text.prefix(16), radix: 16),
                let low = UInt64(text.suffix(16), radix: 16)
            else { return nil }
            self.init(high: high, low: low)
        }

        /// 32 hexadecimal digits in the canonical (big-endian) order of `xxhsum -H2`.
        package var description: String { hexadecimal(high) + hexadecimal(low) }

        private func hexadecimal(_ word: UInt64) -> String {
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
    }
}

/// SHA-256 over bytes that come in pieces.
package struct FileDigest {
    private var hasher = SHA256()

    package init() {}

    package mutating func update(_ bytes: UnsafeRawBufferPointer) { hasher.update(bufferPointer: bytes) }

    /// Takes a line of text, its end included.
    package mutating func update(line: String) {
        var line = line + "\n"
        line.withUTF8 { update(UnsafeRawBufferPointer($0)) }
    }

    /// 64 hexadecimal digits.
    package consuming func finish() -> String {
        hasher.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// The digest of bytes in memory.
    package static func of(_ bytes: [UInt8]) -> String {
        var digest = FileDigest()
        bytes.withUnsafeBytes { digest.update($0) }
        return digest.finish()
    }

    /// The digest of a text.
    package static func of(_ text: String) -> String {
        var digest = FileDigest()
        var text = text
        text.withUTF8 { digest.update(UnsafeRawBufferPointer($0)) }
        return digest.finish()
    }
}
