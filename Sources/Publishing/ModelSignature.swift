// An OpenSSF Model Signing signature: a Sigstore bundle with a DSSE envelope around an in-toto statement that
// lists the SHA-256 of every file.

import Checkpoints
import Crypto
import Diagnostics
import Documents
import Foundation

/// A signature over the files of a folder.
///
/// - Source: ossf/model-signing-spec v1.0; model-signing 1.1.1, whose bundles it reads and which reads its own.
/// - Checked by: SignatureTests, Tests/Judges/judge_release.py.
package struct ModelSignature: Sendable {
    package static let fileName = "model.sig"
    static let bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json"
    static let payloadType = "application/vnd.in-toto+json"
    static let statementType = "https://in-toto.io/Statement/v1"
    static let predicateType = "https://model_signing/signature/v1.0"
    /// Paths of git, which no signature covers; the signature itself is left out too.
    static let ignored = [fileName, ".git", ".gitattributes", ".github", ".gitignore"]

    /// The bytes that were signed.
    let payload: [UInt8]
    /// DER.
    let signature: [UInt8]
    /// SHA-256 of the PEM of the public key.
    let hint: String?

    // MARK: Making

    /// Signs digests.
    ///
    /// - Parameters:
    ///   - digests: SHA-256 by path, signature and git's files left out.
    package init(name: String, digests: [String: String], key: SigningKey) throws(Failure) {
        payload = Array(Self.statement(name: name, digests: digests).text().utf8)
        signature = try key.sign(Self.authenticated(payload))
        hint = key.hint
    }

    static func statement(name: String, digests: [String: String]) -> JSONValue {
        // Sorted by the bytes of the name, as the reference sorts paths of ASCII.
        let resources = digests.sorted { Array($0.key.utf8).lexicographicallyPrecedes(Array($1.key.utf8)) }
        return [
            "_type": .string(statementType),
            "subject": [
                ["name": .string(name), "digest": ["sha256": .string(root(resources.map(\.value)))]]
            ],
            "predicateType": .string(predicateType),
            "predicate": [
                "serialization": [
                    "method": "files", "hash_type": "sha256", "allow_symlinks": false,
                    "ignore_paths": .array(ignored.map(JSONValue.string)),
                ],
                "resources": .array(
                    resources.map {
                        ["name": .string($0.key), "algorithm": "sha256", "digest": .string($0.value)]
                    }),
            ],
        ]
    }

    /// SHA-256 over the digests one after the other, as bytes.
    static func root(_ digests: [String]) -> String {
        var hash = SHA256()
        for digest in digests { hash.update(data: bytes(hexadecimal: digest)) }
        return hash.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private static func bytes(hexadecimal text: String) -> [UInt8] {
        let digits = Array(text.utf8)
        return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
            UInt8(String(decoding: digits[$0...($0 + 1)], as: UTF8.self), radix: 16)
        }
    }

    /// DSSE's pre-authentication encoding.
    ///
    /// - Source: secure-systems-lab/dsse protocol.md v1.0.0.
    static func authenticated(_ payload: [UInt8]) -> [UInt8] {
        Array("DSSEv1 \(payloadType.utf8.count) \(payloadType) \(payload.count) ".utf8) + payload
    }

    package var text: String {
        let bundle: JSONValue = [
            "mediaType": .string(Self.bundleType),
            "verificationMaterial": [
                "publicKey": ["hint": .optional(hint)], "tlogEntries": [],
            ],
            "dsseEnvelope": [
                "payload": .string(Data(payload).base64EncodedString()),
                "payloadType": .string(Self.payloadType),
                "signatures": [["sig": .string(Data(signature).base64EncodedString()), "keyid": ""]],
            ],
        ]
        return bundle.text() + "\n"
    }

    // MARK: Reading

    /// Reads a bundle.
    package init(_ bytes: [UInt8], file: String) throws(Failure) {
        self = try readDocument(bytes, code: .signatureMalformed, file: file) {
            (value) throws(DocumentError) in try ModelSignature(value)
        }
    }

    private init(_ value: JSONValue) throws(DocumentError) {
        let reader = try StrictReader(value)
        let type = try reader.string("mediaType")
        guard type.hasPrefix("application/vnd.dev.sigstore.bundle") else {
            throw reader.mismatch("mediaType", Self.bundleType)
        }
        let material = try reader.object("verificationMaterial")
        guard material.has("publicKey") else {
            throw DocumentError(
                path: "verificationMaterial", what: "not signed with a key", expected: "publicKey",
                found: material.unread.joined(separator: ", "), remedy: "verify it with model_signing")
        }
        let key = try material.object("publicKey")
        hint = key.has("hint") ? try key.string("hint") : nil
        let envelope = try reader.object("dsseEnvelope")
        guard try envelope.string("payloadType") == Self.payloadType else {
            throw envelope.mismatch("payloadType", Self.payloadType)
        }
        payload = try Self.base64(envelope, "payload")
        let signatures = try envelope.objects("signatures")
        guard signatures.count == 1 else {
            throw DocumentError(
                path: "dsseEnvelope.signatures", what: "not one signature", expected: "1",
                found: "\(signatures.count)")
        }
        signature = try Self.base64(signatures[0], "sig")
    }

    private static func base64(_ reader: StrictReader, _ key: String) throws(DocumentError) -> [UInt8] {
        guard let data = Data(base64Encoded: try reader.string(key)) else {
            throw reader.mismatch(key, "base64")
        }
        return Array(data)
    }

    /// The files that were signed, by name; throws when the statement contradicts itself.
    package func resources() throws(Failure) -> [String: String] {
        try readDocument(payload, code: .signatureMalformed, file: Self.fileName) {
            (value) throws(DocumentError) in
            let reader = try StrictReader(value)
            guard try reader.string("predicateType") == Self.predicateType else {
                throw reader.mismatch("predicateType", Self.predicateType)
            }
            guard try reader.string("_type") == Self.statementType else {
                throw reader.mismatch("_type", Self.statementType)
            }
            let subjects = try reader.objects("subject")
            guard subjects.count == 1 else { throw reader.mismatch("subject", "one subject") }
            let predicate = try reader.object("predicate")
            let serialization = try predicate.object("serialization")
            guard try serialization.string("method") == "files" else {
                throw serialization.mismatch("method", "files; shards are verified by model_signing")
            }
            var files: [String: String] = [:]
            var digests: [String] = []
            for resource in try predicate.objects("resources") {
                guard try resource.string("algorithm") == "sha256" else {
                    throw resource.mismatch("algorithm", "sha256")
                }
                let digest = try resource.string("digest")
                guard isDigest(digest) else { throw resource.mismatch("digest", "64 hexadecimal digits") }
                let name = try resource.string("name")
                guard files[name] == nil else { throw resource.mismatch("name", "each file once") }
                files[name] = digest
                digests.append(digest)
            }
            let subject = try subjects[0].object("digest")
            guard try subject.string("sha256") == Self.root(digests) else {
                throw subject.mismatch("sha256", "\(Self.root(digests)), over the resources")
            }
            return files
        }
    }

    /// What the signed list of files says against the files that are there.
    ///
    /// - Parameter digests: SHA-256 of every file of the folder, by path.
    package func differences(from digests: [String: String]) throws(Failure) -> [Finding] {
        let signed = try resources()
        let changed = signed.sorted { $0.key < $1.key }.filter { digests[$0.key] != $0.value }
        let added = digests.keys.sorted().filter { signed[$0] == nil && !Self.ignored.contains($0) }
        return changed.map { name, digest in
            Finding(
                .error, .signedFilesDiffer, "a file is not what was signed", file: name,
                expected: "sha256 \(digest)", found: digests[name].map { "sha256 \($0)" } ?? "no such file",
                remedy: "copy the file again, or sign the release anew")
        }
            + added.map { name in
                Finding(
                    .error, .signedFilesDiffer, "a file that was not signed", file: name,
                    expected: "only signed files", found: "a file of its own", remedy: "remove it")
            }
    }

    /// Whether a key made this signature.
    package func isValid(for key: VerifyingKey) -> Bool {
        key.verifies(signature, over: Self.authenticated(payload))
    }
}
