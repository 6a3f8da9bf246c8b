// Decoding by the kernels, for those in a hurry: the same numbers as WeightMatrix.decode, bit for bit.

import CKernels

extension WeightMatrix {
    /// Writes the exact F32 value of each element of some rows.
    ///
    /// Of codes, the first row starts a block, or all rows are of one.
    ///
    /// - Parameters:
    ///   - target: room for [range.count, stride].
    ///   - stride: numbers from one row to the next, at least K; K without. Those between are left as they are.
    package func decodeQuickly(
        rows range: Range<Int>, into target: UnsafeMutablePointer<Float>, stride: Int? = nil
    ) {
        let stride = stride ?? columns
        precondition(stride >= columns, "rows of \(columns) are not \(stride) apart")
        if case .bf16 = format, let source = bytes.baseAddress {
            for (place, row) in range.enumerated() {
                ingot_widen(
                    source + row * columns * 2, columns, target + place * stride, ingot_simd_best())
            }
            return
        }
        guard case .e4m3(let scales) = format, let codes = bytes.bindMemory(to: UInt8.self).baseAddress else {
            for (place, row) in range.enumerated() {
                decode(rows: row..<row + 1, into: target + place * stride)
            }
            return
        }
        let block = range.lowerBound / scales.blockRows
        precondition(
            range.lowerBound == block * scales.blockRows
                || range.upperBound <= (block + 1) * scales.blockRows,
            "rows from the middle of a block and of the next one")
        scales.values.withUnsafeBufferPointer { values in
            guard let values = values.baseAddress else { return }
            var job = ingot_decode_job()
            job.codes = codes + range.lowerBound * columns
            job.rows = range.count
            job.columns = columns
            job.codes_stride = columns
            job.block_rows = scales.blockRows
            job.block_columns = scales.blockColumns
            job.scales = values + block * scales.stride
            job.scales_stride = scales.stride
            job.target = UnsafeMutableRawPointer(target)
            job.type = INGOT_TARGET_F32
            job.target_stride = stride
            let status = ingot_decode(&job, ingot_simd_best())
            precondition(status == INGOT_OK, "a weight that its own initialiser accepted")
        }
    }
}

extension WeightMatrix {
    /// The elements as they lie in memory, where they are F32 numbers that can be read in place; nil otherwise.
    var floats: UnsafePointer<Float>? {
        guard case .f32 = format, let base = bytes.baseAddress, Int(bitPattern: base) % 4 == 0 else {
            return nil
        }
        return base.assumingMemoryBound(to: Float.self)
    }
}
