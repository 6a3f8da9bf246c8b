// Keys of signatures: ECDSA on the curve P-256, read from PEM.

import Checkpoints
import Crypto
import Diagnostics
import Documents
import Foundation

/// A private key that signs releases.
package struct SigningKey: Sendable {
    private let key: P256.Signing.PrivateKey

    /// Reads a PEM file: PKCS 8 or SEC 1, without a password.
    package init(path: String) throws(Failure) {
        let text = String(decoding: try FileAccess.read(path, limit: 1 << 16), as: UTF8.self)
        do { key = try P256.Signing.PrivateKey(pemRepresentation: text) } catch {
            throw unusable(path, "a private key of the curve P-256 as PEM, without a password")
        }
    }

    /// SHA-256 of the PEM of the public key: how a bundle names it.
    package var hint: String { VerifyingKey.hint(key.publicKey) }

    /// An ECDSA signature with SHA-256, DER.
    func sign(_ bytes: [UInt8]) throws(Failure) -> [UInt8] {
        do { return Array(try key.signature(for: Data(bytes)).derRepresentation) } catch {
            throw Failure(
                Finding(
                    .error, .keyUnusable, "the key does not sign", expected: "a signature", cause: "\(error)")
            )
        }
    }
}

/// A public key that releases are verified with.
package struct VerifyingKey: Sendable {
    private let key: P256.Signing.PublicKey

    /// Reads a PEM file; a private key gives its public half.
    package init(path: String) throws(Failure) {
        let text = String(decoding: try FileAccess.read(path, limit: 1 << 16), as: UTF8.self)
        if let key = try? P256.Signing.PublicKey(pemRepresentation: text) {
            self.key = key
        } else if let key = try? P256.Signing.PrivateKey(pemRepresentation: text) {
            self.key = key.publicKey
        } else {
            throw unusable(path, "a public key of the curve P-256 as PEM")
        }
    }

    package var hint: String { Self.hint(key) }

    static func hint(_ key: P256.Signing.PublicKey) -> String {
        // As OpenSSL writes it: lines of 64 letters, a newline at the end.
        FileDigest.of(key.pemRepresentation.trimmingCharacters(in: .newlines) + "\n")
    }

    func verifies(_ signature: [UInt8], over bytes: [UInt8]) -> Bool {
        guard let signature = try? P256.Signing.ECDSASignature(derRepresentation: signature) else {
            return false
        }
        return key.isValidSignature(signature, for: Data(bytes))
    }
}

private func unusable(_ path: String, _ expected: String) -> Failure {
    Failure(
        Finding(
            .error, .keyUnusable, "this key cannot be used", file: path, expected: expected,
            found: "something else",
            remedy: "openssl ecparam -name prime256v1 -genkey -noout -out key.pem"))
}
