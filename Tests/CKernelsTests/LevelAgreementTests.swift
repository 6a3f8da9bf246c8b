// Every level against plain C, and every way to cut a matrix, to the last bit, statistics included.
import CKernels
import TestSupport
import Testing

private struct Shape: CustomTestStringConvertible {
    var rows, columns, blockRows, blockColumns: Int
    var testDescription: String { "\(rows)x\(columns) in \(blockRows)x\(blockColumns)" }
}

private let shapes = [
    Shape(rows: 17, columns: 16, blockRows: 16, blockColumns: 16),
    Shape(rows: 1000, columns: 1088, blockRows: 128, blockColumns: 128),
    Shape(rows: 1, columns: 1, blockRows: 128, blockColumns: 128),
    Shape(rows: 129, columns: 257, blockRows: 128, blockColumns: 128),
    Shape(rows: 33, columns: 700, blockRows: 1, blockColumns: 700),
    Shape(rows: 3, columns: 5000, blockRows: 2, blockColumns: 3),
    Shape(rows: 50, columns: 70, blockRows: 1000, blockColumns: 1000),
]

/// Blocks of many kinds: gaussian, outliers, zero, floored, vanishing, subnormal, and huge where the type allows.
private func values(_ shape: Shape, seed: UInt64) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    let kinds: [Float] = [1, 0, 1e-6, 1e-36, 1e-38, 0x1p-149, 1e38, 0.02]
    let grid = (shape.columns + shape.blockColumns - 1) / shape.blockColumns
    var kindOfBlock: [Int: Float] = [:]
    return (0..<shape.rows * shape.columns).map { index in
        let block =
            index / shape.columns / shape.blockRows * grid + index % shape.columns / shape.blockColumns
        let kind = kindOfBlock[block] ?? kinds[Int.random(in: kinds.indices, using: &generator)]
        kindOfBlock[block] = kind
        let outlier: Float = generator.next() % 997 == 0 ? 3 : 0.5
        return max(-3e38, min(3e38, generator.normal() * outlier * kind))
    }
}

@Suite struct LevelAgreementTests {
    private static let types = [INGOT_SOURCE_BF16, INGOT_SOURCE_F16, INGOT_SOURCE_F32]

    @Test(arguments: shapes, types)
    fileprivate func codesScalesAndStatistics(shape: Shape, type: ingot_source_type) {
        let source = Source(values(shape, seed: 11 &+ UInt64(shape.columns)), as: type)
        for rule in [INGOT_SCALE_F32, INGOT_SCALE_UE8M0, INGOT_SCALE_UE8M0_LOG2, INGOT_SCALE_BF16] {
            if rule == INGOT_SCALE_BF16 && type != INGOT_SOURCE_BF16 { continue }
            for floor: Float in [0, 1e-4] {
                var call = EncodeCall(
                    source: source, rows: shape.rows, columns: shape.columns, blockRows: shape.blockRows,
                    blockColumns: shape.blockColumns, rule: rule, floor: floor)
                let plain = call.run()
                #expect(plain.result.status == INGOT_OK)
                #expect(!plain.result.codes.contains { $0 & 0x7F == 0x7F })
                if rule != INGOT_SCALE_BF16 {
                    #expect(plain.result == independent(call), "\(rule) floor \(floor)")
                }
                call.misalignment = 3
                call.padding = 5
                for level in availableLevels {
                    call.level = level
                    call.gathers = true
                    #expect(call.run().result == plain.result, "\(level) \(rule) floor \(floor)")
                    call.gathers = false
                    let silent = call.run().result
                    #expect(silent.codes == plain.result.codes && silent.scales == plain.result.scales)
                }
            }
        }
    }

    /// The definition in the header, without vectors: codes by search, lanes in arrays.
    private func independent(_ call: EncodeCall) -> EncodeCall.Result {
        var codes = [UInt8](repeating: 0, count: call.rows * call.columns)
        var scales: [UInt32] = []
        var sums = [0.0, 0, 0, 0]
        var counts = [UInt64](repeating: 0, count: 4)
        for top in stride(from: 0, to: call.rows, by: call.blockRows) {
            for left in stride(from: 0, to: call.columns, by: call.blockColumns) {
                let rows = top..<min(call.rows, top + call.blockRows)
                let columns = left..<min(call.columns, left + call.blockColumns)
                func x(_ row: Int, _ column: Int) -> Float { call.source.values[row * call.columns + column] }
                let amax = rows.reduce(Float(0)) { most, row in
                    columns.reduce(most) { max($0, x(row, $1).magnitude) }
                }
                let vanishing = max(amax, call.floor) / 448 < Float.leastNormalMagnitude
                let scale = ingot_block_scale(call.rule, amax, call.floor, call.zeroScale)
                scales.append(scale.bitPattern)
                // A vanishing block is added up in double, without a unit.
                var error = [Float](repeating: 0, count: 16)
                var signal = error
                var worst: Float = 0
                var tiny = 0.0
                for row in rows {
                    for column in columns {
                        let value = x(row, column)
                        let lane = (column - left) % 16
                        if vanishing {
                            codes[row * call.columns + column] = value.sign == .minus ? 0x80 : 0
                            tiny += Double(value) * Double(value)
                            continue
                        }
                        let quotient = value.magnitude / scale
                        let code = ReferenceE4M3.code(value / scale)
                        codes[row * call.columns + column] = code
                        let difference = ReferenceE4M3.decode(code & 0x7F) - quotient
                        error[lane] += difference * difference
                        signal[lane] += quotient * quotient
                        worst = max(worst, difference.magnitude)
                        counts[1] += quotient > 448 ? 1 : 0
                    }
                }
                if vanishing {
                    sums[0] += tiny
                    sums[1] += tiny
                    sums[2] = max(sums[2], Double(amax))
                } else {
                    sums[0] += folded(error) * (Double(scale) * Double(scale))
                    sums[1] += folded(signal) * (Double(scale) * Double(scale))
                    sums[2] = max(sums[2], Double(worst) * Double(scale))
                }
                sums[3] = max(sums[3], Double(amax))
                counts[0] += UInt64(rows.count * columns.count)
                counts[2] += amax == 0 ? 1 : 0
                counts[3] += amax > 0 && amax < call.floor ? 1 : 0
            }
        }
        return EncodeCall.Result(
            status: INGOT_OK, position: [-1, -1], codes: codes, scales: scales,
            sums: sums.map(\.bitPattern) + counts)
    }

