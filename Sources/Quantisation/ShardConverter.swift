// Converts one shard: a reading thread fills buffers ahead, this thread encodes, decodes or copies from one
// buffer into another, a writing thread digests and writes behind. The whole shard is never in memory, every
// byte is read once, and every weight is looked at: a NaN or an infinity stops the run with its coordinate.

import Architectures
import CKernels
import Checkpoints
import Diagnostics
import Tensors

/// What became of one tensor.
package struct ConvertedTensor: Sendable, Equatable {
    package let name: String
    /// XXH3-128 of the source tensor's bytes.
    package let sourceDigest: TensorDigest.Value
    /// XXH3-128 of the output tensor's bytes, or of its codes.
    package let digest: TensorDigest.Value
    /// XXH3-128 of the scales; nil for a tensor that was not quantised.
    package let scaleDigest: TensorDigest.Value?
    /// Nil for a tensor that was not quantised.
    package let statistics: EncodeStatistics?
}

/// Memory of one conversion, in bytes.
package struct PipelineBudget: Sendable {
    /// Bytes of one read; a block row that is longer is read whole.
    package let block: Int
    /// Buffers at each end.
    package let depth: Int

    /// Jobs share a fixed amount of memory, so more of them get smaller blocks; below two MiB a block costs time,
    /// below one it is not worth a job.
    ///
    /// - Source: measured; see docs/decisions/0003-streaming-pipeline.md.
    package init(jobs: Int) {
        // Whole transfer units: a block that ends inside an element would split it.
        block = alignedDown(max(1 << 20, (2 << 20) / max(1, jobs)))
        depth = 3
    }

    /// What the buffers of all shards in work may hold together, in bytes; the rest of 64 MiB is for
    /// headers, the plan and the program.
    package static let limit = 28 << 20

    /// Bytes of all buffers that the conversion of a shard holds.
    func bytes(of shard: ShardConversion) -> Int {
        let longest = shard.longestStep(budget: block)
        return depth * (BulkReader.capacity(for: longest.read) + max(longest.write, block))
    }

    /// How many of the shards asked for at once fit the limit; one always does.
    func jobs(_ wanted: Int, longest: Int) -> Int { max(1, min(wanted, Self.limit / max(1, longest))) }
}

/// The conversion of one shard in progress.
struct ShardConverter {
    let plan: ConversionPlan
    let shard: ShardConversion
    let budget: PipelineBudget
    let progress: any ProgressSink

    private let level = ingot_simd_best()

    init(plan: ConversionPlan, shard: ShardConversion, budget: PipelineBudget, progress: any ProgressSink) {
        self.plan = plan
        self.shard = shard
        self.budget = budget
        self.progress = progress
    }

    /// Reads, converts and seals the shard.
    func run(into place: UnitPlace) throws(Failure) -> UnitProduct<ConvertedTensors> {
        let layout = try shard.layout()
        let steps = ConversionSteps(shard: shard, stretches: layout.stretches, budget: budget.block)
        let longest = shard.longestStep(budget: budget.block)
        let file = try BulkReader(path: plan.source.path(ofShard: shard.sourceShard))
        guard file.identity == plan.source.shards[shard.sourceShard].identity else {
            try file.checkUnchanged()
            throw Failure(
                Finding(
                    .error, .changedWhileRead, "this shard changed after the plan was made", file: file.path,
                    remedy: "let whatever writes it finish, then repeat with --resume"))
        }
        let writer = try place.writer(
            shard.name, length: shard.byteCount,
            longest: max(longest.write, budget.block), block: budget.block, depth: budget.depth)
        let reader = ReadAhead(
            longest: longest.read, depth: budget.depth,
            requests: steps.lazy.filter { !$0.range.isEmpty }.map {
                ReadAhead.Request(file: file, range: $0.range)
            })
        do throws(Failure) {
            defer { reader.stop() }
            var worker = ConversionWorker(
                converter: self, layout: layout, reader: reader, writer: writer, level: level)
            let tensors = try worker.run(steps)
            try file.checkUnchanged()
            return UnitProduct(
                files: [ArtefactFile(name: shard.name, sealed: try writer.seal())],
                detail: ConvertedTensors(tensors))
        } catch {
            writer.abandon()
            throw error
        }
    }
}
