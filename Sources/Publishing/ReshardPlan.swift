// Which tensor goes to which shard of a release: the order of the inventory, a weight and its scale together,
// shards of a chosen size.

import Architectures
import Checkpoints
import Diagnostics
import Tensors

/// The shards of a release, made of a checkpoint's tensors as they are.
struct ReshardPlan: Sendable {
    /// A tensor of the source.
    struct Piece: Sendable {
        let shard: Int
        let record: TensorRecord

        var description: TensorDescription {
            TensorDescription(name: record.name, dtype: record.dtype, shape: record.shape)
        }
    }

    /// One file to write.
    struct Shard: Sendable {
        let name: String
        /// In the order of the file.
        let pieces: [Piece]
        let fileBytes: Int

        /// The header as it stands in the file.
        func header() throws(Failure) -> (bytes: [UInt8], header: ShardHeader) {
            do throws(HeaderError) { return try ShardHeader.written(pieces.map(\.description)) } catch {
                throw Failure(error.finding(file: name))
            }
        }
    }

    let source: Checkpoint
    let shards: [Shard]

    /// - Parameter limit: bytes of tensor data that a shard may have; a tensor that is larger has one alone.
    init(_ source: Checkpoint, inventory: TensorInventory, limit: Int) throws(Failure) {
        self.source = source
        var groups: [[Piece]] = []
        var placed: Set<String> = []
        for entry in inventory.entries {
            let group = Self.names(beside: entry).compactMap { name in
                source.tensor(named: name).map { Piece(shard: $0.shard, record: $0.record) }
            }
            placed.formUnion(group.map(\.record.name))
            if !group.isEmpty { groups.append(group) }
        }
        try Self.checkAll(source, placed)
        var files: [[Piece]] = [[]]
        var used = 0
        for group in groups {
            let size = group.reduce(0) { $0 + $1.record.dataRange.count }
            if used > 0, used + size > limit {
                files.append([])
                used = 0
            }
            files[files.count - 1] += group
            used += size
        }
        var shards: [Shard] = []
        for (index, pieces) in files.enumerated() {
            let name = shardName(index, of: files.count)
            let order = ShardHeader.fileOrder(pieces.map(\.description))
            let draft = Shard(name: name, pieces: order.map { pieces[$0] }, fileBytes: 0)
            shards.append(
                Shard(name: name, pieces: draft.pieces, fileBytes: try draft.header().header.fileSize))
        }
        self.shards = shards
    }

    /// A weight, its scale under either name, the scale of its inputs, and those of the keys and values it makes.
    private static func names(beside entry: InventoryEntry) -> [String] {
        var names = [entry.name, entry.name + "_scale_inv", entry.name + "_scale", entry.inputScaleName]
        if entry.role == .attentionQKV, let layer = entry.layer {
            for spelling in CacheScaleNames.allCases {
                names += [spelling.names(layer: layer).keys, spelling.names(layer: layer).values]
            }
        }
        return names
    }

    /// Nothing of a checkpoint is left behind in silence.
    private static func checkAll(_ source: Checkpoint, _ placed: Set<String>) throws(Failure) {
        guard placed.count < source.tensorCount else { return }
        var collector = FindingCollector()
        for shard in source.shards {
            for record in shard.header.tensors where !placed.contains(record.name) {
                collector.add(
                    Finding(
                        .error, .releaseIncomplete, "a tensor has no place in the release", file: shard.name,
                        tensor: "\(record.name) \(record.shape) \(record.dtype.rawValue)",
                        expected: "tensors that the config asks for, and their scales",
                        remedy: "ingot validate \(source.folder)"))
            }
        }
        try collector.findings.throwErrors()
    }

    var bytes: Int { shards.reduce(0) { $0 + $1.fileBytes } }

    /// Nil for a single shard under the standard name, which needs none.
    func index() -> CheckpointIndex? {
        guard shards.count > 1 else { return nil }
        return CheckpointIndex(shards.map { ($0.name, $0.pieces.map(\.record)) })
    }
}
