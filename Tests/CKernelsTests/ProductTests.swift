// Products against their definition, to the last bit: every level, every way to cut rows and tokens.
import CKernels
import TestSupport
import Testing

/// One product on arrays, with strides to vary.
private struct ProductCall {
    var tokens: Int
    var rows: Int
    var columns: Int
    var type = INGOT_WEIGHT_F32
    var blockRows = 128
    var blockColumns = 128
    var x: [Float] = []  // [tokens, columns + 3]
    var bytes: [UInt8] = []  // one byte that is no weight, then [rows, columns + 5]
    var scales: [Float] = []

    static let gap = 3
    static let weightGap = 5

    var width: Int { type == INGOT_WEIGHT_F32 ? 4 : type == INGOT_WEIGHT_BF16 ? 2 : 1 }
    var grid: Int { (columns + blockColumns - 1) / blockColumns }

    init(
        _ tokens: Int, _ rows: Int, _ columns: Int, _ type: ingot_weight_type, block: (Int, Int) = (128, 128),
        seed: UInt64 = 1
    ) {
        (self.tokens, self.rows, self.columns, self.type) = (tokens, rows, columns, type)
        (blockRows, blockColumns) = block
        var generator = SeededGenerator(seed: seed &+ UInt64(rows * 31 + columns))
        x = (0..<tokens * (columns + Self.gap)).map { _ in generator.normal() }
        bytes = [0xFF]
        for _ in 0..<rows * (columns + Self.weightGap) {
            let bits = generator.normal().bitPattern
            switch type {
            case INGOT_WEIGHT_F32: bytes += (0..<4).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) }
            case INGOT_WEIGHT_BF16: bytes += (2..<4).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) }
            default:
                let code = UInt8(truncatingIfNeeded: generator.next())
                bytes.append(code & 0x7F == 0x7F ? 0x01 : code)
            }
        }
        scales = (0..<grid * ((rows + blockRows - 1) / blockRows)).map { _ in
            abs(generator.normal()) * 0.01 + 0.001
        }
    }

    func weight(_ row: Int, _ column: Int) -> Float {
        let start = 1 + (row * (columns + Self.weightGap) + column) * width
        let bits = (0..<width).reduce(UInt32(0)) { $0 | UInt32(bytes[start + $1]) << (8 * $1) }
        switch type {
        case INGOT_WEIGHT_F32: return Float(bitPattern: bits)
        case INGOT_WEIGHT_BF16: return Float(bitPattern: bits << 16)
        default:
            let value =
                ReferenceE4M3.decode(UInt8(bits)) * scales[row / blockRows * grid + column / blockColumns]
            switch type {
            case INGOT_WEIGHT_E4M3_AS_BF16:
                let bits = value.bitPattern
                return Float(bitPattern: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) & 0xFFFF_0000)
            case INGOT_WEIGHT_E4M3_AS_F16: return halfRounded(value)
            default: return value
            }
        }
    }

    /// [tokens, rows] of the first tokens and some rows; the rest stays NaN.
    func run(_ level: ingot_simd_level, tokens: Int, rows range: Range<Int>) -> [Float] {
        var target = [Float](repeating: .nan, count: tokens * (rows + 1))
        var panel = [Float](repeating: .nan, count: Int(INGOT_PRODUCT_PANEL_ELEMENTS))
        let status = bytes.withUnsafeBytes { bytes in
            x.withUnsafeBufferPointer { x in
                scales.withUnsafeBufferPointer { scales in
                    target.withUnsafeMutableBufferPointer { target in
                        panel.withUnsafeMutableBufferPointer { panel in
                            var job = ingot_product_job()
                            job.x = x.baseAddress
                            job.tokens = tokens
                            job.columns = columns
                            job.x_stride = columns + Self.gap
                            job.weight = bytes.baseAddress.map { $0 + 1 }
                            job.weight_stride = columns + Self.weightGap
                            job.type = type
                            job.first = range.lowerBound
                            job.last = range.upperBound
                            job.block_rows = blockRows
                            job.block_columns = blockColumns
                            job.scales = scales.baseAddress
                            job.scales_stride = grid
                            job.target = target.baseAddress
                            job.target_stride = rows + 1
                            job.panel = panel.baseAddress
                            return ingot_product(&job, level)
                        }
                    }
                }
            }
        }
        #expect(status == INGOT_OK)
        return target
    }

    /// The sum that the header of WideBody.h defines.
    func definedWide(_ token: Int, _ row: Int) -> Float {
        var total = 0.0
        for first in stride(from: 0, to: columns, by: Int(INGOT_PRODUCT_CHUNK)) {
            var lanes = [Double](repeating: 0, count: 8)
            for column in first..<min(columns, first + Int(INGOT_PRODUCT_CHUNK)) {
                lanes[column % 8] +=
                    Double(x[token * (columns + Self.gap) + column]) * Double(weight(row, column))
            }
            total +=
                ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6]))
                + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]))
        }
        return Float(total)
    }

    /// The sum that the header of ProductTile.h defines, and the bound of its error.
    func defined(_ token: Int, _ row: Int) -> (sum: Float, exact: Double, bound: Double) {
        var total: Float = 0
        var (exact, magnitudes) = (0.0, 0.0)
        let line = token * (columns + Self.gap)
        for first in stride(from: 0, to: columns, by: Int(INGOT_PRODUCT_CHUNK)) {
            var lanes = [Float](repeating: 0, count: 16)
            for column in first..<min(columns, first + Int(INGOT_PRODUCT_CHUNK)) {
                let (a, b) = (x[line + column], weight(row, column))
                lanes[column % 16].addProduct(a, b)
                exact += Double(a) * Double(b)
                magnitudes += abs(Double(a) * Double(b))
            }
            var half = 8
            while half > 0 {
                for lane in 0..<half { lanes[lane] += lanes[lane + half] }
                half /= 2
            }
            total = first == 0 ? lanes[0] : total + lanes[0]
        }
        return (total, exact, Double(columns / 16 + 20) * 0x1p-24 * magnitudes)
    }
}

