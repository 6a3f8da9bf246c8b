// A release as a value: which bytes go where, what its card will be made of, everything checked before a byte
// is written.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import Quantisation

/// A checked plan of a release.
package struct ReleasePlan: Sendable {
    package let request: ReleaseRequest
    let judged: JudgedCheckpoint
    let configuration: BailingMoeV2Configuration
    let inventory: TensorInventory
    let record: QuantisationSummary?
    let reshard: ReshardPlan
    /// Files carried along byte for byte: name in the release, path on disk.
    let carried: [(name: String, path: String)]
    /// Files of the checkpoint that are not published.
    package let leftOut: [String]
    let base: BaseFiles
    let licence: String
    let parity: ParityFacts?
    let topology: TopologyFacts?
    let draft: DraftFacts?
    let targets: [Target]
    let templates: [CardLanguage: CardTemplate]
    let key: SigningKey?
    /// Warnings worth saying.
    package let notes: [Finding]
    /// SHA-256 of everything that decides the shards' bytes but the weights.
    package let digest: String

    package init(_ request: ReleaseRequest) throws(Failure) {
        self.request = request
        judged = try JudgedCheckpoint(request.checkpoint)
        let blocking = judged.judgement.findings.filter { $0.level == .error }
        try blocking.throwErrors()
        guard let configuration = judged.judgement.configuration, let match = judged.judgement.match else {
            throw Failure(judged.judgement.findings)
        }
        self.configuration = configuration
        inventory = match.quantised.inventory
        notes = judged.judgement.findings.filter { $0.level == .warning }
        record = try QuantisationSummary.read(request.checkpoint)
        try Self.checkShardSize(request, judged.checkpoint)
        reshard = try ReshardPlan(judged.checkpoint, inventory: inventory, limit: request.shardBytes)
        try Self.checkIndex(reshard)

        var base =
            try request.base.map { (path) throws(Failure) in try BaseFiles(folder: path) }
            ?? BaseFiles(model: nil, revision: nil, licence: nil, files: [:])
        base.model = request.baseModel
        base.revision = request.baseRevision
        guard isRepositoryName(request.baseModel) else {
            throw Failure(
                Finding(
                    .error, .releaseIncomplete, "the base model is no repository of a hub",
                    option: "--base-model \(request.baseModel)", expected: "OWNER/NAME",
                    found: request.baseModel))
        }
        try Self.checkWords(request)
        let (carried, leftOut) = try Self.sidecars(request, judged.checkpoint, base)
        self.carried = carried
        self.leftOut = leftOut
        if request.base == nil {
            // Without a base at hand, the checkpoint's own files are the base's as far as anyone knows.
            for file in carried where BaseFiles.travels(file.name) {
                base.files[file.name] = try digestFile(file.path).digest
            }
        }
        guard let licence = request.licence ?? base.licence else {
            throw Failure(
                Finding(
                    .error, .releaseIncomplete, "nothing says under which licence the model stands",
                    option: "--license", expected: "an identifier, or --base with a card that names one",
                    found: "neither", remedy: "--license with the base model's licence"))
        }
        self.licence = licence
        base.licence = base.licence ?? licence
        self.base = base
        guard carried.contains(where: { BaseFiles.isLicence($0.name) && $0.name != "NOTICE" }) else {
            throw Failure(
                Finding(
                    .error, .releaseIncomplete, "neither the checkpoint nor its base has a licence text",
                    option: "--license-file", expected: "a file LICENSE", found: "none",
                    remedy: "--license-file with the text of \(licence)"))
        }
        parity = try request.parity.map { (path) throws(Failure) in try ParityFacts(path: path) }
        topology = try request.topology.map { (path) throws(Failure) in try TopologyFacts(path: path) }
        draft = try request.draft.map { (path) throws(Failure) in try DraftFacts(path: path) }
        var targets: [Target] = []
        for name in request.targets.isEmpty ? try CardProfile.read().serveTargets : request.targets {
            targets.append(try Target(name, .embedded))
        }
        self.targets = targets
        templates = try Self.templates(request)
        key = try request.key.map { (path) throws(Failure) in try SigningKey(path: path) }
        var text = "publish 1\n\(request.shardBytes)\n"
        for shard in reshard.shards {
            text += shard.name + "\n"
            for piece in shard.pieces {
                text += "\(piece.record.name) \(piece.shard) \(piece.record.dataRange)\n"
            }
        }
        digest = FileDigest.of(text)
    }

    /// Words that stand in commands and headings of the card.
    private static func checkWords(_ request: ReleaseRequest) throws(Failure) {
        if let repository = request.repository, !isRepositoryName(repository) {
            throw Failure(
                Finding(
                    .error, .releaseIncomplete, "no repository of a hub can have this name",
                    option: "--repository \(repository)", expected: "OWNER/NAME", found: repository))
        }
        if let title = request.title, title.isEmpty || title.contains(where: \.isNewline) {
            throw Failure(
                Finding(
                    .error, .releaseIncomplete, "the heading of a card is one line", option: "--title",
                    expected: "a line of text", found: title.isEmpty ? "nothing" : "several lines"))
        }
    }

    private static func checkShardSize(_ request: ReleaseRequest, _ checkpoint: Checkpoint) throws(Failure) {
        let largest = checkpoint.shards.flatMap(\.header.tensors).map(\.dataRange.count).max() ?? 0
        for hub in request.hubs {
            let profile = try HubProfile.read(hub)
            let size = max(request.shardBytes, largest)
            guard size > profile.fileBytes || request.shardBytes < 1 << 20 else { continue }
            throw Failure(
                Finding(
                    .error, .shardSizeImpossible, "shards of this size cannot be published",
                    option: "--shard-size",
                    expected:
                        "from 1 MiB to \(Diagnostics.byteCount(profile.fileBytes)), for \(profile.title)",
                    found: request.shardBytes < 1 << 20
                        ? "\(grouped(request.shardBytes)) bytes" : Diagnostics.byteCount(size)))
        }
    }

    private static func checkIndex(_ plan: ReshardPlan) throws(Failure) {
        guard let size = plan.index()?.text.utf8.count, size > CheckpointIndex.hubLimit else { return }
        throw Failure(
            Finding(
                .error, .shardSizeImpossible, "the index would be larger than huggingface_hub loads",
                option: "--shard-size", expected: "at most \(grouped(CheckpointIndex.hubLimit)) bytes",
                found: "\(grouped(size)) bytes"))
    }

    // MARK: Sidecars

    private static func sidecars(
        _ request: ReleaseRequest, _ checkpoint: Checkpoint, _ base: BaseFiles
    ) throws(Failure) -> (carried: [(name: String, path: String)], leftOut: [String]) {
        /// Written anew, or of no use to others.
        let own = [
            "config.json", Release.cardName, ReleaseManifest.fileName, ReleaseSums.fileName,
            "configuration.json",
        ]
        var carried: [(name: String, path: String)] = []
        var leftOut: [String] = []
        var differing: [Finding] = []
        for name in checkpoint.sidecars where !own.contains(name) && name != QuantisationSummary.fileName {
            let path = checkpoint.path(of: name)
            guard
                BaseFiles.travels(name) || name == "generation_config.json" || request.include.contains(name)
            else {
                leftOut.append(name)
                continue
            }
            if request.licenceFile != nil, BaseFiles.isLicence(name), name != "NOTICE" { continue }
            carried.append((name, path))
            guard request.base != nil, BaseFiles.travels(name), let expected = base.files[name] else {
                continue
            }
            let found = try digestFile(path).digest
            if found != expected {
                differing.append(
                    Finding(
                        .error, .baseDiffers, "a file that must be the base model's is not", file: name,
                        expected: "sha256 \(expected)", found: "sha256 \(found)",
                        remedy: "copy it from the base model into the checkpoint"))
            }
        }
        try differing.throwErrors()
        if let folder = request.base {
            for name in base.files.keys.sorted() where !carried.contains(where: { $0.name == name }) {
                if request.licenceFile != nil, BaseFiles.isLicence(name) { continue }
                carried.append((name, joined(folder, name)))
            }
        }
        if let file = request.licenceFile { carried.append(("LICENSE", file)) }
        for name in request.include where !carried.contains(where: { $0.name == name }) {
            throw Failure(
                Finding(
                    .error, .releaseIncomplete, "a file to include is not in the checkpoint",
                    option: "--include \(name)",
                    expected: "one of " + abridged(checkpoint.sidecars, limit: 8),
                    found: name))
        }
        return (carried.sorted { $0.name < $1.name }, leftOut)
    }

    private static func templates(_ request: ReleaseRequest) throws(Failure) -> [CardLanguage: CardTemplate] {
        var templates: [CardLanguage: CardTemplate] = [:]
        for language in request.languages {
            if let path = request.template, request.languages.count == 1 {
                let bytes = try FileAccess.read(path, limit: 1 << 20)
                templates[language] = try CardTemplate(String(decoding: bytes, as: UTF8.self), file: path)
            } else if let folder = request.template {
                let path = joined(folder, "\(language.rawValue).md")
                let bytes = try FileAccess.read(path, limit: 1 << 20)
                templates[language] = try CardTemplate(String(decoding: bytes, as: UTF8.self), file: path)
            } else {
                let path = "Profiles/cards/\(language.rawValue).md"
                let bytes = EmbeddedFiles.bytes(path) ?? []
                templates[language] = try CardTemplate(String(decoding: bytes, as: UTF8.self), file: path)
            }
        }
        return templates
    }

    /// How the weights are stored, in words.
    var layoutTitle: String {
        guard let layout = configuration.quantisation.fp8 else { return configuration.dtype.rawValue }
        return "FP8 E4M3, \(layout.title)"
    }

    var scheme: SchemeDescription? {
        judged.judgement.match.flatMap { SchemeDescription($0.quantised, scales: judged.audit?.kind) }
    }

    /// Bytes of everything the release will hold, about.
    package var byteCount: Int {
        reshard.bytes
            + carried.reduce(1 << 22) { $0 + ((try? FileAccess.identity($1.path).size) ?? 0) }
    }

}
