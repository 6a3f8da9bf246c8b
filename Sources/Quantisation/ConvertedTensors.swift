// What a unit of a conversion keeps of its tensors: their digests and the error of each that was quantised.

import Checkpoints
import Documents

/// The tensors of a converted shard.
package struct ConvertedTensors: UnitDetail {
    package let tensors: [ConvertedTensor]

    init(_ tensors: [ConvertedTensor]) { self.tensors = tensors }

    package var document: JSONValue { .array(tensors.map(\.document)) }

    package init(document: JSONValue, path: String) throws(DocumentError) {
        let reader = try StrictReader(["tensors": document], path: path)
        var tensors: [ConvertedTensor] = []
        for tensor in try reader.objects("tensors") { tensors.append(try ConvertedTensor(reader: tensor)) }
        self.tensors = tensors
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
