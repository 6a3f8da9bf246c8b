// Activations as FP8 codes, chosen as engines do on devices that multiply FP8: token by token, or by a scale that is
// stored beside the weight.
//
// Legend: T tokens, K channels, S width of a weight's block of scales.

/// How activations become codes, where the weight's are.
///
/// A run of a token's channels shares one scale s; a code is the E4M3 number nearest to x / s, ties to even,
/// saturated at 448. The run is as wide as the weight's blocks, the last one shorter where K ends; where the
/// weight has one scale a row it is the whole row. A weight with a scale of its inputs sets s for all of them, whatever
/// they are: the code is then nearest to x × (1 / s), and what is beyond 448 is cut.
///
/// - Source: vLLM csrc/quantization/fp8/per_token_group_quant.cu and common.cu (static: the scale is inverted once and
///   multiplied with); the numbers are the profile's.
/// - Checked by: NumericsVectorTests.
package struct ActivationCodeRule: Hashable, Sendable {
    /// The least amax of a run beside a block; s = max(amax, floor) / 448.
    package let blockAmaxFloor: Float
    /// The least scale of a whole row; s = max(amax / 448, floor).
    package let rowScaleFloor: Float

    package init(blockAmaxFloor: Float, rowScaleFloor: Float) {
        self.blockAmaxFloor = blockAmaxFloor
        self.rowScaleFloor = rowScaleFloor
    }

    /// Codes for activations that meet a weight of these scales.
    ///
    /// - Parameter inputScale: the weight's own; nil where a run's amax gives the scale.
    package func codes(of x: Matrix, beside scales: BlockScales, inputScale: Float? = nil) -> ActivationCodes
    {
        let (rows, columns) = (x.rows, x.columns)
        let width = scales.isPerRow ? columns : scales.blockColumns
        var runs = Matrix(rows: rows, columns: scales.stride)
        let values = Matrix(rows: rows, columns: columns) { target in
            x.withElements { input in
                for row in 0..<rows {
                    for run in 0..<scales.stride {
                        let first = row * columns + run * width
                        let count = min(width, columns - run * width)
                        if let inputScale {
                            runs.values[row * scales.stride + run] = inputScale
                            let inverse = 1 / inputScale
                            for index in first..<first + count {
                                target[index] = Self.roundedToE4M3(input[index] * inverse)
                            }
                            continue
                        }
                        let amax = Self.amax(input + first, count)
                        let scale =
                            scales.isPerRow
                            ? max(amax / Self.largestCode, rowScaleFloor)
                            : max(amax, blockAmaxFloor) / Self.largestCode
                        runs.values[row * scales.stride + run] = scale
                        Self.encode(input + first, count, scale: scale, into: target + first)
                    }
                }
            }
        }
        return ActivationCodes(values: values, scales: runs, width: width)
    }

    /// The largest E4M3 number.
    private static let largestCode: Float = 448

    /// The largest magnitude; NaN does not count, as in `fmaxf`.
    @inline(__always)
    private static func amax(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
        var lanes = SIMD16<Float>(repeating: 0)
        var index = 0
        while index + 16 <= count {
            let values = UnsafeRawPointer(x + index).loadUnaligned(as: SIMD16<Float>.self)
            let bits = SIMD16<UInt32>(truncatingIfNeeded: unsafeBitCast(values, to: SIMD16<UInt32>.self))
            let sizes = unsafeBitCast(bits & 0x7FFF_FFFF, to: SIMD16<Float>.self)
            lanes.replace(with: sizes, where: sizes .> lanes)
            index += 16
        }
        var largest: Float = 0
        for lane in 0..<16 { largest = max(largest, lanes[lane]) }
        while index < count {
            let size = abs(x[index])
            if size > largest { largest = size }
            index += 1
        }
        return largest
    }

    @inline(__always)
    private static func encode(
        _ x: UnsafePointer<Float>, _ count: Int, scale: Float, into target: UnsafeMutablePointer<Float>
    ) {
        for index in 0..<count { target[index] = roundedToE4M3(x[index] / scale) }
    }

    /// The nearest E4M3 number, ties to even, saturated at ±448; NaN stays NaN.
    ///
    /// - Source: torch 2.13 CPU cast; the same as `E4M3.encode` then `decode`.
    /// - Checked by: RoundingTests.
    @inline(__always)
    package static func roundedToE4M3(_ value: Float) -> Float {
        let magnitude = value.bitPattern & 0x7FFF_FFFF
        let limited = magnitude > 0x43E0_0000 ? 0x43E0_0000 : magnitude  // 448
        let normal = (limited &+ 0x7_FFFF &+ (limited >> 20 & 1)) & 0xFFF0_0000
        // Below 2⁻⁶ the step is 2⁻⁹, that of the F32 numbers from 2¹⁴ on.
        let subnormal = (Float(bitPattern: limited) + 0x1p14 - 0x1p14).bitPattern
        let finite = limited < 0x3C80_0000 ? subnormal : normal
        return Float(
            bitPattern: value.bitPattern & 0x8000_0000 | (magnitude > 0x7F80_0000 ? magnitude : finite))
    }
}

/// Activations as codes and scales.
package struct ActivationCodes: Sendable {
    /// [T, K], numbers that E4M3 can hold.
    package let values: Matrix
    /// [T, ⌈K/S⌉]; an activation is code × scale.
    package let scales: Matrix
    /// S.
    package let width: Int

    /// code × scale, [T, K].
    package var decoded: Matrix {
        var result = values
        let stride = scales.columns
        result.eachRow(width: values.columns) { row, line in
            for run in 0..<stride {
                let scale = scales.values[row * stride + run]
                for column in run * width..<min((run + 1) * width, values.columns) { line[column] *= scale }
            }
        }
        return result
    }
}
