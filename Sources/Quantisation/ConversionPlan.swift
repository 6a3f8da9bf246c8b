// A conversion as a value: for every output shard the tensors it gets, where they come from and what is
// done to them. Quantising and dequantising make such plans; one executor runs them. A plan is checked
// when it is made, from headers alone, and the same plan gives the same bytes on every machine.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import ReferenceModel
import Tensors

/// How a matrix is encoded to codes and scales.
package struct EncodeRule: Sendable, Equatable {
    package let rule: ScaleRule
    package let blockRows: Int
    package let blockColumns: Int
    package let amaxFloor: Float
    package let zeroScale: Float
    /// What follows the weight's name to make the name of its scales, and their element type.
    package let scaleSuffix: String
    package let scaleType: DType
    /// One scale for the whole matrix: blocks are then the parts in which it is encoded and its error is added up.
    package var coversMatrix = false
    /// How the scale of a block is searched; nil where it follows from amax.
    package var search: ScaleSearch?
    /// Which weight it is, where the search weighs its columns.
    package var key: WeightKey?

    /// One scale for each block, ragged ones at the edges included.
    ///
    /// [1] where one covers the matrix.
    package func scaleShape(of weight: Shape) -> Shape {
        guard !coversMatrix else { return [1] }
        let (rows, columns) = (weight.dimensions[0], weight.dimensions[1])
        return [(rows + blockRows - 1) / blockRows, (columns + blockColumns - 1) / blockColumns]
    }
}

/// How codes and scales are decoded to a matrix.
package struct DecodeRule: Sendable {
    /// The shard that holds the scales, and where.
    package let scaleShard: Int
    package let scale: TensorRecord
    package let blockRows: Int
    package let blockColumns: Int
    package let target: DType
    /// One scale for the whole matrix: it is repeated for every row.
    package var coversMatrix = false
}

/// A scale that is known when a plan is made: a tensor of one F32 number.
package struct StoredConstant: Equatable, Sendable {
    package let name: String
    package let value: Float
}

/// What happens to one source tensor.
package struct TensorConversion: Sendable {
    package enum Operation: Sendable {
        /// Bytes as they are.
        case copy
        case encode(EncodeRule)
        case decode(DecodeRule)
        /// Every element converted to another float type, rounded to nearest even where it narrows.
        case cast(DType)
    }

    package let source: TensorRecord
    package let operation: Operation
    /// What is stored right after it.
    package var constants: [StoredConstant] = []
}

