// A weight as the kernels of CKernels take it.
//
// Legend: T tokens, N and K rows and columns of a weight.

import CKernels

/// A stored weight that a kernel can multiply by.
struct ProductSource: @unchecked Sendable {
    private let bytes: UnsafeRawPointer
    private let type: ingot_weight_type
    /// K.
    private let columns: Int
    /// Elements from one row to the next.
    private let stride: Int
    private let scales: BlockScales?

    /// Nil when the kernels do not read this format, or do not round it so.
    ///
    /// - Parameter rounding: of every element.
    init?(_ weight: WeightMatrix, rounding: NumberFormat) {
        guard let bytes = weight.bytes.baseAddress else { return nil }
        switch (weight.format, rounding) {
        case (.bf16, .f32): (type, scales) = (INGOT_WEIGHT_BF16, nil)
        case (.f32, .f32): (type, scales) = (INGOT_WEIGHT_F32, nil)
        case (.e4m3(let blocks), _) where blocks.values.allSatisfy { abs($0) < Self.largestScale }:
            scales = blocks
            switch rounding {
            case .f32: type = INGOT_WEIGHT_E4M3
            case .bf16: type = INGOT_WEIGHT_E4M3_AS_BF16
            case .f16: type = INGOT_WEIGHT_E4M3_AS_F16
            }
        default: return nil
        }
        self.bytes = bytes
        columns = weight.columns
        stride = weight.columns
    }

    /// Rows of F32 that are somewhere in memory.
    init(_ values: UnsafePointer<Float>, columns: Int, stride: Int? = nil) {
        bytes = UnsafeRawPointer(values)
        type = INGOT_WEIGHT_F32
        self.columns = columns
        self.stride = stride ?? columns
        scales = nil
    }

    /// A kernel moves 2^8 from codes to their scale, which must not overflow.
    private static let largestScale: Float = 0x1p119

    /// Floats of scratch for each call.
    static let panelElements = Int(INGOT_PRODUCT_PANEL_ELEMENTS)

    /// x · Wᵀ for some rows of the weight, into the columns of those numbers.
    ///
    /// - Parameters:
    ///   - x: [T, K], rows `inputStride` apart; without gaps if that is nil.
    ///   - target: [T, stride].
    ///   - panel: `panelElements` of them.
    func multiply(
        _ x: UnsafePointer<Float>, tokens: Int, inputStride: Int? = nil, _ rows: Range<Int>,
        into target: UnsafeMutablePointer<Float>, stride targetStride: Int,
        panel: UnsafeMutablePointer<Float>
    ) {
        var job = ingot_product_job()
        job.x = x
        job.tokens = tokens
        job.columns = columns
        job.x_stride = inputStride ?? columns
        job.weight = bytes
        job.weight_stride = stride
        job.type = type
        job.first = rows.lowerBound
        job.last = rows.upperBound
        job.target = target
        job.target_stride = targetStride
        job.panel = panel
        guard let scales else { return Self.run(&job) }
        scales.values.withUnsafeBufferPointer { values in
            job.block_rows = scales.blockRows
            job.block_columns = scales.blockColumns
            job.scales = values.baseAddress
            job.scales_stride = scales.stride
            Self.run(&job)
        }
    }

    private static func run(_ job: inout ingot_product_job) {
        let status = ingot_product(&job, ingot_simd_best())
        precondition(status == INGOT_OK, "a product that its own shapes describe")
    }
}
