// One line of the journal: a sealed shard with everything the record needs of it, so that a resumed run
// writes the same record as one that was never stopped.

import Checkpoints
import Documents

/// A sealed shard and the state of its source when it was read.
struct JournalUnit {
    let shard: ConvertedShard
    let sourceIdentity: String

    init(shard: ConvertedShard, sourceIdentity: String) {
        self.shard = shard
        self.sourceIdentity = sourceIdentity
    }

    var document: JSONValue {
        [
            "shard": .string(shard.name), "bytes": .integer(shard.sealed.bytes),
            "sha256": .string(shard.sealed.digest), "source": .string(sourceIdentity),
            "tensors": .array(shard.tensors.map(\.document)),
        ]
    }

    init(document: JSONValue) throws(DocumentError) {
        let reader = try StrictReader(document)
        let sealed = WriteBehind.Sealed(
            bytes: try reader.integer("bytes"), digest: try reader.string("sha256"))
        var tensors: [ConvertedTensor] = []
        for tensor in try reader.objects("tensors") { tensors.append(try ConvertedTensor(reader: tensor)) }
        shard = ConvertedShard(name: try reader.string("shard"), sealed: sealed, tensors: tensors)
        sourceIdentity = try reader.string("source")
        try reader.finish()
    }
}

extension ConvertedTensor {
    /// Name, digests and, where the tensor was quantised, its error.
    package var document: JSONValue {
        var object = JSONObject()
        object["name"] = .string(name)
        object["source_xxh3"] = .string(sourceDigest.description)
        object["xxh3"] = .string(digest.description)
        object["scale_xxh3"] = (scaleDigest?.description).map(JSONValue.string)
        object["error"] = statistics?.document
        return .object(object)
    }

    init(reader: StrictReader) throws(DocumentError) {
        let name = try reader.string("name")
        let sourceDigest = try Self.digest(reader, "source_xxh3")
        let digest = try Self.digest(reader, "xxh3")
        let scaleDigest = reader.has("scale_xxh3") ? try Self.digest(reader, "scale_xxh3") : nil
        let error = reader.value("error")
        self.init(
            name: name, sourceDigest: sourceDigest, digest: digest, scaleDigest: scaleDigest,
            statistics: try error.map { (document) throws(DocumentError) in
                try EncodeStatistics(document: document)
            })
        try reader.finish()
    }

    private static func digest(_ reader: StrictReader, _ key: String) throws(DocumentError)
        -> TensorDigest.Value
    {
        guard let value = TensorDigest.Value(try reader.string(key)) else {
            throw reader.mismatch(key, "32 hexadecimal digits")
        }
        return value
    }
}
