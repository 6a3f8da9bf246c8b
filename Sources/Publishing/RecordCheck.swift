// The records that travel with the weights: quantisation.json, release.json, evaluation results; and, where the
// data are read, what they show and whether every digest holds.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import Quantisation

/// The checks of records and data.
struct RecordCheck {
    let release: Release
    /// Whether every byte is read.
    let deep: Bool
    let progress: any ProgressSink

    func findings() throws(Failure) -> [Finding] {
        var findings = release.manifestFindings + evaluations()
        var record: QuantisationSummary?
        do throws(Failure) { record = try QuantisationSummary.read(release.folder) } catch {
            findings += error.findings
        }
        var digests: [String: String] = [:]
        if deep, let judged = release.judged {
            findings += try data(judged, record, &digests)
        }
        findings += sums(digests)
        if let plan = release.manifest?.plan, let record, record.plan != plan {
            findings.append(
                Finding(
                    .error, .chainBroken, "the two records speak of two conversions",
                    file: ReleaseManifest.fileName, field: "source.plan_sha256", expected: record.plan,
                    found: plan, remedy: "make the release anew from the artefact"))
        }
        return findings
    }

    /// One pass over all weights: numbers, digests of files, digests of tensors.
    private func data(
        _ judged: JudgedCheckpoint, _ record: QuantisationSummary?, _ digests: inout [String: String]
    ) throws(Failure) -> [Finding] {
        var audit = DataAudit(
            judged.checkpoint, inventory: judged.judgement.match?.quantised.inventory,
            recorded: record?.files ?? [:])
        var chain = TensorChain(record)
        var taken: [String: String] = [:]
        try judged.checkpoint.scan(progress: progress) { shard, digest in
            audit.observe(shard: shard, digest: digest)
            taken[judged.checkpoint.shards[shard].name] = digest
        } _: { scan in
            audit.observe(scan)
            chain.observe(scan.record.name, scan.digest)
        }
        digests = taken
        return audit.findings.map(WeightCheck.raised) + chain.findings()
    }

    private func sums(_ digests: [String: String]) -> [Finding] {
        guard let text = release.listing.text(ReleaseSums.fileName) else { return [] }
        let sums: ReleaseSums
        do throws(Failure) { sums = try ReleaseSums(parsing: text) } catch { return error.findings }
        var known = digests
        if !deep {
            // Without reading data, shards are taken at their word.
            for shard in release.judged?.checkpoint.shards ?? [] {
                known[shard.name] = sums.digests[shard.name]
            }
        }
        return sums.findings(release.listing, known: known) + signature(sums)
    }

    /// A signature against the list of digests, which is held to the files itself.
    private func signature(_ sums: ReleaseSums) -> [Finding] {
        let name = ModelSignature.fileName
        guard release.listing.has(name) else { return [] }
        do throws(Failure) {
            let bytes = try FileAccess.read(release.listing.path(of: name), limit: 1 << 28)
            var digests = sums.digests
            digests[ReleaseSums.fileName] =
                try digestFile(release.listing.path(of: ReleaseSums.fileName)).digest
            return try ModelSignature(bytes, file: name).differences(from: digests)
        } catch { return error.findings }
    }

    // MARK: Evaluation results

    private func evaluations() -> [Finding] {
        var findings: [Finding] = []
        for entry in release.listing.files
        where entry.path.hasPrefix(".eval_results/")
            && (entry.name.hasSuffix(".yaml") || entry.name.hasSuffix(".yml"))
        {
            guard let text = release.listing.text(entry.path) else { continue }
            if let fault = EvaluationResults.fault(in: text) {
                findings.append(
                    Finding(
                        .error, .evaluationMalformed, "the hub cannot read these results", file: entry.path,
                        expected: "a list of dataset.id, dataset.task_id and value", found: fault,
                        remedy: "see hub-docs docs/hub/eval-results.md"))
            }
        }
        return findings
    }
}

/// The tensors of a release against the record of the conversion that made them.
struct TensorChain {
    private let record: QuantisationSummary?
    private var seen = 0
    private var collector = FindingCollector()

    init(_ record: QuantisationSummary?) { self.record = record }

    /// A stored tensor: a weight, or the scales beside one.
    mutating func observe(_ name: String, _ digest: TensorDigest.Value) {
        guard let record else { return }
        if let tensor = record.tensors[name] {
            seen += 1
            expect(name, tensor.output, digest)
            return
        }
        if let scale = InventoryMatch.weight(ofScale: name).flatMap({ record.tensors[$0]?.scale }) {
            return expect(name, scale, digest)
        }
        // Scales of inputs and of the cache come from a calibration and not from the base: no chain leads to them.
        if CacheScaleNames.scale(named: name) != nil { return }
        if let weight = InventoryEntry.weight(ofInputScale: name), record.tensors[weight] != nil { return }
        collector.add(
            Finding(
                .error, .chainBroken, "a tensor that the record of the conversion does not know",
                file: QuantisationSummary.fileName, tensor: name, expected: "only recorded tensors",
                found: "no entry", remedy: "publish the record that belongs to these weights"))
    }

    private mutating func expect(_ name: String, _ expected: TensorDigest.Value, _ found: TensorDigest.Value)
    {
        guard expected != found else { return }
        collector.add(
            Finding(
                .error, .chainBroken, "a tensor is not what the conversion wrote",
                file: QuantisationSummary.fileName, tensor: name, expected: "xxh3 \(expected)",
                found: "xxh3 \(found)", remedy: "make the release anew from the artefact"))
    }

    func findings() -> [Finding] {
        guard let record, seen < record.tensors.count else { return collector.findings }
        return collector.findings + [
            Finding(
                .error, .chainBroken, "tensors that the conversion wrote are not here",
                file: QuantisationSummary.fileName, expected: "\(grouped(record.tensors.count)) tensors",
                found: "\(grouped(seen)) of them")
        ]
    }
}
