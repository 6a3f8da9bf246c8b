// The headers of an opened checkpoint as this target sees them.

import Checkpoints
import Tensors

extension HeaderView {
    /// The headers of an opened checkpoint, shard by shard.
    package init(_ checkpoint: Checkpoint) {
        var tensors: [TensorHeader] = []
        tensors.reserveCapacity(checkpoint.tensorCount)
        for (shard, part) in checkpoint.shards.enumerated() {
            for record in part.header.tensors {
                tensors.append(
                    TensorHeader(name: record.name, dtype: record.dtype, shape: record.shape, shard: shard))
            }
        }
        self.init(shards: checkpoint.shards.map(\.name), tensors: tensors)
    }
}