/// The nearest multiple of a half's step, ties to even; these values are below its largest.
private func halfRounded(_ value: Float) -> Float {
    let step = Float(
        sign: .plus, exponent: max(value == 0 ? -14 : Int(value.exponent), -14) - 10, significand: 1)
    return (value / step).rounded(.toNearestOrEven) * step
}

private struct ProductShape: CustomTestStringConvertible {
    var rows, columns: Int
    var type: ingot_weight_type
    var block = (128, 128)
    var testDescription: String { "\(rows)x\(columns) \(type.rawValue) in \(block)" }
}

private let shapes: [ProductShape] =
    [INGOT_WEIGHT_F32, INGOT_WEIGHT_BF16].flatMap { type in
        [(1, 1), (3, 17), (70, 64), (130, 33), (9, 1024), (5, 2100)].map {
            ProductShape(rows: $0.0, columns: $0.1, type: type)
        }
    }
    + [
        (1, 1, 128, 128), (3, 17, 128, 128), (70, 256, 48, 16), (131, 300, 128, 128), (5, 2100, 128, 128),
        (9, 1024, 1, 1024), (7, 130, 1, 130), (33, 90, 5, 24), (6, 50, 3, 7), (4, 96, 2, 48),
    ].flatMap { shape in
        [INGOT_WEIGHT_E4M3, INGOT_WEIGHT_E4M3_AS_BF16, INGOT_WEIGHT_E4M3_AS_F16].map {
            ProductShape(rows: shape.0, columns: shape.1, type: $0, block: (shape.2, shape.3))
        }
    }

@Suite struct ProductTests {
    @Test(arguments: shapes)
    fileprivate func everyLevelGivesTheDefinedBits(shape: ProductShape) {
        let call = ProductCall(67, shape.rows, shape.columns, shape.type, block: shape.block)
        let width = shape.rows + 1
        var expected = [Float](repeating: .nan, count: 67 * width)
        for token in 0..<67 {
            for row in 0..<shape.rows {
                let (sum, exact, bound) = call.defined(token, row)
                expected[token * width + row] = sum
                #expect(abs(Double(sum) - exact) <= bound, "[\(token), \(row)]")
            }
        }
        for level in availableLevels {
            // Few tokens, a tile, more than a tile, panels of one tile, panels: the same bits.
            for tokens in [1, 2, 3, 4, 5, 6, 7, 16, 17, 49, 67] {
                let made = call.run(level, tokens: tokens, rows: 0..<shape.rows)
                let wrong = made.indices.filter { made[$0].bitPattern != expected[$0].bitPattern }
                #expect(wrong.isEmpty, "\(level), \(tokens) tokens: \(wrong.prefix(3))")
            }
        }
    }

    @Test(arguments: [(1, 1), (17, 16), (70, 40), (1030, 32), (2100, 7)])
    func weightedSumsAreProductsWithTheTransposed(count: Int, width: Int) {
        // The transposed rows are the weight; x stands in both.
        let call = ProductCall(15, width, count, INGOT_WEIGHT_F32)
        let rows = (0..<count * width).map { call.weight($0 % width, $0 / width) }
        var panel = [Float](repeating: .nan, count: Int(INGOT_PRODUCT_PANEL_ELEMENTS))
        for level in availableLevels {
            for tokens in [1, 5, 6, 7, 15] {
                var made = [Float](repeating: .nan, count: tokens * (width + 1))
                var job = ingot_mix_job()
                (job.tokens, job.count, job.x_stride) = (tokens, count, count + ProductCall.gap)
                (job.rows_stride, job.width, job.target_stride) = (width, width, width + 1)
                let status = call.x.withUnsafeBufferPointer { x in
                    rows.withUnsafeBufferPointer { rows in
                        made.withUnsafeMutableBufferPointer { made in
                            panel.withUnsafeMutableBufferPointer { panel in
                                (job.x, job.rows) = (x.baseAddress, rows.baseAddress)
                                (job.target, job.panel) = (made.baseAddress, panel.baseAddress)
                                return ingot_mix(&job, level)
                            }
                        }
                    }
                }
                #expect(status == INGOT_OK)
                let expected = call.run(level, tokens: tokens, rows: 0..<width)
                #expect(made.map(\.bitPattern) == expected.map(\.bitPattern), "\(level), \(tokens) tokens")
            }
        }
    }

