// The plan of the output form `hf`: a standard checkpoint whose files follow the topology. A rank of a pipeline
// stage needs the common files of its stage and those of its own experts, nothing else; in a file tensors stand
// by layer, experts in numeric order, each weight beside its scale.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import Tensors

/// A plan to lay whole tensors out in new files.
package struct StandardLayoutPlan: Sendable {
    /// What a file is for.
    struct FileGroup: Hashable {
        let stage: Int
        /// The expert rank; nil for tensors that every rank of the stage reads.
        let expertRank: Int?
    }

    let checkpoint: Checkpoint
    let rules: SplitRules
    package let files: [LaidOutFile]
    let sidecars: [String]

    /// One file of the output.
    package struct LaidOutFile: Sendable {
        package let name: String
        package let stage: Int
        package let expertRank: Int?
        package let layers: ClosedRange<Int>?
        /// In the order of the file: a shard and a tensor of it.
        let tensors: [(shard: Int, record: TensorRecord)]

        /// The names in it.
        package var tensorNames: [String] { tensors.map(\.record.name) }
    }

    /// The size files are cut to by default, bytes: 5 GiB, so that eight expert ranks of Ling-flash in BF16 have
    /// five files each.
    ///
    /// - Source: hubs recommend files of at most 200 GB and few of them; engines read files in parallel.
    package static let fileBytes = 5 << 30

    /// Plans the files; the topology is one that `Legality` lets through.
    package init(
        _ checkpoint: Checkpoint, _ artefact: ArtefactTensors, _ rules: SplitRules,
        fileBytes: Int = Self.fileBytes
    ) {
        self.checkpoint = checkpoint
        self.rules = rules
        sidecars = checkpoint.sidecars.filter { $0 != SliceRecord.fileName }
        var order: [FileGroup] = []
        var members: [FileGroup: [Member]] = [:]
        for member in Self.members(checkpoint, artefact, rules) {
            if members[member.group] == nil { order.append(member.group) }
            members[member.group, default: []].append(member)
        }
        // Common files first, then experts, rank by rank.
        order.sort { ($0.expertRank ?? -1, $0.stage) < ($1.expertRank ?? -1, $1.stage) }
        var cut: [(group: FileGroup, members: [Member])] = []
        for group in order {
            for part in Self.cut(members[group] ?? [], fileBytes) { cut.append((group, part)) }
        }
        files = cut.enumerated().map { index, file in
            let layers = file.members.compactMap(\.layer)
            return LaidOutFile(
                name: shardName(index, of: cut.count), stage: file.group.stage,
                expertRank: file.group.expertRank,
                layers: layers.min().flatMap { low in layers.max().map { low...$0 } },
                tensors: file.members.flatMap(\.tensors))
        }
    }

    /// A weight with its scales, which stay together.
    private struct Member {
        let group: FileGroup
        let layer: Int?
        let tensors: [(shard: Int, record: TensorRecord)]

        var byteCount: Int { tensors.reduce(0) { $0 + $1.record.dataRange.count } }
    }

    /// All weights in inventory order: by layer, experts in numeric order.
    private static func members(
        _ checkpoint: Checkpoint, _ artefact: ArtefactTensors, _ rules: SplitRules
    ) -> [Member] {
        let inventory = artefact.inventory
        let suffix = artefact.quantised.layout.fp8?.scaleSuffix
        var members: [Member] = []
        var known: Set<String> = []
        for tensor in artefact.tensors {
            let entry = inventory.entries[tensor.entry]
            var tensors: [(shard: Int, record: TensorRecord)] = []
            var names = [entry.name] + (suffix.map { [entry.name + $0] } ?? []) + [entry.inputScaleName]
            if entry.role == .attentionQKV, let layer = entry.layer {
                for spelling in CacheScaleNames.allCases {
                    names += [spelling.names(layer: layer).keys, spelling.names(layer: layer).values]
                }
            }
            for name in names {
                guard let place = checkpoint.tensor(named: name) else { continue }
                known.insert(name)
                tensors.append((place.shard, place.record))
            }
            let stage = rules.stages(of: entry)?.lowerBound ?? 0
            var rank: Int?
            if rules.topology.expert > 1, let expert = entry.expert, let layer = entry.layer {
                rank = rules.placement.rank(
                    ofExpert: expert, layer: layer, experts: rules.configuration.expertCount,
                    ranks: rules.topology.expert)
            }
            members.append(
                Member(
                    group: FileGroup(stage: stage, expertRank: rank), layer: entry.layer, tensors: tensors))
        }
        // What belongs to no role travels with the common tensors of the first stage.
        for (shard, part) in checkpoint.shards.enumerated() {
            for record in part.header.tensors where !known.contains(record.name) {
                members.append(
                    Member(
                        group: FileGroup(stage: 0, expertRank: nil), layer: nil, tensors: [(shard, record)]))
            }
        }
        return members
    }

    /// Cuts into files of about equal size, at layer bounds where there are layers enough.
    private static func cut(_ members: [Member], _ limit: Int) -> [[Member]] {
        let total = members.reduce(0) { $0 + $1.byteCount }
        let count = max(1, (total + limit - 1) / limit)
        let layers = Set(members.compactMap(\.layer)).count
        var files: [[Member]] = [[]]
        var used = 0
        for (index, member) in members.enumerated() {
            let isBound = index > 0 && (layers < count || members[index - 1].layer != member.layer)
            if isBound, files.count < count, used * count >= total * files.count { files.append([]) }
            files[files.count - 1].append(member)
            used += member.byteCount
        }
        return files
    }

    /// The files that a rank opens.
    package func files(of rank: Rank) -> [LaidOutFile] {
        files.filter { file in
            guard file.stage == rank.stage || isShared(file, rank) else { return false }
            return file.expertRank == nil || file.expertRank == rank.expertPlace / rules.topology.expertTensor
        }
    }

    /// The last stage of a model with tied embeddings reads them where the first stage does.
    private func isShared(_ file: LaidOutFile, _ rank: Rank) -> Bool {
        rules.configuration.tiesEmbeddings && file.stage == 0 && file.expertRank == nil
            && rank.stage == rules.topology.pipeline - 1
    }
}

