// Runs a conversion plan: shard by shard into the partial folder, then what stands around them, and last the name
// of the whole. Whatever kills it, the next run with --resume goes on from the last sealed shard and ends with
// the same bytes.

import Checkpoints
import Diagnostics
import Documents

/// What became of one shard.
package struct ConvertedShard: Sendable, Equatable {
    package let file: ArtefactFile
    package let tensors: [ConvertedTensor]
}

/// What a finished run has made.
package struct ConversionResult: Sendable {
    package let shards: [ConvertedShard]
    package let sidecars: [ArtefactFile]
    /// Shards that an earlier run had sealed.
    package let resumed: Int

    init(_ units: [SealedUnit<ConvertedTensors>], sidecars: [ArtefactFile], resumed: Int) {
        shards = units.flatMap { unit in
            unit.files.map { ConvertedShard(file: $0, tensors: unit.detail.tensors) }
        }
        self.sidecars = sidecars
        self.resumed = resumed
    }

    package init(_ result: UnitResult<ConvertedTensors, [ArtefactFile]>) {
        self.init(result.units, sidecars: result.front, resumed: result.resumed)
    }
}

/// The run of one plan.
package struct ConversionRun: Sendable {
    package let plan: ConversionPlan
    /// The plan as units.
    package let units: UnitRun<ConversionWork>

    /// - Parameters:
    ///   - jobs: shards converted at once.
    ///   - recordName: of the record written beside the shards.
    package init(
        plan: ConversionPlan, output: OutputFolder, jobs: Int, progress: any ProgressSink, recordName: String
    ) {
        self.plan = plan
        units = UnitRun(
            plan: ConversionWork(plan: plan, recordName: recordName), output: output, jobs: jobs,
            progress: progress)
    }

    /// What would stop the run later, from headers and the file system alone.
    package func check() -> [Finding] { units.check() }

    /// Does the work and seals the output.
    package func run() throws(Failure) -> ConversionResult { ConversionResult(try units.run()) }
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