    @Test(arguments: [(1, 1), (5, 17), (70, 64), (9, 2100)])
    func wideSumsAreTheDefinedOnes(rows: Int, columns: Int) {
        let call = ProductCall(13, rows, columns, INGOT_WEIGHT_F32)
        let weight = (0..<rows * columns).map { call.weight($0 / columns, $0 % columns) }
        for level in availableLevels {
            for tokens in [1, 2, 6, 13] {
                var made = [Float](repeating: .nan, count: tokens * rows)
                var job = ingot_wide_job()
                (job.tokens, job.columns, job.x_stride) = (tokens, columns, columns + ProductCall.gap)
                (job.rows, job.weight_stride, job.target_stride) = (rows, columns, rows)
                let status = call.x.withUnsafeBufferPointer { x in
                    weight.withUnsafeBufferPointer { weight in
                        made.withUnsafeMutableBufferPointer { made in
                            (job.x, job.weight, job.target) = (
                                x.baseAddress, weight.baseAddress, made.baseAddress
                            )
                            return ingot_wide_product(&job, level)
                        }
                    }
                }
                #expect(status == INGOT_OK)
                let wrong = made.indices.filter { made[$0] != call.definedWide($0 / rows, $0 % rows) }
                #expect(wrong.isEmpty, "\(level), \(tokens) tokens: \(wrong.prefix(3))")
            }
        }
    }

    @Test(arguments: availableLevels)
    func someRowsAreOnlyThose(level: ingot_simd_level) {
        let call = ProductCall(3, 70, 40, INGOT_WEIGHT_E4M3, block: (16, 16))
        let all = call.run(level, tokens: 3, rows: 0..<70)
        for range in [0..<0, 5..<6, 16..<48, 69..<70] {
            let some = call.run(level, tokens: 3, rows: range)
            for index in some.indices {
                let inside = range.contains(index % 71)
                #expect(inside ? some[index] == all[index] : some[index].isNaN)
            }
        }
    }

    @Test(arguments: availableLevels, [1, 3, 20, 60])
    func codesThatAreNaNSpoilTheirRowOnly(level: ingot_simd_level, tokens: Int) {
        for (block, columns) in [((128, 128), 400), ((1, 24), 96)] {
            var call = ProductCall(tokens, 12, columns, INGOT_WEIGHT_E4M3, block: block)
            for (row, column, code) in [(2, 0, 0x7F), (7, 70, 0xFF), (11, columns - 1, 0x7F)] {
                call.bytes[1 + row * (columns + ProductCall.weightGap) + column] = UInt8(code)
            }
            let made = call.run(level, tokens: tokens, rows: 0..<12)
            for token in 0..<tokens {
                for row in 0..<12 {
                    #expect(made[token * 13 + row].isNaN == [2, 7, 11].contains(row), "[\(token), \(row)]")
                }
            }
        }
    }

    @Test(arguments: availableLevels)
    func everyCodeIsItsValue(level: ingot_simd_level) {
        // One activation that is not zero at a time; scales from subnormal to as large as the header allows.
        for scale: Float in [1, 0x1p-140, 0x1.8p-126, 0x1.fp118, 3.3e-5] {
            var call = ProductCall(1, 256, 32, INGOT_WEIGHT_E4M3, block: (1, 32))
            call.scales = call.scales.map { _ in scale }
            for row in 0..<256 {
                for column in 0..<32 {
                    call.bytes[1 + row * (32 + ProductCall.weightGap) + column] = column == 9 ? UInt8(row) : 0
                }
            }
            call.x = call.x.indices.map { $0 == 9 ? 1 : 0 }
            let made = call.run(level, tokens: 1, rows: 0..<256)
            for code in 0..<256 {
                let value = ReferenceE4M3.decode(UInt8(code)) * scale
                #expect(value.isNaN ? made[code].isNaN : made[code] == value, "code \(code) × \(scale)")
            }
        }
    }

    @Test func badArgumentsAreRefused() {
        var job = ingot_product_job()
        #expect(ingot_product(&job, INGOT_SIMD_PLAIN) == INGOT_BAD_ARGUMENT)
    }
}
