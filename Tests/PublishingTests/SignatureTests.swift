// Signatures: those of the reference implementation are read, ours hold exactly for what was signed.

import Checkpoints
import Diagnostics
import Documents
import Foundation
import Publishing
import TestSupport
import Testing

@Suite struct SignatureTests {
    private let vectors = Repository.path("Fixtures/vectors/signing")

    private func signature(_ change: (String) -> String = { $0 }) throws -> ModelSignature {
        let text = try String(contentsOfFile: vectors + "/model.sig", encoding: .utf8)
        return try ModelSignature(Array(change(text).utf8), file: "model.sig")
    }

    @Test func theReferencesSignatureHolds() throws {
        let key = try VerifyingKey(path: vectors + "/key.pub")
        let signature = try signature()
        #expect(signature.isValid(for: key))
        var expected: [String: String] = [:]
        for name in ["config.json", "weights.safetensors", "assets/chart.svg"] {
            expected[name] = try digestFile(vectors + "/model/" + name).digest
        }
        #expect(try signature.resources() == expected)
    }

    @Test func aChangedBundleIsRefused() throws {
        let key = try VerifyingKey(path: vectors + "/key.pub")
        let text = try String(contentsOfFile: vectors + "/model.sig", encoding: .utf8)
        let payload = try #require(text.firstMatch(of: #/"payload": ?"([^"]+)"/#)).1
        var bytes = try #require(Data(base64Encoded: String(payload)))
        for place in [bytes.count / 3, bytes.count / 2, bytes.count - 20] {
            bytes[place] ^= 1
            let changed = try signature { $0.replacing(String(payload), with: bytes.base64EncodedString()) }
            #expect(!changed.isValid(for: key))
            bytes[place] ^= 1
        }
        for wrong in [
            "{}", "[]", text.replacing("in-toto+json", with: "x"), text.replacing("publicKey", with: "x"),
        ] {
            let failure = #expect(throws: Failure.self) {
                try ModelSignature(Array(wrong.utf8), file: "model.sig")
            }
            #expect(failure?.findings.map(\.code.name) == ["PUB-089"])
        }
    }

    @Test func keysThatCannotBeUsed() throws {
        let folder = try TemporaryFolder()
        for (name, arguments) in [
            ("p384", ["ecparam", "-name", "secp384r1", "-genkey", "-noout"]),
            ("rsa", ["genpkey", "-algorithm", "RSA"]),
        ] {
            let run = try ProgramRun("/usr/bin/openssl", arguments + ["-out", folder.path(name)])
            #expect(run.exit == 0)
            #expect((try? SigningKey(path: folder.path(name))) == nil, "\(name)")
        }
    }

    @Test func aReleaseIsVerifiedFromBaseToSignature() throws {
        let folder = try TemporaryFolder()
        for name in ["key", "other"] {
            let made = try ProgramRun(
                "/usr/bin/openssl",
                ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", folder.path(name + ".pem")])
            #expect(made.exit == 0)
        }
        let output = folder.path("out")
        let base = try ReleaseFolders.base.get()
        let run = try ProgramRun(
            Repository.program("ingot"),
            ReleaseFolders.prepare(try ReleaseFolders.fp8.get(), output)
                + ["--sign", folder.path("key.pem"), "--bom", "--medical"]
                + (try ReleaseFolders.parity(try ReleaseFolders.fp8.get())))
        #expect(run.exit == 0, "\(run.errors)\(run.output)")
        func verify(_ more: String...) throws -> ProgramRun {
            try ProgramRun(Repository.program("ingot"), ["publish", "verify", output] + more)
        }
        let good = try verify("--key", folder.path("key.pem"), "--base", base)
        #expect(
            good.exit == 0 && good.output.contains("222 followed to the base"), "\(good.errors)\(good.output)"
        )
        #expect(try verify().output.contains("signed by whom was not checked"))
        let other = try verify("--key", folder.path("other.pem"))
        #expect(other.exit == 1 && other.errors.contains("PUB-090"), "\(other.errors)")

        try aSignatureContradictsFilesWithoutAKeyToo(try folder.copy(of: output, named: "edited"))
        let linked = try folder.copy(of: output, named: "linked")
        try FileManager.default.createSymbolicLink(
            atPath: linked + "/adapter_config.json", withDestinationPath: "/etc/hostname")
        let link = try ProgramRun(Repository.program("ingot"), ["publish", "verify", linked])
        #expect(link.exit == 1 && link.errors.contains("adapter_config.json"), "\(link.errors)")

        let changed = try folder.copy(of: base, named: "base")
        var tensors = try TensorFile(changed + "/model.safetensors")
        tensors["model.norm.weight"]?.floats[0] = 3
        try tensors.write(changed + "/model.safetensors")
        let wrongBase = try verify("--base", changed)
        #expect(wrongBase.exit == 1 && wrongBase.errors.contains("PUB-088"), "\(wrongBase.errors)")

        let bill = try JSONValue(
            parsing: Array(try Data(contentsOf: URL(fileURLWithPath: output + "/bom.cdx.json"))))
        guard case .object(let object) = bill else { return #expect(Bool(false)) }
        #expect(object["specVersion"] == "1.6")

        let shard = output + "/model.safetensors"
        var data = try Data(contentsOf: URL(fileURLWithPath: shard))
        data[data.count / 2] ^= 1
        try data.write(to: URL(fileURLWithPath: shard))
        let flipped = try verify("--key", folder.path("key.pem"))
        #expect(flipped.exit == 1)
        for code in ["PUB-084", "PUB-088", "PUB-091"] {
            #expect(flipped.errors.contains(code), "\(flipped.errors)")
        }
        try FileManager.default.removeItem(atPath: output + "/SHA256SUMS")
        #expect(try verify().errors.contains("PUB-083"))
    }

    /// A list of digests is made anew in a second; the signed one is not.
    private func aSignatureContradictsFilesWithoutAKeyToo(_ edited: String) throws {
        func publish(_ words: String...) throws -> ProgramRun {
            try ProgramRun(Repository.program("ingot"), ["publish"] + words)
        }
        let sums = try String(contentsOfFile: edited + "/SHA256SUMS", encoding: .utf8)
        let before = try digestFile(edited + "/LICENSE").digest
        try (String(contentsOfFile: edited + "/LICENSE", encoding: .utf8) + "\n").write(
            toFile: edited + "/LICENSE", atomically: true, encoding: .utf8)
        try sums.replacing(before, with: try digestFile(edited + "/LICENSE").digest).write(
            toFile: edited + "/SHA256SUMS", atomically: true, encoding: .utf8)
        for run in [try publish("verify", edited), try publish("check", edited)] {
            #expect(run.exit == 1 && run.errors.contains("PUB-091"), "\(run.errors)")
        }
        try FileManager.default.removeItem(atPath: edited + "/configuration.json")
        let fixed = try publish("check", edited, "--fix")
        #expect(fixed.output.contains("model.sig: removed"), "\(fixed.output)")
        #expect(!FileManager.default.fileExists(atPath: edited + "/model.sig"))
    }
}
