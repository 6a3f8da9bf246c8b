// One call of the encoder on arrays, with strides, offsets and cuts to vary.
import CKernels

struct EncodeCall {
    var source: Source
    var rows: Int
    var columns: Int
    var blockRows = 128
    var blockColumns = 128
    var rule = INGOT_SCALE_F32
    var floor: Float = 0
    var zeroScale: Float = 1
    var sharedAbsmax: Float = 0
    var level = INGOT_SIMD_PLAIN
    var misalignment = 0  // bytes before the first element
    var padding = 0  // elements between rows, in source and codes
    var gathers = true
    var cuts: [Int] = []  // rows at which a new call begins; multiples of blockRows

    struct Result: Equatable {
        var status: ingot_status
        var position: [Int]
        var codes: [UInt8]
        var scales: [UInt32]  // bits
        var sums: [UInt64]  // bits of the double statistics, then the counts
    }

    struct Outcome {
        var result: Result
        var statistics: ingot_encode_statistics

        var scales: [Float] { result.scales.map(Float.init(bitPattern:)) }
    }

    var blockGridColumns: Int { (columns + blockColumns - 1) / blockColumns }
    var blockGridRows: Int { (rows + blockRows - 1) / blockRows }

    func run() -> Outcome {
        let size = source.bytes.count / max(1, source.values.count)
        let stride = columns + padding
        // Padding is infinity in any type: a kernel that reads it reports it.
        let filler: [UInt8] = size == 4 ? [0, 0, 0x80, 0x7F] : [0x80, 0x7F]
        var bytes = [UInt8](repeating: 0xFF, count: misalignment)
        for row in 0..<rows {
            bytes += source.bytes[row * columns * size..<(row + 1) * columns * size]
            for _ in 0..<padding { bytes += filler }
        }
        var codes = [UInt8](repeating: 0x55, count: misalignment + rows * stride)
        var scales = [Float](repeating: -1, count: blockGridRows * blockGridColumns)
        var statistics = ingot_encode_statistics()
        var position = ingot_position(row: -1, column: -1)
        var status = INGOT_OK
        let starts = [0] + cuts
        for (start, end) in zip(starts, cuts + [rows]) where status == INGOT_OK {
            bytes.withUnsafeBytes { bytes in
                codes.withUnsafeMutableBufferPointer { codes in
                    scales.withUnsafeMutableBufferPointer { scales in
                        withUnsafeMutablePointer(to: &statistics) { statistics in
                            var job = ingot_encode_job()
                            job.source = bytes.baseAddress.map { $0 + misalignment + start * stride * size }
                            job.type = source.type
                            job.rows = end - start
                            job.columns = columns
                            job.source_stride = stride
                            job.block_rows = blockRows
                            job.block_columns = blockColumns
                            job.rule = rule
                            job.amax_floor = floor
                            job.zero_scale = zeroScale
                            job.shared_absmax = sharedAbsmax
                            job.codes = codes.baseAddress.map { $0 + misalignment + start * stride }
                            job.codes_stride = stride
                            job.scales = scales.baseAddress.map { $0 + start / blockRows * blockGridColumns }
                            job.scales_stride = blockGridColumns
                            job.statistics = gathers ? statistics : nil
                            status = ingot_encode(&job, level, &position)
                        }
                    }
                }
            }
        }
        var dense: [UInt8] = []
        var untouched = true
        for row in 0..<rows {
            let first = misalignment + row * stride
            dense += codes[first..<first + columns]
            untouched = untouched && codes[first + columns..<first + stride].allSatisfy { $0 == 0x55 }
        }
        precondition(untouched, "codes written outside their row")
        let result = Result(
            status: status, position: [position.row, position.column],
            codes: dense, scales: scales.map(\.bitPattern),
            sums: [
                statistics.squared_error.bitPattern, statistics.squared_signal.bitPattern,
                statistics.largest_error.bitPattern, statistics.largest_signal.bitPattern,
                statistics.elements,
                statistics.saturated, statistics.zero_blocks, statistics.floored_blocks,
            ])
        return Outcome(result: result, statistics: statistics)
    }
}

/// Where two arrays differ first, in words, or nil.
func firstDifference(_ found: [UInt8], _ expected: [UInt8]) -> String? {
    guard found.count == expected.count else { return "\(found.count) codes, expected \(expected.count)" }
    guard let index = zip(found, expected).enumerated().first(where: { $1.0 != $1.1 })?.offset else {
        return nil
    }
    let count = zip(found, expected).reduce(0) { $0 + ($1.0 == $1.1 ? 0 : 1) }
    return "\(count) differ, first at \(index): found \(found[index]), expected \(expected[index])"
}
