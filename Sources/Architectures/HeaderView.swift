// What the headers of a checkpoint say, as this target needs it: names, types, shapes and the shard of each.

import Tensors

/// One tensor as a header describes it.
package struct TensorHeader: Equatable, Sendable {
    /// The full name.
    package let name: String
    /// The stored element type.
    package let dtype: DType
    /// The stored shape, outermost dimension first.
    package let shape: Shape
    /// Its shard, an index into `HeaderView.shards`.
    package let shard: Int

    /// A tensor of a header that was read and checked.
    package init(name: String, dtype: DType, shape: Shape, shard: Int) {
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.shard = shard
    }

    /// Elements; the reader of headers has refused shapes whose product does not fit.
    package var elementCount: Int { shape.elementCount ?? 0 }

    /// Bytes of data.
    package var byteCount: Int { shape.byteCount(dtype) ?? 0 }
}

/// All headers of a checkpoint.
///
/// Names are unique: the reader of checkpoints has refused duplicates.
package struct HeaderView: Sendable {
    /// File names of the shards.
    package let shards: [String]
    /// Every tensor, in the order of shards and of their headers.
    package var tensors: [TensorHeader]

    /// A view of headers from wherever they come.
    package init(shards: [String], tensors: [TensorHeader]) {
        self.shards = shards
        self.tensors = tensors
    }

    /// The file that holds a tensor.
    package func file(of header: TensorHeader) -> String { shards[header.shard] }
}
