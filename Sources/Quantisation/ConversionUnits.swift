// A conversion as a plan of units: a shard each, then sidecars, record, config and index.

import Checkpoints
import Diagnostics
import Documents

/// A plan of conversion with the name of its record.
package struct ConversionWork: UnitPlan {
    let plan: ConversionPlan
    /// Name of the record written beside the shards.
    let recordName: String

    package var stage: String { plan.stage }
    package var sourceFolder: String { plan.source.folder }
    package var units: [ConversionUnit] {
        plan.shards.indices.map { ConversionUnit(plan: plan, shard: plan.shards[$0]) }
    }
    package var byteCount: Int { plan.byteCount }
    package var digest: String { plan.digest }
    package var sameness: String { "the same source, scheme, target and version of this program" }

    package func budget(for units: [ConversionUnit], jobs: Int) -> ConversionBudget {
        let pipeline = PipelineBudget(jobs: jobs)
        let longest = units.map { pipeline.bytes(of: $0.shard) }.max() ?? 1
        return ConversionBudget(pipeline: pipeline, atOnce: pipeline.jobs(jobs, longest: longest))
    }

    package func isRecorded(in folder: String) -> Bool {
        RecordHead.read(folder, name: recordName)?.plan == plan.digest
    }

    /// Record, config and index, in this order: the folder is not loadable before everything is in it.
    ///
    /// - Returns: the sidecars.
    package func writeFront(
        _ units: [SealedUnit<ConvertedTensors>], into output: OutputFolder
    ) throws(Failure) -> [ArtefactFile] {
        let folder = output.partial
        var sidecars: [ArtefactFile] = []
        for name in plan.sidecars {
            let sealed = try copyFile(joined(plan.source.folder, name), to: joined(folder, name))
            sidecars.append(ArtefactFile(name: name, sealed: sealed))
        }
        let result = ConversionResult(units, sidecars: sidecars, resumed: 0)
        try ConversionRecord.write(plan, result, to: joined(folder, recordName))
        _ = try FileAccess.writeSealed(
            JSONValue.object(plan.config).text() + "\n", to: joined(folder, "config.json"))
        if plan.needsIndex {
            _ = try FileAccess.writeSealed(try plan.index(), to: joined(folder, CheckpointIndex.fileName))
        }
        return sidecars
    }
}

/// Memory of the shards in work.
package struct ConversionBudget: UnitBudget {
    let pipeline: PipelineBudget
    package let atOnce: Int
}

/// One shard of a conversion.
package struct ConversionUnit: WorkUnit {
    let plan: ConversionPlan
    let shard: ShardConversion

    package var key: String { shard.name }
    package var sourceByteCount: Int { shard.sourceByteCount }

    package func sources() throws(Failure) -> [SourceFile] {
        // The scales of a weight may stand in another shard.
        plan.sources(of: shard).map {
            SourceFile(path: plan.source.path(ofShard: $0), identity: plan.source.shards[$0].identity)
        }
    }

    package func files() throws(Failure) -> [PlannedFile] {
        [PlannedFile(name: shard.name, bytes: shard.byteCount)]
    }

    package func run(
        into place: UnitPlace, budget: ConversionBudget, progress: any ProgressSink
    ) throws(Failure) -> UnitProduct<ConvertedTensors> {
        try ShardConverter(plan: plan, shard: shard, budget: budget.pipeline, progress: progress)
            .run(into: place)
    }
}

extension ConversionPlan {
    /// The source shards that an output shard is made of, its own first.
    fileprivate func sources(of shard: ShardConversion) -> [Int] {
        var others: Set<Int> = []
        for conversion in shard.conversions {
            if case .decode(let rule) = conversion.operation { others.insert(rule.scaleShard) }
        }
        others.remove(shard.sourceShard)
        return [shard.sourceShard] + others.sorted()
    }
}
