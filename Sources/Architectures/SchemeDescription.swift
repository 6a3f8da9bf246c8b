// What a scheme would write, or a checkpoint holds, in the words that rules of targets are written in.

import Tensors

/// A layout as rules name it.
package enum SchemeLayout: String, CaseIterable, Sendable {
    case deepSeekBlock = "deepseek-block"
    case compressedTensorsBlock = "compressed-tensors-block"
    case compressedTensorsChannel = "compressed-tensors-channel"
    /// One scale for a whole matrix, and one for its inputs.
    case compressedTensorsStatic = "compressed-tensors-static"

    /// Whether a scale covers a rectangle within a matrix.
    package var isBlock: Bool { self == .deepSeekBlock || self == .compressedTensorsBlock }

    /// Whether the scale of activations is stored beside each matrix.
    package var hasInputScales: Bool { self == .compressedTensorsStatic }
}

/// How the scales are stored.
package enum ScaleStorage: String, CaseIterable, Sendable {
    /// Any F32 number.
    case f32
    /// Powers of two, in F32 or as exponent bytes.
    case powerOfTwo = "power-of-two"
    /// Any BF16 number.
    case bf16
}

/// What is asked of a target.
package struct SchemeDescription: Equatable, Sendable {
    /// The container and what shares a scale.
    package var layout: SchemeLayout
    /// How the scales are stored.
    package var scales: ScaleStorage
    /// The roles that hold codes.
    package var roles: Set<TensorRole>
    /// Whether any quantised matrix does not divide into whole blocks.
    package var hasPartialBlocks: Bool
    /// Whether scales of activations are stored.
    package var hasInputScales: Bool
    /// Whether scales of keys and values are stored.
    package var hasCacheScales: Bool

    /// A description from its parts, as a plan makes it.
    package init(
        layout: SchemeLayout, scales: ScaleStorage, roles: Set<TensorRole>, hasPartialBlocks: Bool = false,
        hasCacheScales: Bool = false
    ) {
        self.layout = layout
        self.scales = scales
        self.roles = roles
        self.hasPartialBlocks = hasPartialBlocks
        hasInputScales = layout.hasInputScales
        self.hasCacheScales = hasCacheScales
    }

    /// What a checkpoint of this layout holds; nil when it is not quantised, or by whole tensors
    /// without stored scales of activations.
    ///
    /// - Parameter scales: the kind a `ScaleAudit` found; nil takes the config's word.
    package init?(_ quantised: QuantisedInventory, scales kind: ScaleKind? = nil) {
        guard let fp8 = quantised.layout.fp8 else { return nil }
        switch (fp8.container, fp8.granularity) {
        case (.deepSeek, .block): layout = .deepSeekBlock
        case (.compressedTensors, .block): layout = .compressedTensorsBlock
        case (.compressedTensors, .channel): layout = .compressedTensorsChannel
        case (.compressedTensors, .tensor) where fp8.activations == .fixed: layout = .compressedTensorsStatic
        default: return nil
        }
        let powers = kind.map { $0 == .powersOfTwo } ?? fp8.saysPowersOfTwo
        scales = powers ? .powerOfTwo : fp8.usualScaleDType == .bf16 ? .bf16 : .f32
        hasInputScales = fp8.activations == .fixed
        hasCacheScales = fp8.hasCacheScales
        roles = []
        hasPartialBlocks = false
        for (entry, isQuantised) in zip(quantised.inventory.entries, quantised.isQuantised) where isQuantised
        {
            roles.insert(entry.role)
            if case .block(let rows, let columns) = fp8.granularity,
                entry.shape.dimensions[0] % rows != 0 || entry.shape.dimensions[1] % columns != 0
            {
                hasPartialBlocks = true
            }
        }
    }
}
