// A conversion as a value: for every output shard the tensors it gets, where they come from and what is
// done to them. Quantising and dequantising make such plans; one executor runs them. A plan is checked
// when it is made, from headers alone, and the same plan gives the same bytes on every machine.

import Checkpoints
import Diagnostics
import Documents
import Tensors

/// How a matrix is encoded to codes and scales.
package struct EncodeRule: Sendable, Equatable {
    package let rule: ScaleRule
    package let blockRows: Int
    package let blockColumns: Int
    package let amaxFloor: Float
    package let zeroScale: Float
    /// Name and element type of the scale tensor beside the codes.
    package let scaleName: String
    package let scaleType: DType
    package let scaleShape: Shape
}

/// How codes and scales are decoded to a matrix.
package struct DecodeRule: Sendable {
    /// The shard that holds the scales, and where.
    package let scaleShard: Int
    package let scale: TensorRecord
    package let blockRows: Int
    package let blockColumns: Int
    package let target: DType
}

/// What happens to one source tensor.
package struct TensorConversion: Sendable {
    package enum Operation: Sendable {
        /// Bytes as they are.
        case copy
        case encode(EncodeRule)
        case decode(DecodeRule)
    }

    package let source: TensorRecord
    package let operation: Operation
}

/// One output shard, made from one source shard.
package struct ShardConversion: Sendable {
    /// One stretch of the output: which conversion gives it, and which part of what that gives.
    package struct Stretch: Sendable {
        package enum Part: Sendable { case whole, codes, scales }

        package let conversion: Int
        package let part: Part
    }

    package let sourceShard: Int
    package let name: String
    package let conversions: [TensorConversion]
    /// In the order of the file; one for each tensor of the header.
    package let stretches: [Stretch]
    /// Bytes of the output file.
    package let byteCount: Int
    /// SHA-256 of the header.
    ///
    /// The header itself is made when it is needed: those of all shards of a large
    /// model together would be a good part of the memory that a conversion may take.
    let headerDigest: String

    /// Bytes of the source tensors.
    package var sourceByteCount: Int { conversions.reduce(0) { $0 + $1.source.dataRange.count } }
}

extension ShardConversion {
    /// Lays out the output: source order, codes and scales adjacent, every tensor aligned to its type.
    package init(sourceShard: Int, name: String, conversions: [TensorConversion]) throws(Failure) {
        let tensors = conversions.map(\.outputs)
        let flat = tensors.flatMap(\.self)
        let origins = tensors.enumerated().flatMap { index, outputs in
            outputs.map { Stretch(conversion: index, part: $0.part) }
        }
        self.sourceShard = sourceShard
        self.name = name
        self.conversions = conversions
        let order = ShardHeader.fileOrder(flat.map(\.description))
        stretches = order.map { origins[$0] }
        let (bytes, header) = try Self.written(stretches, conversions, name)
        byteCount = header.fileSize
        var digest = FileDigest()
        bytes.withUnsafeBytes { digest.update($0) }
        headerDigest = digest.finish()
    }

    /// The header as it stands in the file, and what it says.
    package func written() throws(Failure) -> (bytes: [UInt8], header: ShardHeader) {
        try Self.written(stretches, conversions, name)
    }

    /// The tensors of the output in the order of the file.
    var tensors: [TensorDescription] { Self.tensors(stretches, conversions) }

    private static func tensors(
        _ stretches: [Stretch], _ conversions: [TensorConversion]
    ) -> [TensorDescription] {
        stretches.compactMap { stretch in
            conversions[stretch.conversion].outputs.first { $0.part == stretch.part }?.description
        }
    }

    private static func written(
        _ stretches: [Stretch], _ conversions: [TensorConversion], _ name: String
    ) throws(Failure) -> (bytes: [UInt8], header: ShardHeader) {
        do throws(HeaderError) { return try ShardHeader.written(tensors(stretches, conversions)) } catch {
            throw Failure(error.finding(file: name))
        }
    }
}

extension TensorConversion {
    /// The tensors it gives, each with the part of the result it is.
    fileprivate var outputs: [(description: TensorDescription, part: ShardConversion.Stretch.Part)] {
        switch operation {
        case .copy: [(TensorDescription(name: source.name, dtype: source.dtype, shape: source.shape), .whole)]
        case .encode(let rule):
            [
                (TensorDescription(name: source.name, dtype: .e4m3, shape: source.shape), .codes),
                (
                    TensorDescription(name: rule.scaleName, dtype: rule.scaleType, shape: rule.scaleShape),
                    .scales
                ),
            ]
        case .decode(let rule):
            [(TensorDescription(name: source.name, dtype: rule.target, shape: source.shape), .whole)]
        }
    }
}

/// A whole conversion of one checkpoint.
package struct ConversionPlan: Sendable {
    /// What is being done, for progress and records: `quantise`, `dequantise`.
    package let stage: String
    package let source: Checkpoint
    package let shards: [ShardConversion]
    /// The new config.json.
    package let config: JSONObject
    /// Sidecars carried along byte for byte.
    package let sidecars: [String]
    /// What distinguishes this plan from another one of the same source: scheme, target, adaptations.
    package let intent: JSONValue

    /// Bytes of all output shards.
    package var byteCount: Int { shards.reduce(0) { $0 + $1.byteCount } }

    /// Bytes of all source tensors that are read.
    package var sourceByteCount: Int { shards.reduce(0) { $0 + $1.sourceByteCount } }

    /// SHA-256 of everything that decides the output's bytes but the weights themselves.
    package let digest: String

    package init(
        stage: String, source: Checkpoint, shards: [ShardConversion], config: JSONObject, sidecars: [String],
        intent: JSONValue
    ) {
        self.stage = stage
        self.source = source
        self.shards = shards
        self.config = config
        self.sidecars = sidecars
        self.intent = intent
        var digest = FileDigest()
        func add(_ text: String) {
            var line = text + "\n"
            line.withUTF8 { digest.update(UnsafeRawBufferPointer($0)) }
        }
        add("\(stage) \(Self.formatVersion)")
        add(intent.text(.compact))
        add(JSONValue.object(config).text(.compact))
        for shard in shards {
            let origin = source.shards[shard.sourceShard].name
            add("\(shard.name) \(origin) \(shard.byteCount) \(shard.headerDigest)")
            for conversion in shard.conversions {
                add(
                    "\(conversion.source.name) \(conversion.source.dataRange) \(conversion.operation.summary)"
                )
            }
        }
        self.digest = digest.finish()
    }

    /// Counts up when the same plan would give other bytes.
    private static let formatVersion = 1
}

extension TensorConversion.Operation {
    /// A line that tells this operation from every other one on the same tensor.
    var summary: String {
        switch self {
        case .copy: "copy"
        case .encode(let rule):
            "encode \(rule.rule.rawValue) \(rule.blockRows)x\(rule.blockColumns) \(rule.amaxFloor) \(rule.zeroScale)"
                + " \(rule.scaleType.rawValue)"
        case .decode(let rule):
            "decode \(rule.blockRows)x\(rule.blockColumns) \(rule.target.rawValue) \(rule.scale.dtype.rawValue)"
        }
    }
}
