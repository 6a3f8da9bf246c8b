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
        for entry in inventory.entries {
            let names = [entry.name, entry.name + "_scale_inv", entry.name + "_scale"]
            let group = names.compactMap { name in
                source.tensor(named: name).map { Piece(shard: $0.shard, record: $0.record) }
            }
            if !group.isEmpty { groups.append(group) }
        }
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
            let name =
                files.count == 1
                ? "model.safetensors" : "model-\(five(index + 1))-of-\(five(files.count)).safetensors"
            let order = ShardHeader.fileOrder(pieces.map(\.description))
            let draft = Shard(name: name, pieces: order.map { pieces[$0] }, fileBytes: 0)
            shards.append(
                Shard(name: name, pieces: draft.pieces, fileBytes: try draft.header().header.fileSize))
        }
        self.shards = shards
    }

    var bytes: Int { shards.reduce(0) { $0 + $1.fileBytes } }

    /// Nil for a single shard under the standard name, which needs none.
    func index() -> CheckpointIndex? {
        guard shards.count > 1 else { return nil }
        var entries: [CheckpointIndex.Entry] = []
        var size = 0
        var elements = 0
        for (place, shard) in shards.enumerated() {
            for piece in shard.pieces {
                entries.append(CheckpointIndex.Entry(tensor: piece.record.name, shard: place))
                size += piece.record.dataRange.count
                elements += piece.record.shape.elementCount ?? 0
            }
        }
        return CheckpointIndex(
            shards: shards.map(\.name), entries: entries, totalSize: size, totalParameters: elements)
    }
}

/// A number with five digits at least.
private func five(_ value: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
}
