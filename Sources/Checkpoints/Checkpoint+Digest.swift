// What tells one checkpoint from another without reading its weights.

import Diagnostics

extension FileDigest {
    /// Takes the names of all shards and what their headers say of every tensor.
    package mutating func update(headersOf checkpoint: Checkpoint) {
        for shard in checkpoint.shards {
            update(line: shard.name)
            for record in shard.header.tensors {
                update(line: "\(record.name) \(record.dtype.rawValue) \(record.shape) \(record.dataRange)")
            }
        }
    }
}

extension Checkpoint {
    /// SHA-256 of config.json and of every shard's name and header, in order.
    package func identityDigest() throws(Failure) -> String {
        var digest = FileDigest()
        func add(_ bytes: [UInt8]) { bytes.withUnsafeBytes { digest.update($0) } }
        add(try FileAccess.read(path(of: "config.json"), limit: 1 << 24))
        for (index, shard) in shards.enumerated() {
            digest.update(line: shard.name)
            add(try FileAccess.read(path(ofShard: index), range: 0..<shard.header.headerBytes))
        }
        return digest.finish()
    }
}
