// Makes a release folder: shards first, then what travels unchanged, then records, card and rules, and last the
// index, the list of digests and the signature over it all. The folder takes its name when it is whole.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import Quantisation

/// A finished release.
package struct ReleaseResult: Sendable {
    package let shards: Int
    /// Shards that an earlier run had sealed.
    package let resumed: Int
    package let bytes: Int
    package let files: Int
}

/// The run of one plan.
package struct ReleaseRun: Sendable {
    package let plan: ReleasePlan
    package let output: OutputFolder
    package let jobs: Int
    package let progress: any ProgressSink

    package init(plan: ReleasePlan, output: OutputFolder, jobs: Int, progress: any ProgressSink) {
        self.plan = plan
        self.output = output
        self.jobs = jobs
        self.progress = progress
    }

    private var request: ReleaseRequest { plan.request }
    private var folder: String { output.partial }

    /// What would stop the run later.
    package func check() -> [Finding] {
        output.check(input: request.checkpoint, bytes: plan.byteCount)
    }

    /// Does the work and seals the output.
    package func run() throws(Failure) -> ReleaseResult {
        releaseFreeMemory()
        let journal = try output.begin()
        do throws(Failure) {
            let (shards, resumed) = try ReshardRun(
                plan: plan.reshard, folder: folder, planDigest: plan.digest, jobs: jobs,
                inventory: plan.inventory, record: plan.record, progress: progress
            ).run(journal)
            var files = FilesWritten(folder: folder)
            for (shard, sealed) in zip(plan.reshard.shards, shards) { files.note(shard.name, sealed) }
            try write(shards, &files)
            try StopFlag.check()
            try output.seal()
            return ReleaseResult(
                shards: shards.count, resumed: resumed, bytes: files.bytes, files: files.digests.count + 1)
        } catch {
            if !journal.hasUnits { output.discard() }
            throw error
        }
    }

    private func write(_ shards: [WriteBehind.Sealed], _ files: inout FilesWritten) throws(Failure) {
        var recorded = zip(plan.reshard.shards, shards).map { (name: $0.name, sealed: $1) }
        for file in plan.carried {
            let sealed = try copyFile(file.path, to: joined(folder, file.name))
            files.note(file.name, sealed)
            recorded.append((file.name, sealed))
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

    var bytes: Int { sizes.values.reduce(0, +) }

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
