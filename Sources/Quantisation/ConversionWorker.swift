// The converting thread: takes the steps of a shard in order, each from a filled buffer into room at the
// writer, and keeps the digests and the sums.

import Architectures
import CKernels
import Checkpoints
import Diagnostics
import Tensors

/// The state of the converting thread.
struct ConversionWorker {
    let converter: ShardConverter
    let reader: ReadAhead
    let writer: WriteBehind
    let level: ingot_simd_level
    private let sourceDigest = TensorDigest()
    private let outputDigest = TensorDigest()
    /// By conversion: the scales so far, F32, block rows × block columns.
    private var scales: [Int: [Float]] = [:]
    private var sums = ingot_encode_statistics()
    /// By conversion: the largest magnitude of a matrix with one scale.
    private var absmax: [Int: Float] = [:]
    /// What the squared error of each column counts, of the matrix at hand.
    private var columnWeights: [Float] = []
    private let layout: ShardConversion.Layout
    private var sourceDigests: [Int: TensorDigest.Value] = [:]
    private var outputDigests: [Int: TensorDigest.Value] = [:]
    private var scaleDigests: [Int: TensorDigest.Value] = [:]
    private var statistics: [Int: EncodeStatistics] = [:]

    init(
        converter: ShardConverter, layout: ShardConversion.Layout, reader: ReadAhead, writer: WriteBehind,
        level: ingot_simd_level
    ) {
        self.converter = converter
        self.layout = layout
        self.reader = reader
        self.writer = writer
        self.level = level
    }

    private var shard: ShardConversion { converter.shard }

    mutating func run(_ steps: ConversionSteps) throws(Failure) -> [ConvertedTensor] {
        try layout.headerBytes.withBytes { bytes throws(Failure) in
            try writer.append(bytes, longest: converter.budget.block)
        }
        for step in steps {
            try StopFlag.check()
            try run(step)
            // A measuring step reads bytes that are read again; only the second time counts.
            if step.purpose != .measure { converter.progress.advance(bytes: step.range.count) }
        }
        let empty = TensorDigest().finish()
        return shard.conversions.indices.map { index in
            ConvertedTensor(
                name: shard.conversions[index].source.name, sourceDigest: sourceDigests[index] ?? empty,
                digest: outputDigests[index] ?? empty, scaleDigest: scaleDigests[index],
                statistics: statistics[index])
        }
    }

    private mutating func run(_ step: ConversionStep) throws(Failure) {
        let conversion = shard.conversions[step.conversion]
        switch (step.purpose, conversion.operation) {
        case (.constant, _): try writeConstant(step, conversion)
        case (.measure, .encode(let rule)) where rule.coversMatrix:
            try measure(step, conversion.source, rule)
        case (.copy, _): try copy(step, conversion.source)
        case (.encode, .encode(let rule)), (.measure, .encode(let rule)):
            try encode(step, conversion.source, rule)
        case (.cast, .cast(let target)): try cast(step, conversion.source, target)
        case (.decode, .decode(let rule)): try decode(step, conversion.source, rule)
        case (.scales, .encode(let rule)): try writeScales(step, rule)
        default: preconditionFailure("a step that its conversion cannot take")
        }
    }

    private mutating func finishStretch(_ step: ConversionStep, hasSource: Bool = true) {
        guard step.isLast else { return }
        if layout.stretches[step.stretch].part == .scales {
            scaleDigests[step.conversion] = outputDigest.finish()
        } else {
            outputDigests[step.conversion] = outputDigest.finish()
        }
        if hasSource { sourceDigests[step.conversion] = sourceDigest.finish() }
    }

    // MARK: Copy

    private mutating func copy(_ step: ConversionStep, _ source: TensorRecord) throws(Failure) {
        guard !step.range.isEmpty else { return finishStretch(step) }
        try reader.next { bytes throws(Failure) in
            try checkFinite(
                bytes, source, firstElement: (step.range.lowerBound - source.dataRange.lowerBound))
            sourceDigest.update(bytes)
            outputDigest.update(bytes)
            try writer.append(bytes.count) { $0.copyMemory(from: bytes) }
        }
        finishStretch(step)
    }

