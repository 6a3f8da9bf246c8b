// Copies tensors into the shards of a release, each read once, looked at, digested on the way and written past
// the page cache. A run that was killed goes on after its last sealed shard.

import Architectures
import Checkpoints
import Diagnostics
import Dispatch
import Documents
import Quantisation
import Synchronization

/// The copying of one plan.
struct ReshardRun {
    let plan: ReshardPlan
    let folder: String
    let planDigest: String
    let jobs: Int
    let inventory: TensorInventory
    let record: QuantisationSummary?
    let progress: any ProgressSink

    /// Copies what an earlier run has not sealed.
    ///
    /// - Returns: the sealed shards in their order, and how many an earlier run had sealed.
    func run(_ journal: Journal) throws(Failure) -> (sealed: [WriteBehind.Sealed], resumed: Int) {
        progress.begin(stage: "copying", totalBytes: plan.source.dataBytes)
        defer { progress.end() }
        let known = try resume(journal)
        let chain = Mutex(TensorChain(record))
        for index in known.keys {
            chain.withLock { for piece in plan.shards[index].pieces { $0.pass(piece.record.name) } }
        }
        let pending = plan.shards.indices.filter { known[$0] == nil }
        let budget = PipelineBudget(jobs: jobs)
        // Two ends of `depth` buffers each.
        let fits = max(1, PipelineBudget.limit / (2 * budget.depth * BulkReader.capacity(for: budget.block)))
        let made = try sideBySide(pending, atOnce: min(jobs, fits)) { (index) throws(Failure) in
            let (sealed, scans) = try copy(plan.shards[index], budget)
            try judge(scans, chain)
            try journal.append(unit: unit(index, sealed))
            return sealed
        }
        try chain.withLock { $0.findings() }.throwErrors()
        let done = known.merging(zip(pending, made)) { $1 }
        return (plan.shards.indices.compactMap { done[$0] }, known.count)
    }

    // MARK: One shard

    private func copy(
        _ shard: ReshardPlan.Shard, _ budget: PipelineBudget
    ) throws(Failure) -> (WriteBehind.Sealed, [TensorScan]) {
        var files: [Int: BulkReader] = [:]
        for piece in shard.pieces where files[piece.shard] == nil {
            let file = try BulkReader(path: plan.source.path(ofShard: piece.shard))
            if file.identity != plan.source.shards[piece.shard].identity { try changed(file) }
            files[piece.shard] = file
        }
        let writer = try WriteBehind(
            path: joined(folder, shard.name), length: shard.fileBytes, longest: budget.block,
            block: budget.block, depth: budget.depth)
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

    /// What the data show: a release is not sealed with a NaN, a lost expert or a tensor of another run.
    private func judge(_ scans: [TensorScan], _ chain: borrowing Mutex<TensorChain>) throws(Failure) {
        var audit = DataAudit(plan.source, inventory: inventory, recorded: [:])
        for scan in scans { audit.observe(scan) }
        chain.withLock { for scan in scans { $0.observe(scan.record.name, scan.digest) } }
        try audit.findings.map(WeightCheck.raised).throwErrors()
    }

    // MARK: Resume

    private func unit(_ index: Int, _ sealed: WriteBehind.Sealed) -> JSONValue {
        [
            "shard": .string(plan.shards[index].name), "bytes": .integer(sealed.bytes),
            "sha256": .string(sealed.digest), "sources": .string(identities(index)),
        ]
    }

    /// The source files as the file system knows them: a shard made from one that was replaced is copied again.
    private func identities(_ index: Int) -> String {
        Set(plan.shards[index].pieces.map(\.shard)).sorted()
            .map { plan.source.shards[$0].identity.text }.joined(separator: "; ")
    }

    private func resume(_ journal: Journal) throws(Failure) -> [Int: WriteBehind.Sealed] {
        let entries = try journal.units(
            ofPlan: planDigest, sameness: "the same checkpoint, shard size and version of this program")
        var known: [Int: WriteBehind.Sealed] = [:]
        for case .object(let entry) in entries {
            guard case .string(let name)? = entry["shard"], case .string(let digest)? = entry["sha256"],
                case .string(let sources)? = entry["sources"],
                let index = plan.shards.firstIndex(where: { $0.name == name }), sources == identities(index),
                let sealed = try? digestFile(joined(folder, name)), sealed.digest == digest,
                sealed.bytes == plan.shards[index].fileBytes
            else { continue }
            known[index] = sealed
            progress.advance(bytes: sealed.bytes)
        }
        return known
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
