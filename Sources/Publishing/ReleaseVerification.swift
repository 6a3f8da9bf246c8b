// ingot publish verify: is this folder still what was released, by whom, and does it descend from that base?
// Every file is read once; digests, signature and the chain of tensors are judged from the same pass.

import Architectures
import Checkpoints
import Diagnostics
import Documents

/// What a verification found.
package struct VerifiedRelease: Sendable {
    package let folder: String
    package let findings: [Finding]
    package let files: Int
    /// Nil without a signature or a key.
    package let signer: String?
    /// Whether there is a signature.
    package let isSigned: Bool
    package let tensors: Int
    /// Tensors followed back to the base.
    package let followed: Int

    package var passes: Bool { !findings.contains { $0.level == .error } }

    package var text: String {
        guard passes else { return "not verified: \(grouped(findings.count { $0.level == .error })) errors" }
        var parts = ["\(grouped(files)) files as listed"]
        if let signer {
            parts.append("signed by the key \(signer.prefix(16))…")
        } else if isSigned {
            parts.append("signed by whom was not checked: give --key")
        }
        if tensors > 0 { parts.append("\(grouped(tensors)) tensors as converted") }
        if followed > 0 { parts.append("\(grouped(followed)) followed to the base") }
        return "verified: " + parts.joined(separator: ", ")
    }

    package var document: JSONValue {
        [
            "folder": .string(folder), "verified": .bool(passes), "files": .integer(files),
            "signer": .optional(signer), "tensors": .integer(tensors), "followed": .integer(followed),
            "findings": .array(findings.map(\.document)),
        ]
    }
}

/// Verifies a release folder.
///
/// - Checked by: SignatureTests.
package struct ReleaseVerification {
    package var key: String?
    /// The base model, to follow every tensor to it.
    package var base: String?
    package var progress: any ProgressSink

    package init(key: String?, base: String?, progress: any ProgressSink) {
        self.key = key
        self.base = base
        self.progress = progress
    }

    package func run(_ folder: String) throws(Failure) -> VerifiedRelease {
        let listing = try ReleaseListing(folder)
        var collector = FindingCollector()
        guard let text = listing.text(ReleaseSums.fileName) else {
            throw Failure(
                Finding(
                    .error, .sumsMalformed, "the folder has no list of digests", file: ReleaseSums.fileName,
                    expected: "a folder of ingot publish prepare", found: "no such file",
                    remedy: "ingot publish check judges folders without one"))
        }
        let record = try QuantisationSummary.read(folder)
        let (digests, tensors) = try read(folder, listing, record, &collector)
        collector.add(try ReleaseSums(parsing: text).findings(listing, known: digests))
        collector.add(strangers(listing))
        let signer = try signature(listing, digests, &collector)
        var followed = 0
        if let base {
            followed = try follow(base, record, &collector)
            if let configuration = (try? JudgedCheckpoint(folder))?.judgement.configuration {
                collector.add(
                    try BaseConfigurationCheck(configuration: configuration, base: base).findings())
            }
        }
        return VerifiedRelease(
            folder: folder, findings: collector.findings, files: digests.count, signer: signer,
            isSigned: listing.has(ModelSignature.fileName), tensors: record == nil ? 0 : tensors,
            followed: followed)
    }

    /// Reads every file: shards through their tensors, all others whole.
    private func read(
        _ folder: String, _ listing: ReleaseListing, _ record: QuantisationSummary?,
        _ collector: inout FindingCollector
    ) throws(Failure) -> (digests: [String: String], tensors: Int) {
        var digests: [String: String] = [:]
        var chain = TensorChain(record)
        var tensors = 0
        do throws(Failure) {
            let checkpoint = try Checkpoint.open(folder)
            try checkpoint.scan(progress: progress) { shard, digest in
                digests[checkpoint.shards[shard].name] = digest
            } _: { scan in
                tensors += 1
                chain.observe(scan.record.name, scan.digest)
            }
            collector.add(chain.findings())
        } catch {
            // Damaged shards are still files with digests.
            collector.add(error.findings)
        }
        for entry in listing.files where digests[entry.path] == nil {
            try StopFlag.check(isWriting: false)
            digests[entry.path] = try digestFile(listing.path(of: entry.path)).digest
        }
        return (digests, tensors)
    }

    /// What is neither a file nor a folder: no list of digests can speak of it.
    private func strangers(_ listing: ReleaseListing) -> [Finding] {
        listing.entries.filter { $0.kind != .file && $0.kind != .folder }.map { entry in
            Finding(
                .error, .sumsIncomplete, "an entry that the list of digests cannot name", file: entry.path,
                expected: "files and folders",
                found: entry.kind == .symbolicLink ? "a link" : "no regular file",
                remedy: "remove it")
        }
    }

    // MARK: Signature

    private func signature(
        _ listing: ReleaseListing, _ digests: [String: String], _ collector: inout FindingCollector
    ) throws(Failure) -> String? {
        let verifying = try key.map { (path) throws(Failure) in try VerifyingKey(path: path) }
        guard listing.has(ModelSignature.fileName) else {
            guard verifying != nil else { return nil }
            collector.add(
                Finding(
                    .error, .signatureMalformed, "a key is given and the folder has no signature",
                    file: ModelSignature.fileName, expected: "a signature", found: "no such file",
                    remedy: "ingot publish prepare --sign"))
            return nil
        }
        let bytes = try FileAccess.read(listing.path(of: ModelSignature.fileName), limit: 1 << 28)
        let signature = try ModelSignature(bytes, file: ModelSignature.fileName)
        // What it says of the files needs no key; that nobody else says so does.
        collector.add(try signature.differences(from: digests))
        guard let verifying else { return nil }
        guard signature.isValid(for: verifying) else {
            let isOther = signature.hint != nil && signature.hint != verifying.hint
            collector.add(
                Finding(
                    .error, .signatureWrong,
                    isOther ? "the folder was signed with another key" : "the signature does not hold",
                    file: ModelSignature.fileName, expected: "key \(verifying.hint)",
                    found: isOther ? "key \(signature.hint ?? "")" : "a signature over other bytes",
                    remedy: "ask the publisher for the key, or copy the release again"))
            return nil
        }
        return verifying.hint
    }

    // MARK: Chain

    /// Reads the base's weights and follows each tensor of the record to them.
    private func follow(
        _ base: String, _ record: QuantisationSummary?, _ collector: inout FindingCollector
    ) throws(Failure) -> Int {
        guard let record else {
            collector.add(
                Finding(
                    .error, .chainBroken, "no record leads from these weights to a base",
                    file: QuantisationSummary.fileName, expected: "the record of a conversion",
                    found: "no such file"))
            return 0
        }
        let checkpoint = try Checkpoint.open(base)
        var followed = 0
        var wrong: [Finding] = []
        try checkpoint.scan(progress: progress) { _, _ in
        } _: { scan in
            guard let tensor = record.tensors[scan.record.name] else { return }
            followed += 1
            guard tensor.source != scan.digest else { return }
            wrong.append(
                Finding(
                    .error, .chainBroken, "a tensor was not made from this base", tensor: scan.record.name,
                    expected: "xxh3 \(tensor.source)", found: "xxh3 \(scan.digest)",
                    remedy: "give the base at the revision that release.json names"))
        }
        collector.add(wrong)
        if followed < record.tensors.count {
            collector.add(
                Finding(
                    .error, .chainBroken, "the base lacks tensors that the release was made from",
                    file: base, expected: "\(grouped(record.tensors.count)) tensors",
                    found: "\(grouped(followed)) of them"))
        }
        return followed
    }
}
