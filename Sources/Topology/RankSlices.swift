// The plan of the output form `ranks`: a folder for each rank with its slices, and topology.json, from which the
// checkpoint can be put back to the last byte.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import Tensors

/// The distinct parts of one source tensor, and who holds each.
struct PlannedSlices: Sendable {
    /// A part with the ranks that hold it, ascending; the first is its owner.
    struct Slice: Sendable {
        let region: SliceRegion
        let ranks: [Int]
    }

    /// The axis along which it is cut; nil when every part is whole.
    let axis: Int?
    let slices: [Slice]
}

/// A plan to slice a checkpoint for every rank of a topology.
package struct RankSlicePlan: Sendable {
    let checkpoint: Checkpoint
    let artefact: ArtefactTensors
    let rules: SplitRules
    let ranks: [Rank]
    /// Sidecars carried along.
    let sidecars: [String]
    private let scaleOwners: [String: Int]
    /// The fused projection of each layer: its keys and values are those of the cache.
    private let projections: [Int: Int]

    /// Files of one unit: each has two threads and buffers of its own.
    static let ranksPerUnit = 16

    /// Plans every file from headers alone; the topology is one that `Legality` lets through.
    package init(_ checkpoint: Checkpoint, _ artefact: ArtefactTensors, _ rules: SplitRules) {
        self.checkpoint = checkpoint
        self.artefact = artefact
        self.rules = rules
        ranks = rules.topology.ranks
        sidecars = checkpoint.sidecars.filter { $0 != SliceRecord.fileName }
        var projections: [Int: Int] = [:]
        for tensor in artefact.tensors {
            let entry = artefact.inventory.entries[tensor.entry]
            if entry.role == .attentionQKV, let layer = entry.layer { projections[layer] = tensor.entry }
        }
        self.projections = projections
        var owners: [String: Int] = [:]
        if let fp8 = artefact.quantised.layout.fp8 {
            for tensor in artefact.tensors where artefact.kinds[tensor.kind].scaleShape != nil {
                owners[artefact.inventory.entries[tensor.entry].name + fp8.scaleSuffix] = tensor.entry
            }
        }
        scaleOwners = owners
    }

    /// Ranks whose files are written together.
    var groups: [[Rank]] {
        stride(from: 0, to: ranks.count, by: Self.ranksPerUnit).map {
            Array(ranks[$0..<min($0 + Self.ranksPerUnit, ranks.count)])
        }
    }

    // MARK: Slices

    /// What a stored tensor is to the inventory entry that decides where it goes.
    private enum Part {
        case weight
        /// The weight's scale, cut as the weight is.
        case scale
        /// A number for whoever has a part of the weight: the scale of its inputs, or of a layer's cache.
        case number
    }

    private func owner(_ name: String) -> (entry: InventoryEntry, part: Part)? {
        if let entry = artefact.inventory[name: name] { return (entry, .weight) }
        if let place = scaleOwners[name] { return (artefact.inventory.entries[place], .scale) }
        let place: Int? =
            switch artefact.inventory.storedScale(named: name) {
            case .input(let entry): entry
            case .keys(let layer), .values(let layer): projections[layer]
            case nil: nil
            }
        return place.map { (artefact.inventory.entries[$0], .number) }
    }

    /// The part of a stored tensor that a rank holds; nil for none.
    func region(_ record: TensorRecord, _ rank: Rank) -> SliceRegion? {
        // What belongs to no role is carried by every rank.
        guard let (entry, part) = owner(record.name) else { return .whole(record.shape) }
        guard let region = rules.region(entry, rank)?.withoutPadding else { return nil }
        switch part {
        case .weight: return region
        case .scale:
            return artefact.granularity.map { region.scaleRegion($0, scale: record.shape) } ?? region
        case .number: return .whole(record.shape)
        }
    }

    /// The distinct parts of a stored tensor.
    func slices(_ record: TensorRecord, _ ranks: some Sequence<Rank>) -> PlannedSlices {
        var order: [SliceRegion] = []
        var holders: [SliceRegion: [Int]] = [:]
        for rank in ranks {
            guard let region = region(record, rank), !isEmpty(region, record) else { continue }
            if holders[region] == nil { order.append(region) }
            holders[region, default: []].append(rank.index)
        }
        let whole = SliceRegion.whole(record.shape)
        let isCut = order.contains { $0 != whole }
        return PlannedSlices(
            axis: isCut ? (order.contains { $0.columns != nil } ? 1 : 0) : nil,
            slices: order.map { PlannedSlices.Slice(region: $0, ranks: holders[$0] ?? []) })
    }

    /// A part without rows: the last ranks of a short vocabulary.
    private func isEmpty(_ region: SliceRegion, _ record: TensorRecord) -> Bool {
        region.rowCount == 0 && record.shape.elementCount != 0
    }

    /// `rank-00003`.
    static func folder(rank: Int) -> String { "rank-" + fiveDigits(rank) }

    static func path(rank: Int, _ shard: String) -> String { folder(rank: rank) + "/" + shard }
}

