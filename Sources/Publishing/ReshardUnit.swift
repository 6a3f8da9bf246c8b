// Copies tensors into a shard of a release, each read once, looked at, digested on the way and written past the
// page cache.

import Architectures
import Checkpoints
import Diagnostics
import Quantisation

/// One shard of a release to be copied together.
package struct ReshardUnit: WorkUnit {
    let plan: ReshardPlan
    let shard: ReshardPlan.Shard
    let inventory: TensorInventory

    package var key: String { shard.name }
    package var sourceByteCount: Int { shard.pieces.reduce(0) { $0 + $1.record.dataRange.count } }

    package func sources() throws(Failure) -> [SourceFile] {
        Set(shard.pieces.map(\.shard)).sorted().map {
            SourceFile(path: plan.source.path(ofShard: $0), identity: plan.source.shards[$0].identity)
        }
    }

    package func files() throws(Failure) -> [PlannedFile] {
        [PlannedFile(name: shard.name, bytes: shard.fileBytes)]
    }

    /// Copies the shard and judges its data: a release is not sealed with a NaN or a lost expert.
    package func run(
        into place: UnitPlace, budget: ReshardBudget, progress: any ProgressSink
    ) throws(Failure) -> UnitProduct<DigestList> {
        let (sealed, scans) = try copy(place, budget.pipeline, progress)
        var audit = DataAudit(plan.source, inventory: inventory, recorded: [:])
        for scan in scans { audit.observe(scan) }
        try audit.findings.map(WeightCheck.raised).throwErrors()
        return UnitProduct(
            files: [ArtefactFile(name: shard.name, sealed: sealed)], detail: DigestList(scans.map(\.digest)))
    }

    private func copy(
        _ place: UnitPlace, _ budget: PipelineBudget, _ progress: any ProgressSink
    ) throws(Failure) -> (WriteBehind.Sealed, [TensorScan]) {
        var files: [Int: BulkReader] = [:]
        for piece in shard.pieces where files[piece.shard] == nil {
            let file = try BulkReader(path: plan.source.path(ofShard: piece.shard))
            if file.identity != plan.source.shards[piece.shard].identity { try changed(file) }
            files[piece.shard] = file
        }
        let writer = try place.writer(
            shard.name, length: shard.fileBytes, longest: budget.block, block: budget.block,
            depth: budget.depth)
        var requests: [ReadAhead.Request] = []
        for piece in shard.pieces {
            guard let file = files[piece.shard] else { continue }
            requests += Self.steps(piece.record.dataRange, budget.block).map {
                ReadAhead.Request(file: file, range: $0)
            }
        }
        let reader = ReadAhead(longest: budget.block, depth: budget.depth, requests: requests)
        do throws(Failure) {
            defer { reader.stop() }
            try writer.append(header: try shard.header().bytes, budget.block)
            var scans: [TensorScan] = []
            var scanner = TensorScanner()
            for piece in shard.pieces {
                for step in Self.steps(piece.record.dataRange, budget.block) {
                    try StopFlag.check()
                    try reader.next { bytes throws(Failure) in
                        try writer.append(bytes.count) { $0.copyMemory(from: bytes) }
                        scanner.update(bytes, piece.record)
                    }
                    progress.advance(bytes: step.count)
                }
                scans.append(scanner.finish(shard: piece.shard, piece.record))
            }
            for file in files.values { try file.checkUnchanged() }
            return (try writer.seal(), scans)
        } catch {
            writer.abandon()
            throw error
        }
    }

    private func changed(_ file: BulkReader) throws(Failure) {
        try file.checkUnchanged()
        throw Failure(
            Finding(
                .error, .chainBroken, "this shard changed after the plan was made", file: file.path,
                remedy: "let whatever writes it finish, then repeat with --resume"))
    }

    private static func steps(_ range: Range<Int>, _ block: Int) -> [Range<Int>] {
        stride(from: range.lowerBound, to: range.upperBound, by: block).map {
            $0..<min($0 + block, range.upperBound)
        }
    }
}

/// Memory of the shards in work.
package struct ReshardBudget: UnitBudget {
    let pipeline: PipelineBudget
    package let atOnce: Int

    init(jobs: Int) {
        pipeline = PipelineBudget(jobs: jobs)
        // Two ends of `depth` buffers each.
        let buffers = 2 * pipeline.depth * BulkReader.capacity(for: pipeline.block)
        atOnce = min(jobs, max(1, PipelineBudget.limit / buffers))
    }
}

extension WriteBehind {
    /// Appends the bytes of a header.
    fileprivate func append(header: [UInt8], _ longest: Int) throws(Failure) {
        let result: Result<Void, Failure> = header.withUnsafeBytes { bytes in
            do throws(Failure) { return .success(try append(bytes, longest: longest)) } catch {
                return .failure(error)
            }
        }
        try result.get()
    }
}
