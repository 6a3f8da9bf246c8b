// fp8.encode: the encode kernel from memory, one core, against copying the same bytes.

import CKernels
import Diagnostics
import Glibc

/// Encodes a working set far larger than any cache, matrix by matrix.
enum EncodeMeasurement {
    static func run(turns: Int) -> [Measurement] {
        let shapes = [(1024, 4096), (4096, 1024), (9216, 4096)]
        let levels: [(ingot_simd_level, String)] = [
            (INGOT_SIMD_AVX512, "avx512"), (INGOT_SIMD_AVX2, "avx2"), (INGOT_SIMD_NEON, "neon"),
            (INGOT_SIMD_PLAIN, "plain"),
        ]
        var results: [Measurement] = []
        for (level, levelName) in levels where ingot_simd_available(level) == 1 {
            for (rows, columns) in shapes {
                for withStatistics in [false, true] {
                    results.append(
                        measure(rows, columns, level, levelName, withStatistics: withStatistics, turns: turns)
                    )
                }
            }
        }
        return results
    }

    private static func measure(
        _ rows: Int, _ columns: Int, _ level: ingot_simd_level, _ levelName: String, withStatistics: Bool,
        turns: Int
    ) -> Measurement {
        let matrices = max(1, (512 << 20) / (rows * columns * 2))
        let elements = matrices * rows * columns
        let source = UnsafeMutablePointer<UInt16>.allocate(capacity: elements)
        // One matrix of codes, used again: what the pipeline does.
        let codes = UnsafeMutablePointer<UInt8>.allocate(capacity: rows * columns)
        let copy = UnsafeMutablePointer<UInt16>.allocate(capacity: rows * columns)
        let scales = UnsafeMutablePointer<Float>.allocate(capacity: rows * columns / 128)
        defer {
            source.deallocate()
            codes.deallocate()
            copy.deallocate()
            scales.deallocate()
        }
        fillWithWeights(UnsafeMutableBufferPointer(start: source, count: elements))
        codes.initialize(repeating: 0, count: rows * columns)
        let times = inTurn(turns) {
            var statistics = ingot_encode_statistics()
            for matrix in 0..<matrices {
                var job = ingot_encode_job()
                job.source = UnsafeRawPointer(source + matrix * rows * columns)
                job.type = INGOT_SOURCE_BF16
                job.rows = rows
                job.columns = columns
                job.source_stride = columns
                job.block_rows = 128
                job.block_columns = 128
                job.rule = INGOT_SCALE_F32
                job.zero_scale = 1
                job.codes = codes
                job.codes_stride = columns
                job.scales = scales
                job.scales_stride = columns / 128
                withUnsafeMutablePointer(to: &statistics) {
                    job.statistics = withStatistics ? $0 : nil
                    _ = ingot_encode(&job, level, nil)
                }
            }
        } _: {
            for matrix in 0..<matrices {
                memcpy(copy, source + matrix * rows * columns, rows * columns * 2)
            }
        }
        return Measurement(
            name: "fp8.encode.\(rows)x\(columns).\(levelName)\(withStatistics ? ".statistics" : "")",
            bytes: elements * 2, subject: times.subject, baseline: times.baseline, baselineName: "memcpy")
    }
}

/// Numbers that look like weights: a bell of small BF16 values, repeatable.
func fillWithWeights(_ weights: UnsafeMutableBufferPointer<UInt16>) {
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    // A table of quantiles, drawn from uniformly: fast enough to fill gigabytes.
    let table: [UInt16] = (0..<4096).map { index in
        let u = (Double(index) + 0.5) / 4096
        // Logistic in place of normal: a closed form, and tails that weights have too.
        let value = Float(0.011 * log(u / (1 - u)))
        return UInt16(truncatingIfNeeded: (value.bitPattern &+ 0x7FFF &+ (value.bitPattern >> 16 & 1)) >> 16)
    }
    table.withUnsafeBufferPointer { table in
        for index in weights.indices {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            weights[index] = table[Int(state >> 52)]
        }
    }
}