/// The slices of one shard for some ranks.
///
/// Its tensors are laid out when it runs: those of all units at once would be the peak of the run's memory.
package struct RankSliceUnit: WorkUnit {
    let plan: RankSlicePlan
    let shard: Int
    let group: [Rank]

    package var key: String { "\(plan.checkpoint.shards[shard].name) \(group.first?.index ?? 0)" }

    package var sourceByteCount: Int { plan.checkpoint.shards[shard].header.dataBytes }

    package func sources() throws(Failure) -> [SourceFile] { SourceFiles(plan.checkpoint).some([shard]) }

    package func files() throws(Failure) -> [PlannedFile] { try scatter().files() }

    package func run(
        into place: UnitPlace, budget: MoveBudget, progress: any ProgressSink
    ) throws(Failure) -> UnitProduct<DigestList> {
        let unit = scatter()
        guard !unit.paths.isEmpty else {
            return UnitProduct(files: [], detail: DigestList([]))
        }
        return try unit.run(into: place, budget: budget, progress: progress)
    }

    /// The stored tensors in the order in which the unit's digests stand.
    func ordered() -> [(record: TensorRecord, slices: PlannedSlices)] {
        let scatter = scatter()
        return scatter.tensors.compactMap { tensor in
            tensor.strokes.first.map { ($0.record, plan.slices($0.record, group)) }
        }
    }

    private func scatter() -> ScatterUnit {
        let part = plan.checkpoint.shards[shard]
        var holding: [Int: Int] = [:]  // rank → writer
        var paths: [String] = []
        var tensors: [ScatterTensor] = []
        for record in part.header.tensors {
            let planned = plan.slices(record, group)
            guard !planned.slices.isEmpty else { continue }
            var outputs: [ScatterTensor.Output] = []
            var takers: [ScatterStroke.Taker] = []
            for slice in planned.slices {
                for (place, rank) in slice.ranks.enumerated() {
                    let writer = holding[rank] ?? paths.count
                    if writer == paths.count {
                        holding[rank] = writer
                        paths.append(RankSlicePlan.path(rank: rank, part.name))
                    }
                    outputs.append(
                        ScatterTensor.Output(
                            writer: writer,
                            description: TensorDescription(
                                name: record.name, dtype: record.dtype,
                                shape: slice.region.shape(of: record.shape))))
                    takers.append(
                        ScatterStroke.Taker(writer: writer, region: slice.region, repeats: place > 0))
                }
            }
            let stroke = ScatterStroke(file: shard, record: record, change: .none, takers: takers)
            tensors.append(ScatterTensor(outputs: outputs, strokes: [stroke]))
        }
        return ScatterUnit(
            source: SourceFiles(plan.checkpoint), paths: paths, tensors: tensors)
    }
}

extension RankSlicePlan: UnitPlan {
    package var stage: String { "shard" }
    package var sourceFolder: String { checkpoint.folder }

    package var units: [RankSliceUnit] {
        checkpoint.shards.indices.flatMap { shard in
            groups.map { RankSliceUnit(plan: self, shard: shard, group: $0) }
        }
    }

    package var folders: [String] {
        ranks.map { Self.folder(rank: $0.index) } + [SliceRecord.sourceFolder]
    }

    /// Bytes of all slices, headers about.
    package var byteCount: Int {
        RankMemory(artefact, rules).ranks.reduce(0) { $0 + $1.bytes + $1.predictionBytes }
    }

    package var digest: String {
        var digest = FileDigest()
        digest.update(line: "ranks \(SliceRecord.schema) \(rules.family.rawValue) \(rules.topology.name)")
        digest.update(
            line: "\(rules.placement.identity) \(rules.allToAll.rawValue) \(rules.vocabularyMultiple)")
        digest.update(line: "\(rules.stages.stages)")
        digest.update(headersOf: checkpoint)
        return digest.finish()
    }

    package func writeFront(
        _ units: [SealedUnit<DigestList>], into output: OutputFolder
    ) throws(Failure) {
        let folder = output.partial
        let source = joined(folder, SliceRecord.sourceFolder)
        var carried: [ArtefactFile] = []
        for (index, shard) in checkpoint.shards.enumerated() {
            let head = try FileAccess.read(
                checkpoint.path(ofShard: index), range: 0..<shard.header.headerBytes)
            let name = shard.name + SliceRecord.headerSuffix
            let sealed = try FileAccess.writeSealed(
                data: CollectionOfOne(head), to: joined(source, name))
            carried.append(ArtefactFile(name: SliceRecord.sourceFolder + "/" + name, sealed: sealed))
        }
        if checkpoint.hasIndex {
            let name = CheckpointIndex.fileName
            let sealed = try copyFile(checkpoint.path(of: name), to: joined(source, name))
            carried.append(ArtefactFile(name: SliceRecord.sourceFolder + "/" + name, sealed: sealed))
        }
        for name in sidecars {
            let sealed = try copyFile(checkpoint.path(of: name), to: joined(folder, name))
            carried.append(ArtefactFile(name: name, sealed: sealed))
        }
        try SliceRecord.write(self, units, carried: carried, to: joined(folder, SliceRecord.fileName))
    }
}
