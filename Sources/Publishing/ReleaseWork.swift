// Makes a release folder: shards first, then what travels unchanged, then records, card and rules, and last the
// index, the list of digests and the signature over it all. The folder takes its name when it is whole.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import Quantisation

/// A release as a plan of units: a shard each, then everything else.
package struct ReleaseWork: UnitPlan {
    package let plan: ReleasePlan

    package init(plan: ReleasePlan) { self.plan = plan }

    private var request: ReleaseRequest { plan.request }

    package var stage: String { "copying" }
    package var sourceFolder: String { request.checkpoint }
    package var units: [ReshardUnit] {
        plan.reshard.shards.map {
            ReshardUnit(plan: plan.reshard, shard: $0, inventory: plan.inventory)
        }
    }
    package var byteCount: Int { plan.byteCount }
    package var digest: String { plan.digest }
    package var sameness: String { "the same checkpoint, shard size and version of this program" }

    package func budget(for units: [ReshardUnit], jobs: Int) -> ReshardBudget { ReshardBudget(jobs: jobs) }

    package func isRecorded(in folder: String) -> Bool {
        guard let manifest = try? ReleaseManifest.read(folder) else { return false }
        return manifest.release == plan.digest
            && FileAccess.kind(joined(folder, ReleaseSums.fileName)) == .file
    }

    package func writeFront(
        _ units: [SealedUnit<DigestList>], into output: OutputFolder
    ) throws(Failure) {
        try chainFindings(units).throwErrors()
        var files = FilesWritten(folder: output.partial)
        let shards = units.flatMap(\.files)
        for shard in shards { files.note(shard.name, shard.sealed) }
        try write(shards, output, &files)
    }

    /// Every tensor of every unit against the record of the conversion that made it, whoever copied it.
    private func chainFindings(_ units: [SealedUnit<DigestList>]) -> [Finding] {
        var chain = TensorChain(plan.record)
        for (shard, unit) in zip(plan.reshard.shards, units) {
            for (piece, digest) in zip(shard.pieces, unit.detail.values) {
                chain.observe(piece.record.name, digest)
            }
        }
        return chain.findings()
    }

    private func write(
        _ shards: [ArtefactFile], _ output: OutputFolder, _ files: inout FilesWritten
    ) throws(Failure) {
        let folder = output.partial
        var recorded = shards
        for file in plan.carried {
            let sealed = try copyFile(file.path, to: joined(folder, file.name))
            files.note(file.name, sealed)
            recorded.append(ArtefactFile(name: file.name, sealed: sealed))
        }
        let card = CardBuilder(plan)
        for language in request.languages {
            for chart in card.charts(language) { try files.write(chart.svg, chart.path) }
        }
        try files.write(try card.text(), Release.cardName)
        if let results = evaluations { try files.write(results, EvaluationResults.folder + "/ingot.yaml") }
        if let record = plan.record {
            try files.write(record.pieces(files: recorded), QuantisationSummary.fileName)
        }
        try files.write(manifest.document.text() + "\n", ReleaseManifest.fileName)
        var hubs: [HubProfile] = []
        for hub in request.hubs { hubs.append(try HubProfile.read(hub)) }
        if request.hubs.contains(.modelScope) {
            let configuration: JSONValue = ["framework": "pytorch", "task": "text-generation"]
            try files.write(configuration.text() + "\n", "configuration.json")
        }
        try files.write(rules(hubs, files), GitAttributes.fileName)
        if request.writesBOM {
            let bill = BillOfMaterials(plan: plan, files: files.digests)
            try files.write(bill.document.text() + "\n", BillOfMaterials.fileName)
        }
        try files.write(config.text() + "\n", "config.json")
        if let index = plan.reshard.index() { try files.write(index.text, CheckpointIndex.fileName) }
        try files.write(ReleaseSums(files.digests).text, ReleaseSums.fileName)
        if let key = plan.key {
            let signed = files.digests.filter { !ModelSignature.ignored.contains($0.key) }
            let signature = try ModelSignature(name: lastComponent(output.path), digests: signed, key: key)
            try files.write(signature.text, ModelSignature.fileName)
        }
    }

    /// Text files that are larger than the hub takes as ordinary ones are stored as large ones.
    private func rules(_ hubs: [HubProfile], _ files: FilesWritten) -> String {
        let standard = GitAttributes(GitAttributes.text(hubs))
        let inline = hubs.map(\.inlineBytes).max() ?? Int.max
        // The index is not written yet; its size is known.
        var sizes = files.sizes
        sizes[CheckpointIndex.fileName] = plan.reshard.index()?.text.utf8.count
        let large = sizes.filter { $0.value > inline && !standard.isLarge($0.key) }.keys.sorted()
        return GitAttributes.text(hubs, large: large)
    }

    /// The checkpoint's config, without the trace of the disk it was trained on.
    private var config: JSONValue {
        var config = plan.configuration.document
        if case .string(let path)? = config["_name_or_path"], path.hasPrefix("/") {
            config["_name_or_path"] = nil
        }
        return .object(config)
    }

    private var manifest: ReleaseManifest {
        var sourceShards: [String: String] = [:]
        let known = plan.record?.files ?? earlierSums
        for shard in plan.judged.checkpoint.shards { sourceShards[shard.name] = known[shard.name] }
        return ReleaseManifest(
            tool: "ingot \(ingotVersion)", name: request.name, hubs: request.hubs, base: plan.base,
            source: lastComponent(request.checkpoint), sourceShards: sourceShards, plan: plan.record?.plan,
            shardBytes: request.shardBytes, release: plan.digest)
    }

    /// The digests that came with the checkpoint, where it was downloaded with a list of them.
    private var earlierSums: [String: String] {
        let path = joined(request.checkpoint, ReleaseSums.fileName)
        guard let bytes = try? FileAccess.read(path, limit: 1 << 26),
            let sums = try? ReleaseSums(parsing: String(decoding: bytes, as: UTF8.self))
        else { return [:] }
        return sums.digests
    }

    /// Accuracy under the benchmark that it was measured on, when one is named.
    private var evaluations: String? {
        guard let accuracy = plan.parity?.accuracy, let benchmark = request.benchmark else { return nil }
        let half = accuracy.release.halfWidth.map { " ± \(decimals($0 * 100, 2))" } ?? ""
        return EvaluationResults.text([
            EvaluationResults.Entry(
                dataset: benchmark.dataset, task: benchmark.task, value: accuracy.release.mean * 100,
                notes:
                    "accuracy in %\(half), \(accuracy.items) items, log-probability scoring by ingot verify; "
                    + "base model \(decimals(accuracy.base.mean * 100, 2))")
        ])
    }
}

/// The files written so far, with their digests.
struct FilesWritten {
    let folder: String
    private(set) var digests: [String: String] = [:]
    private(set) var sizes: [String: Int] = [:]

    init(folder: String) { self.folder = folder }

    mutating func note(_ name: String, _ sealed: WriteBehind.Sealed) {
        digests[name] = sealed.digest
        sizes[name] = sealed.bytes
    }

    mutating func write(_ text: String, _ name: String) throws(Failure) {
        try write([Array(text.utf8)], name)
    }

    mutating func write(_ pieces: [[UInt8]], _ name: String) throws(Failure) {
        let path = joined(folder, name)
        try FileAccess.createFolder(parentFolder(path))
        note(name, try FileAccess.writeSealed(data: pieces, to: path))
    }
}
