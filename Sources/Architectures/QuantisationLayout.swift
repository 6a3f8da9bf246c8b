// How a checkpoint stores quantised weights, as its quantization_config says: which container, what shares a
// scale, what is left alone. Reading is in QuantisationLayout+Reading.swift.

import Tensors

/// How a checkpoint stores its quantised weights.
package enum QuantisationLayout: Equatable, Sendable {
    /// Nothing is quantised.
    case none
    /// FP8 codes (F8_E4M3) with scales beside them.
    case fp8(FP8Layout)

    /// The FP8 layout; nil without one.
    package var fp8: FP8Layout? {
        if case .fp8(let layout) = self { layout } else { nil }
    }
}

/// FP8 weights and their scales.
///
/// A weight's value is code × scale.
///
/// - Source: DeepSeek-V3 README_WEIGHTS.md; compressed-tensors 0.19 config_groups.
/// - Checked by: QuantisationLayoutTests.
package struct FP8Layout: Equatable, Sendable {
    /// Who named the tensors.
    package enum Container: String, Sendable {
        /// `quant_method` fp8; the scale is `weight_scale_inv`, a multiplier despite its name.
        case deepSeek = "deepseek"
        /// `quant_method` compressed-tensors; the scale is `weight_scale`.
        case compressedTensors = "compressed-tensors"
    }

    /// What shares one scale.
    package enum Granularity: Equatable, Sendable {
        /// A rectangle of rows × columns; at the edges what is left of one.
        case block(rows: Int, columns: Int)
        /// One row.
        case channel
        /// The whole matrix.
        case tensor
    }

    /// Whether activations are scaled as they come or by a stored number.
    package enum Activations: String, Sendable {
        case dynamic
        case fixed = "static"
        /// Weights only.
        case none
    }

    /// Who named the tensors.
    package let container: Container
    /// What shares one scale.
    package let granularity: Granularity
    /// How engines scale activations.
    package let activations: Activations
    /// `scale_fmt` as written, for example ue8m0; nil when the config does not say.
    package let scaleFormat: String?
    /// Whether the config says that the cache of keys and values is FP8 with stored scales.
    package let hasCacheScales: Bool
    /// The modules left alone.
    package let skipList: SkipList

    /// A layout from its parts; nothing is checked that reading a config has not.
    package init(
        container: Container, granularity: Granularity, activations: Activations = .dynamic,
        scaleFormat: String? = nil, hasCacheScales: Bool = false, skipList: SkipList = SkipList()
    ) {
        self.container = container
        self.granularity = granularity
        self.activations = activations
        self.scaleFormat = scaleFormat
        self.hasCacheScales = hasCacheScales
        self.skipList = skipList
    }

    /// What follows a weight's name to make its scale's: `_scale_inv` or `_scale`.
    package var scaleSuffix: String { container == .deepSeek ? "_scale_inv" : "_scale" }

    /// Whether the config says that every scale is a power of two.
    package var saysPowersOfTwo: Bool { scaleFormat == "ue8m0" }

    /// Element types in which readers take a scale.
    package var scaleDTypes: [DType] { saysPowersOfTwo ? [.f32, .bf16, .e8m0] : [.f32, .bf16] }

    /// The element type the container's own writers use.
    package var usualScaleDType: DType { container == .deepSeek ? .f32 : .bf16 }

    /// The shape of the scales of a matrix [N, K].
    ///
    /// Blocks: [⌈N/rows⌉, ⌈K/columns⌉]; channels: [N, 1]; whole matrix: [1].
    package func scaleShape(of weight: Shape) -> Shape {
        guard weight.rank == 2 else { return [1] }
        let (rows, columns) = (weight.dimensions[0], weight.dimensions[1])
        switch granularity {
        case .block(let height, let width):
            return [dividedUp(rows, by: height), dividedUp(columns, by: width)]
        case .channel: return [rows, 1]
        case .tensor: return [1]
        }
    }

    /// Whether a stored scale of a matrix has its shape; the one of a whole matrix may be a scalar.
    package func fits(scale: Shape, of weight: Shape) -> Bool {
        scale == scaleShape(of: weight) || granularity == .tensor && scale.rank == 0
    }

    /// A name for reports: `deepseek-block 128×128`.
    package var title: String {
        switch granularity {
        case .block(let rows, let columns): "\(container.rawValue)-block \(rows)×\(columns)"
        case .channel: "\(container.rawValue)-channel"
        case .tensor: "\(container.rawValue)-tensor" + (activations == .fixed ? ", static activations" : "")
        }
    }
}

/// ⌈a / b⌉ for a ≥ 0, b > 0.
func dividedUp(_ a: Int, by b: Int) -> Int { a / b + (a % b == 0 ? 0 : 1) }
