// Weights piece by piece, for stages that look at every number and multiply none.

import Architectures
import Backends
import Diagnostics
import Tensors

/// A weight as its checkpoint stores it.
package struct WeightDescription: Equatable, Sendable {
    /// Its tensor.
    package let name: String
    package let dtype: DType
    /// N; vectors are one row.
    package let rows: Int
    /// K.
    package let columns: Int
    /// Rows that share a scale; 1 where nothing is shared.
    package let blockRows: Int

    /// Bytes of the tensor, scales left out.
    package var bytes: Int { rows * columns * dtype.bits / 8 }
}

extension CheckpointWeights {
    /// Every weight of the model, in the order of the inventory's roles, layers and experts.
    package var keys: [WeightKey] {
        let order = Dictionary(uniqueKeysWithValues: zip(TensorRole.allCases, 0...))
        return stored.keys.sorted {
            let a = ($0.layer ?? -1, $0.expert ?? -1, order[$0.role] ?? 0)
            return a < ($1.layer ?? -1, $1.expert ?? -1, order[$1.role] ?? 0)
        }
    }

    /// How a weight is stored; nil when the model has no such weight.
    package func description(of key: WeightKey) -> WeightDescription? {
        guard let stored = stored[key] else { return nil }
        var blockRows = 1
        if case .block(let rows, _)? = stored.scales?.granularity { blockRows = rows }
        return WeightDescription(
            name: stored.name, dtype: stored.record.dtype, rows: stored.rows, columns: stored.columns,
            blockRows: blockRows)
    }

    /// Some rows of a weight; of codes, the first row starts a block.
    package func slab(_ key: WeightKey, rows: Range<Int>) throws(Failure) -> WeightMatrix {
        try read(place(of: key), rows: rows)
    }
}
