// Runs a conversion plan: shard by shard into the partial folder, each sealed and noted in the journal, then
// sidecars, record, config and index, and last the name of the whole. Whatever kills it, the next run with
// --resume goes on from the last sealed shard and ends with the same bytes.

import Checkpoints
import Diagnostics
import Dispatch
import Documents
import Synchronization

/// A file of the finished artefact.
package struct ArtefactFile: Sendable, Equatable {
    package let name: String
    package let sealed: WriteBehind.Sealed
}

/// What a finished run has made.
package struct ConversionResult: Sendable {
    package let shards: [ConvertedShard]
    package let sidecars: [ArtefactFile]
    /// Shards that an earlier run had sealed.
    package let resumed: Int
}

/// The run of one plan.
package struct ConversionRun: Sendable {
    package let plan: ConversionPlan
    package let output: OutputFolder
    /// Shards converted at once.
    package let jobs: Int
    package let progress: any ProgressSink
    /// Name of the record written beside the shards.
    package let recordName: String

    package init(
        plan: ConversionPlan, output: OutputFolder, jobs: Int, progress: any ProgressSink, recordName: String
    ) {
        self.plan = plan
        self.output = output
        self.jobs = jobs
        self.progress = progress
        self.recordName = recordName
    }

    /// What would stop the run later, from headers and the file system alone.
    package func check() -> [Finding] {
        output.check(input: plan.source.folder, bytes: plan.byteCount)
    }

    /// Does the work and seals the output.
    package func run() throws(Failure) -> ConversionResult {
        // What opening and planning took and gave back goes before buffers are allocated.
        releaseFreeMemory()
        let journal = try output.begin()
        progress.begin(stage: plan.stage, totalBytes: plan.sourceByteCount)
        defer { progress.end() }
        let known = try resume(journal)
        do throws(Failure) {
            let shards = try convert(known, journal)
            let sidecars = try carrySidecars()
            let result = ConversionResult(shards: shards, sidecars: sidecars, resumed: known.count)
            try StopFlag.check()
            try writeFront(result)
            try output.seal()
            return result
        } catch {
            // Nothing to go on from: leave nothing behind that the next run would have to be told about.
            if !journal.hasUnits { output.discard() }
            throw error
        }
    }

    // MARK: Resume

    /// Shards that an earlier run of the same plan sealed and that are still what the journal says.
    private func resume(_ journal: Journal) throws(Failure) -> [Int: ConvertedShard] {
        let entries = try journal.units(
            ofPlan: plan.digest, sameness: "the same source, scheme, target and version of this program")
        var known: [Int: ConvertedShard] = [:]
        for entry in entries {
            guard let unit = try? JournalUnit(document: entry),
                let index = plan.shards.firstIndex(where: { $0.name == unit.shard.name }),
                unit.sourceIdentity == identityText(index), isWhole(unit.shard, index)
            else { continue }
            known[index] = unit.shard
        }
        return known
    }

    private func isWhole(_ shard: ConvertedShard, _ index: Int) -> Bool {
        let path = joined(output.partial, shard.name)
        guard shard.sealed.bytes == plan.shards[index].byteCount,
            let sealed = try? digestFile(path)
        else { return false }
        progress.advance(bytes: plan.shards[index].sourceByteCount)
        return sealed == shard.sealed
    }

    /// The source as the file system knows it: a shard that was replaced is converted again.
    private func identityText(_ index: Int) -> String {
        plan.source.shards[plan.shards[index].sourceShard].identity.text
    }

    // MARK: Shards

    private func convert(_ known: [Int: ConvertedShard], _ journal: Journal) throws(Failure)
        -> [ConvertedShard]
    {
        let pending = plan.shards.indices.filter { known[$0] == nil }
        let budget = PipelineBudget(jobs: jobs)
        let atOnce = budget.jobs(jobs, longest: pending.map { budget.bytes(of: plan.shards[$0]) }.max() ?? 1)
        let made = try sideBySide(pending, atOnce: atOnce) { (index) throws(Failure) in
            let shard = try ShardConverter(
                plan: plan, shard: plan.shards[index], budget: budget, progress: progress
            ).run(into: output.partial)
            try journal.append(
                unit: JournalUnit(shard: shard, sourceIdentity: identityText(index)).document)
            return shard
        }
        let done = known.merging(zip(pending, made)) { $1 }
        return plan.shards.indices.compactMap { done[$0] }
    }

    // MARK: What stands around the shards

    private func carrySidecars() throws(Failure) -> [ArtefactFile] {
        var files: [ArtefactFile] = []
        for name in plan.sidecars {
            let sealed = try copyFile(joined(plan.source.folder, name), to: joined(output.partial, name))
            files.append(ArtefactFile(name: name, sealed: sealed))
        }
        return files
    }

    /// Record, config and index, in this order: the folder is not loadable before everything is in it.
    private func writeFront(_ result: ConversionResult) throws(Failure) {
        try ConversionRecord.write(plan, result, to: joined(output.partial, recordName))
        _ = try FileAccess.writeSealed(
            JSONValue.object(plan.config).text() + "\n", to: joined(output.partial, "config.json"))
        if plan.needsIndex {
            _ = try FileAccess.writeSealed(
                try plan.index(), to: joined(output.partial, CheckpointIndex.fileName))
        }
    }
}

extension ConversionPlan {
    /// A single shard under the standard name needs no index.
    package var needsIndex: Bool { shards.count != 1 || shards[0].name != "model.safetensors" }

    /// The text of the new index.
    package func index() throws(Failure) -> String {
        // One header at a time: those of all shards at once would be the peak of the run's memory.
        var entries: [CheckpointIndex.Entry] = []
        var size = 0
        var parameters = 0
        for (place, shard) in shards.enumerated() {
            for record in try shard.layout().header.tensors {
                entries.append(CheckpointIndex.Entry(tensor: record.name, shard: place))
                size += record.dataRange.count
                parameters += record.shape.elementCount ?? 0
            }
        }
        return CheckpointIndex(
            shards: shards.map(\.name), entries: entries, totalSize: size, totalParameters: parameters
        ).text
    }
}