/// One output shard, made from one source shard.
package struct ShardConversion: Sendable {
    /// One stretch of the output: which conversion gives it, and which part of what that gives.
    package struct Stretch: Sendable {
        package enum Part: Equatable, Sendable {
            case whole, codes, scales
            /// One of the constants of the conversion.
            case constant(Int)
        }

        package let conversion: Int
        package let part: Part
    }

    /// What the output file looks like.
    ///
    /// Made when it is needed: a model has tens of thousands of tensors.
    package struct Layout: Sendable {
        /// In the order of the file; one for each tensor of the header.
        package let stretches: [Stretch]
        package let header: ShardHeader
        /// The header as it stands in the file.
        package let headerBytes: [UInt8]
    }

    package let sourceShard: Int
    package let name: String
    package let conversions: [TensorConversion]
    /// Bytes of the output file.
    package let byteCount: Int

    package init(sourceShard: Int, name: String, conversions: [TensorConversion]) throws(Failure) {
        self.sourceShard = sourceShard
        self.name = name
        self.conversions = conversions
        byteCount = try Self.layout(conversions, name: name).header.fileSize
    }

    /// Bytes of the source tensors.
    package var sourceByteCount: Int { conversions.reduce(0) { $0 + $1.source.dataRange.count } }

    /// Tensors of the output file.
    package var tensorCount: Int {
        conversions.reduce(0) { $0 + $1.operation.tensorCount + $1.constants.count }
    }

    /// Lays out the output: source order, codes and scales adjacent, every tensor aligned to its type.
    package func layout() throws(Failure) -> Layout { try Self.layout(conversions, name: name) }

    private static func layout(_ conversions: [TensorConversion], name: String) throws(Failure) -> Layout {
        var tensors: [TensorDescription] = []
        var origins: [Stretch] = []
        for (index, conversion) in conversions.enumerated() {
            let source = conversion.source
            func add(_ name: String, _ dtype: DType, _ shape: Shape, _ part: Stretch.Part) {
                tensors.append(TensorDescription(name: name, dtype: dtype, shape: shape))
                origins.append(Stretch(conversion: index, part: part))
            }
            switch conversion.operation {
            case .copy: add(source.name, source.dtype, source.shape, .whole)
            case .encode(let rule):
                add(source.name, .e4m3, source.shape, .codes)
                add(
                    source.name + rule.scaleSuffix, rule.scaleType, rule.scaleShape(of: source.shape), .scales
                )
            case .decode(let rule): add(source.name, rule.target, source.shape, .whole)
            case .cast(let target): add(source.name, target, source.shape, .whole)
            }
            for (place, constant) in conversion.constants.enumerated() {
                add(constant.name, .f32, StoredScale.shape, .constant(place))
            }
        }
        let order = ShardHeader.fileOrder(tensors)
        do throws(HeaderError) {
            let written = try ShardHeader.written(order.map { tensors[$0] })
            return Layout(
                stretches: order.map { origins[$0] }, header: written.header, headerBytes: written.bytes)
        } catch { throw Failure(error.finding(file: name)) }
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
    /// What a search weighs columns with; nil where none does.
    package let moments: (any InputMoments)?

    /// Bytes of all output shards.
    package var byteCount: Int { shards.reduce(0) { $0 + $1.byteCount } }

    /// Bytes of all source tensors that are read.
    package var sourceByteCount: Int { shards.reduce(0) { $0 + $1.sourceByteCount } }

    /// SHA-256 of everything that decides the output's bytes but the weights themselves.
    package let digest: String

    package init(
        stage: String, source: Checkpoint, shards: [ShardConversion], config: JSONObject, sidecars: [String],
        intent: JSONValue, moments: (any InputMoments)? = nil
    ) {
        self.stage = stage
        self.source = source
        self.shards = shards
        self.config = config
        self.sidecars = sidecars
        self.intent = intent
        self.moments = moments
        var digest = FileDigest()
        digest.update(line: "\(stage) \(Self.formatVersion)")
        digest.update(line: intent.text(.compact))
        digest.update(line: JSONValue.object(config).text(.compact))
        for shard in shards {
            digest.update(line: "\(shard.name) \(source.shards[shard.sourceShard].name) \(shard.byteCount)")
            for conversion in shard.conversions {
                let source = conversion.source
                digest.update(
                    line: "\(source.name) \(source.dtype.rawValue) \(source.shape) \(source.dataRange)"
                        + " \(conversion.operation.summary)"
                        + conversion.constants.map { " \($0.name) \($0.value.bitPattern)" }.joined())
            }
        }
        self.digest = digest.finish()
    }

    /// Counts up when the same plan would give other bytes.
    private static let formatVersion = 1
}

extension TensorConversion.Operation {
    /// Output tensors it gives.
    var tensorCount: Int { if case .encode = self { 2 } else { 1 } }

    /// A line that tells this operation from every other one on the same tensor.
    var summary: String {
        switch self {
        case .copy: "copy"
        case .encode(let rule):
            "encode \(rule.rule.rawValue) \(rule.blockRows)x\(rule.blockColumns) \(rule.amaxFloor) \(rule.zeroScale)"
                + " \(rule.scaleSuffix) \(rule.scaleType.rawValue)" + (rule.search?.summary ?? "")
                + (rule.coversMatrix ? " whole" : "")
        case .cast(let target): "cast \(target.rawValue)"
        case .decode(let rule):
            "decode \(rule.blockRows)x\(rule.blockColumns) \(rule.target.rawValue) \(rule.scale.dtype.rawValue)"
        }
    }
}