    private func folded(_ lanes: [Float]) -> Double {
        var wide = lanes.map(Double.init)
        while wide.count > 1 {
            let half = wide.count / 2
            wide = (0..<half).map { wide[$0] + wide[$0 + half] }
        }
        return wide[0]
    }

    @Test(arguments: availableLevels, [INGOT_SCALE_F32, INGOT_SCALE_BF16])
    func cutsAtBlockRowsDoNotShow(level: ingot_simd_level, rule: ingot_scale_rule) {
        let shape = Shape(rows: 100, columns: 200, blockRows: 16, blockColumns: 48)
        var call = EncodeCall(
            source: Source(values(shape, seed: 5), as: INGOT_SOURCE_BF16), rows: 100, columns: 200,
            blockRows: 16,
            blockColumns: 48, rule: rule, level: level)
        let whole = call.run().result
        for cuts in [[16], [16, 32, 48, 64, 80, 96], [32, 96], [64]] {
            call.cuts = cuts
            #expect(call.run().result == whole, "\(cuts)")
        }
    }

    @Test(arguments: shapes)
    fileprivate func decoding(shape: Shape) {
        var generator = SeededGenerator(seed: 23)
        let grid = (shape.columns + shape.blockColumns - 1) / shape.blockColumns
        let codes = (0..<shape.rows * (shape.columns + 3)).map { _ in
            UInt8(truncatingIfNeeded: generator.next())
        }
        let scales = (0..<grid * ((shape.rows + shape.blockRows - 1) / shape.blockRows))
            .map { _ in Float(bitPattern: UInt32(generator.next() % 0x7F80_0000)) }
        for level in availableLevels {
            for type in [INGOT_TARGET_BF16, INGOT_TARGET_F32] {
                let size = type == INGOT_TARGET_F32 ? 4 : 2
                let stride = shape.columns + 1
                var target = [UInt8](repeating: 0xAA, count: 1 + shape.rows * stride * size)
                let status = codes.withUnsafeBufferPointer { codes in
                    scales.withUnsafeBufferPointer { scales in
                        target.withUnsafeMutableBytes { target in
                            var job = ingot_decode_job(
                                codes: codes.baseAddress, rows: shape.rows, columns: shape.columns,
                                codes_stride: shape.columns + 3, block_rows: shape.blockRows,
                                block_columns: shape.blockColumns, scales: scales.baseAddress,
                                scales_stride: grid,
                                target: target.baseAddress! + 1, type: type, target_stride: stride)
                            return ingot_decode(&job, level)
                        }
                    }
                }
                #expect(status == INGOT_OK)
                var wrong = 0
                for row in 0..<shape.rows {
                    for column in 0..<stride {
                        let first = 1 + (row * stride + column) * size
                        let bits = (0..<size).reduce(UInt32(0)) {
                            $0 | UInt32(target[first + $1]) << (8 * $1)
                        }
                        if column == shape.columns {
                            wrong += bits == (size == 4 ? 0xAAAA_AAAA : 0xAAAA) ? 0 : 1
                            continue
                        }
                        let code = codes[row * (shape.columns + 3) + column]
                        let scale = scales[row / shape.blockRows * grid + column / shape.blockColumns]
                        let product = ReferenceE4M3.decode(code) * scale
                        let sign: UInt32 = code & 0x80 == 0 ? 0 : 1
                        let expected =
                            product.isNaN
                            ? (size == 4 ? 0x7FC0_0000 | sign << 31 : 0x7FC0 | sign << 15)
                            : size == 4 ? product.bitPattern : UInt32(ReferenceE4M3.bf16(product))
                        wrong += bits == expected ? 0 : 1
                    }
                }
                #expect(wrong == 0, "\(level) \(type)")
            }
        }
    }
}