    private mutating func cast(_ step: ConversionStep, _ source: TensorRecord, _ target: DType)
        throws(Failure)
    {
        guard !step.range.isEmpty else { return finishStretch(step) }
        try reader.next { bytes throws(Failure) in
            try checkFinite(bytes, source, firstElement: step.range.lowerBound - source.dataRange.lowerBound)
            sourceDigest.update(bytes)
            let count = bytes.count * 8 / source.dtype.bits
            try writer.append(count * target.bits / 8) { room in
                convertElements(bytes, source.dtype, to: target, room, count: count)
                outputDigest.update(UnsafeRawBufferPointer(room))
            }
        }
        finishStretch(step)
    }

    /// A NaN or infinity in a weight that is carried along is as wrong as in one that is quantised.
    private func checkFinite(
        _ bytes: UnsafeRawBufferPointer, _ source: TensorRecord, firstElement byteOffset: Int
    ) throws(Failure) {
        guard let type = source.dtype.kernelSource else { return }
        let width = source.dtype.bits / 8
        let count = bytes.count / width
        let index = ingot_first_non_finite(bytes.baseAddress, type, count, level)
        guard index < count else { return }
        let flat = byteOffset / width + index
        let columns = source.shape.dimensions.last ?? 1
        throw nonFinite(source, row: flat / max(1, columns), column: flat % max(1, columns))
    }

    private func nonFinite(_ source: TensorRecord, shard index: Int? = nil, row: Int, column: Int) -> Failure
    {
        Failure(
            Finding(
                .error, .nonFiniteWeight, "a weight is not a finite number",
                file: lastComponent(converter.plan.source.path(ofShard: index ?? shard.sourceShard)),
                tensor: "\(source.name) \(source.shape) \(source.dtype.rawValue)", expected: "finite weights",
                found: "NaN or infinity at row \(row), column \(column)",
                remedy: "take this tensor from an intact copy of the checkpoint"))
    }

    // MARK: Encode

    private mutating func encode(_ step: ConversionStep, _ source: TensorRecord, _ rule: EncodeRule)
        throws(Failure)
    {
        let columns = source.shape.dimensions[1]
        let blockColumns = (columns + rule.blockColumns - 1) / rule.blockColumns
        let blockRows =
            ((rule.coversMatrix ? step.rows.count : source.shape.dimensions[0]) + rule.blockRows - 1)
            / rule.blockRows
        if step.rows.lowerBound == 0 {
            if !rule.coversMatrix {
                scales[step.conversion] = [Float](repeating: 0, count: blockRows * blockColumns)
            }
            sums = ingot_encode_statistics()
            columnWeights = []
            if rule.search == .secondMoment, let key = rule.key {
                columnWeights = try converter.plan.moments?.secondMoments(of: key) ?? []
            }
        }
        let columnWeights = columnWeights
        let writes = step.purpose == .encode
        let count = step.rows.count * columns
        // Measuring happens to odd-sized matrices at the end of a file only: its codes go nowhere.
        var discarded = [UInt8](repeating: 0, count: writes ? 0 : count)
        var strip = sums
        var offender: ingot_position?
        let firstScale = rule.coversMatrix ? 0 : step.rows.lowerBound / rule.blockRows * blockColumns
        // The dictionary must not hold a second reference, or every strip would copy the scales. Parts of a block that
        // covers the matrix all get the one scale that is known already.
        var kept =
            rule.coversMatrix
            ? [Float](repeating: 0, count: blockRows * blockColumns)
            : scales.removeValue(forKey: step.conversion) ?? []
        let sharedAbsmax = rule.coversMatrix ? absmax[step.conversion] ?? 0 : 0
        try reader.next { bytes throws(Failure) in
            if writes { sourceDigest.update(bytes) }
            var job = ingot_encode_job()
            job.source = bytes.baseAddress
            job.type = source.dtype.kernelSource ?? INGOT_SOURCE_BF16
            job.rows = step.rows.count
            job.columns = columns
            job.source_stride = columns
            job.block_rows = rule.blockRows
            job.block_columns = rule.blockColumns
            job.rule = rule.rule.kernel
            job.amax_floor = rule.amaxFloor
            job.zero_scale = rule.zeroScale
            job.codes_stride = columns
            job.scales_stride = blockColumns
            job.searches = rule.search == nil ? 0 : 1
            job.shared_absmax = sharedAbsmax
            if writes {
                try writer.append(count) { room throws(Failure) in
                    offender = encodeStrip(
                        &job, into: room, &kept, firstScale, &strip, columnWeights, level)
                    outputDigest.update(UnsafeRawBufferPointer(room))
                }
            } else {
                offender = discarded.withUnsafeMutableBytes {
                    encodeStrip(&job, into: $0, &kept, firstScale, &strip, columnWeights, level)
                }
            }
        }
        if let offender {
            throw nonFinite(
                source, row: step.rows.lowerBound + Int(offender.row), column: Int(offender.column))
        }
        sums = strip
        if !rule.coversMatrix { scales[step.conversion] = kept }
        guard writes else { return }
        if step.isLast {
            statistics[step.conversion] = EncodeStatistics(sums, isOneBlock: rule.coversMatrix)
            absmax[step.conversion] = nil
        }
        finishStretch(step)
    }

