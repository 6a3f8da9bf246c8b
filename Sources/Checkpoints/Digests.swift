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

    /// 32 hexadecimal digits in the canonical (big-endian) order of `xxhsum -H2`, and a fresh start.
    package func finish() -> String {
        let hash = XXH3_128bits_digest(state)
        XXH3_128bits_reset(state)
        return hexadecimal(hash.high64) + hexadecimal(hash.low64)
    }

    private func hexadecimal(_ word: UInt64) -> String {
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// SHA-256 over bytes that come in pieces.
package struct FileDigest {
    private var hasher = SHA256()

    package init() {}

    package mutating func update(_ bytes: UnsafeRawBufferPointer) { hasher.update(bufferPointer: bytes) }

    /// 64 hexadecimal digits.
    package consuming func finish() -> String {
        hasher.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// The digest of a text.
    package static func of(_ text: String) -> String {
        var digest = FileDigest()
        var text = text
        text.withUTF8 { digest.update(UnsafeRawBufferPointer($0)) }
        return digest.finish()
    }
}
