// What inspect, validate and publish look at: a checkpoint, the judgement of it, and the audit of its scales.

import Checkpoints
import Diagnostics
import Documents

/// A checkpoint judged from headers and, where it is quantised, from the values of its scales.
package struct JudgedCheckpoint {
    package let checkpoint: Checkpoint
    package let judgement: CheckpointJudgement
    /// Nil without FP8 scales.
    package let audit: ScaleAudit?

    /// Opens and judges a folder.
    package init(_ folder: String) throws(Failure) {
        checkpoint = try Checkpoint.open(folder)
        judgement = try CheckpointJudge(profiles: try ArchitectureProfile.all(.embedded)).judge(checkpoint)
        audit = try Self.audit(checkpoint, judgement)
    }

    /// Reads every scale, shard by shard, a few kilobytes at a time.
    private static func audit(_ checkpoint: Checkpoint, _ judgement: CheckpointJudgement) throws(Failure)
        -> ScaleAudit?
    {
        guard let match = judgement.match, match.quantised.layout.fp8 != nil else { return nil }
        var audit = ScaleAudit()
        var file: RangeReader?
        var shard = -1
        for (index, entry) in match.quantised.inventory.entries.enumerated() {
            guard let name = match.scale(at: index)?.name, let place = checkpoint.tensor(named: name) else {
                continue
            }
            if place.shard != shard || file == nil {
                shard = place.shard
                file = try RangeReader(path: checkpoint.path(ofShard: shard))
            }
            try file?.read(place.record.dataRange) { audit.observe($0, dtype: place.record.dtype, of: entry) }
        }
        for name in match.stored.values.sorted().map({ match.headers.tensors[$0].name }) {
            guard let place = checkpoint.tensor(named: name) else { continue }
            if place.shard != shard || file == nil {
                shard = place.shard
                file = try RangeReader(path: checkpoint.path(ofShard: shard))
            }
            try file?.read(place.record.dataRange) {
                audit.observe($0, dtype: place.record.dtype, named: name)
            }
        }
        return audit
    }
}