    /// The first reading of a matrix with one scale.
    private mutating func measure(_ step: ConversionStep, _ source: TensorRecord, _ rule: EncodeRule)
        throws(Failure)
    {
        let type = source.dtype.kernelSource ?? INGOT_SOURCE_BF16
        var largest: Float = 0
        try reader.next { bytes throws(Failure) in
            let count = bytes.count * 8 / source.dtype.bits
            largest = ingot_absmax(bytes.baseAddress, type, count, level)
            if !largest.isFinite {
                let firstRow = step.rows.lowerBound * source.shape.dimensions[1]
                try checkFinite(bytes, source, firstElement: firstRow * source.dtype.bits / 8)
            }
        }
        let all = max(largest, step.rows.lowerBound == 0 ? 0 : absmax[step.conversion] ?? 0)
        absmax[step.conversion] = all
        if step.isLast {
            scales[step.conversion] = [
                ingot_block_scale(rule.rule.kernel, all, rule.amaxFloor, rule.zeroScale)
            ]
        }
    }

    private mutating func writeConstant(_ step: ConversionStep, _ conversion: TensorConversion)
        throws(Failure)
    {
        guard case .constant(let place) = layout.stretches[step.stretch].part else {
            preconditionFailure("a constant that the layout does not have")
        }
        let bits = conversion.constants[place].value.bitPattern.littleEndian
        try writer.append(MemoryLayout.size(ofValue: bits)) { $0.storeBytes(of: bits, as: UInt32.self) }
    }

    private mutating func writeScales(_ step: ConversionStep, _ rule: EncodeRule) throws(Failure) {
        let values = scales[step.conversion] ?? []
        let width = rule.scaleType.bits / 8
        // In pieces: the scales of a long channel matrix can exceed one append.
        let piece = max(1, converter.budget.block / width)
        var start = 0
        while start < values.count {
            let end = min(start + piece, values.count)
            try writer.append((end - start) * width) { room in
                for index in start..<end {
                    let offset = (index - start) * width
                    if rule.scaleType == .bf16 {
                        room.storeBytes(of: BF16.encode(values[index]), toByteOffset: offset, as: UInt16.self)
                    } else {
                        room.storeBytes(of: values[index].bitPattern, toByteOffset: offset, as: UInt32.self)
                    }
                }
                outputDigest.update(UnsafeRawBufferPointer(room))
            }
            start = end
        }
        finishStretch(step, hasSource: false)
        // In the tail of a ragged file the codes come after their scales and are encoded once more.
        let codesCome = layout.stretches[(step.stretch + 1)...].contains {
            $0.conversion == step.conversion && $0.part == .codes
        }
        if !codesCome { scales[step.conversion] = nil }
    }

    // MARK: Decode