extension StandardLayoutPlan: UnitPlan {
    package var stage: String { "shard" }
    package var sourceFolder: String { checkpoint.folder }
    package var byteCount: Int { checkpoint.dataBytes }

    package var units: [GatherUnit] {
        let source = SourceFiles(checkpoint)
        return files.map { file in
            let tensors = file.tensors.map { shard, record in
                GatherTensor(
                    description: TensorDescription(
                        name: record.name, dtype: record.dtype, shape: record.shape),
                    segments: record.dataRange.isEmpty
                        ? []
                        : [
                            .stretch(
                                file: shard, offset: record.dataRange.lowerBound,
                                count: record.dataRange.count)
                        ])
            }
            let order = ShardHeader.fileOrder(tensors.map(\.description))
            return GatherUnit(
                path: file.name, source: source, tensors: order.map { tensors[$0] }, expected: [])
        }
    }

    package var digest: String {
        var digest = FileDigest()
        digest.update(line: "hf \(SliceRecord.schema) \(rules.family.rawValue) \(rules.topology.name)")
        for file in files {
            digest.update(line: "\(file.name) \(file.stage) \(file.expertRank ?? -1)")
            for (shard, record) in file.tensors {
                digest.update(
                    line: "\(checkpoint.shards[shard].name) \(record.name) \(record.dtype.rawValue) "
                        + "\(record.shape) \(record.dataRange)")
            }
        }
        return digest.finish()
    }

    package func writeFront(
        _ units: [SealedUnit<DigestList>], into output: OutputFolder
    ) throws(Failure) {
        let folder = output.partial
        for name in sidecars { _ = try copyFile(checkpoint.path(of: name), to: joined(folder, name)) }
        _ = try FileAccess.writeSealed(
            record(units).text() + "\n", to: joined(folder, SliceRecord.fileName))
        guard files.count > 1 else { return }
        let index = CheckpointIndex(files.map { ($0.name, $0.tensors.map(\.record)) })
        _ = try FileAccess.writeSealed(index.text, to: joined(folder, CheckpointIndex.fileName))
    }

    /// topology.json: which file is for whom.
    private func record(_ units: [SealedUnit<DigestList>]) -> JSONValue {
        let sealed = Dictionary(units.flatMap(\.files).map { ($0.name, $0.sealed) }) { first, _ in first }
        return [
            "schema": .integer(SliceRecord.schema), "form": "hf", "plan_sha256": .string(digest),
            "source": .string(lastComponent(checkpoint.folder)), "topology": .string(rules.topology.name),
            "rules": .string(rules.family.rawValue), "placement": .string(rules.placement.name.rawValue),
            "files": .array(
                files.map { file in
                    [
                        "name": .string(file.name), "bytes": .integer(sealed[file.name]?.bytes ?? 0),
                        "sha256": .string(sealed[file.name]?.digest ?? ""), "stage": .integer(file.stage),
                        "expert_rank": file.expertRank.map { .integer($0) } ?? .null,
                        "layers": file.layers.map {
                            .array([.integer($0.lowerBound), .integer($0.upperBound)])
                        } ?? .null,
                    ]
                }),
            "ranks": .array(
                rules.topology.ranks.map { rank in
                    [
                        "rank": .integer(rank.index),
                        "files": .array(files(of: rank).map { .string($0.name) }),
                    ]
                }),
        ]
    }
}