    /// The stored scales of a matrix; one that would give something other than a finite number stops the run.
    private func sourceScales(_ rule: DecodeRule, rows: Int) throws(Failure) -> [Float] {
        let source = converter.plan.source
        let values = try source.scales(rule.scale, shard: rule.scaleShard)
        if let index = values.firstIndex(where: { !$0.isFinite }) {
            let columns = max(1, rule.scale.shape.dimensions.last ?? 1)
            throw nonFinite(
                rule.scale, shard: rule.scaleShard, row: index / columns, column: index % columns)
        }
        return rule.coversMatrix ? Array(repeating: values.first ?? 0, count: rows) : values
    }

    private mutating func decode(_ step: ConversionStep, _ source: TensorRecord, _ rule: DecodeRule)
        throws(Failure)
    {
        let columns = source.shape.dimensions[1]
        let blockColumns = (columns + rule.blockColumns - 1) / rule.blockColumns
        if step.rows.lowerBound == 0 {
            scales[step.conversion] = try sourceScales(rule, rows: source.shape.dimensions[0])
        }
        let values = scales[step.conversion] ?? []
        let firstScale = step.rows.lowerBound / rule.blockRows * blockColumns
        try reader.next { bytes throws(Failure) in
            sourceDigest.update(bytes)
            let count = step.rows.count * columns
            try writer.append(count * rule.target.bits / 8) { room throws(Failure) in
                values.withUnsafeBufferPointer { values in
                    var job = ingot_decode_job()
                    job.codes = bytes.bindMemory(to: UInt8.self).baseAddress
                    job.rows = step.rows.count
                    job.columns = columns
                    job.codes_stride = columns
                    job.block_rows = rule.blockRows
                    job.block_columns = rule.blockColumns
                    job.scales = values.baseAddress.map { $0 + firstScale }
                    job.scales_stride = blockColumns
                    job.target = room.baseAddress
                    job.type = rule.target == .f32 ? INGOT_TARGET_F32 : INGOT_TARGET_BF16
                    job.target_stride = columns
                    _ = ingot_decode(&job, level)
                }
                // A NaN code, or a product beyond what the target holds.
                let type = rule.target == .f32 ? INGOT_SOURCE_F32 : INGOT_SOURCE_BF16
                let index = ingot_first_non_finite(room.baseAddress, type, count, level)
                if index < count {
                    throw nonFinite(
                        source, row: step.rows.lowerBound + index / columns, column: index % columns)
                }
                outputDigest.update(UnsafeRawBufferPointer(room))
            }
        }
        if step.isLast { scales[step.conversion] = nil }
        finishStretch(step)
    }
}

extension DType {
    /// The kernel's name for a source type it can read; nil for others.
    package var kernelSource: ingot_source_type? {
        switch self {
        case .bf16: INGOT_SOURCE_BF16
        case .f16: INGOT_SOURCE_F16
        case .f32: INGOT_SOURCE_F32
        default: nil
        }
    }
}

/// Encodes a strip into room and scales; the first NaN or infinity, where there is one.
private func encodeStrip(
    _ job: inout ingot_encode_job, into room: UnsafeMutableRawBufferPointer, _ scales: inout [Float],
    _ firstScale: Int, _ sums: inout ingot_encode_statistics, _ columnWeights: [Float],
    _ level: ingot_simd_level
) -> ingot_position? {
    job.codes = room.bindMemory(to: UInt8.self).baseAddress
    var position = ingot_position()
    let status = scales.withUnsafeMutableBufferPointer { scales in
        job.scales = scales.baseAddress.map { $0 + firstScale }
        return withUnsafeMutablePointer(to: &sums) {
            job.statistics = $0
            return columnWeights.withUnsafeBufferPointer { columns in
                job.column_weights = columns.isEmpty ? nil : columns.baseAddress
                return ingot_encode(&job, level, &position)
            }
        }
    }
    precondition(status != INGOT_BAD_ARGUMENT, "the plan let a job through that the kernel refuses")
    return status == INGOT_NON_FINITE ? position : nil
}

extension [UInt8] {
    fileprivate func withBytes<Value>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Value)
        throws(Failure)
        -> Value
    {
        let result: Result<Value, Failure> = withUnsafeBytes { bytes in
            do throws(Failure) { return .success(try body(bytes)) } catch { return .failure(error) }
        }
        return try result.get()
    }
}
