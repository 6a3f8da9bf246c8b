// Weights of a checkpoint as they would be after quantising some of them: encoded when a pass asks for them, by
// the kernel that writes artefacts, so that a pass shows what an artefact would before there is one.

import Architectures
import Backends
import CKernels
import Diagnostics
import ReferenceModel

extension EncodeRule {
    /// Codes and scales of a matrix, bit for bit those of an artefact.
    ///
    /// - Throws: SCHEME-005 for a NaN or an infinity; SCHEME-004 for a matrix that holds codes already.
    package func encoded(
        _ weight: WeightMatrix, of key: WeightKey, moments: (any InputMoments)? = nil,
        inputScale: Float? = nil
    ) throws(Failure) -> WeightMatrix {
        let columnWeights = search == .secondMoment ? try moments?.secondMoments(of: key) : nil
        guard let type = weight.format.kernelSource, rule != .bf16 || type == INGOT_SOURCE_BF16 else {
            throw failure(.unsupportedSourceType, "a weight cannot be quantised from this element type", key)
        }
        let stride = (weight.columns + blockColumns - 1) / blockColumns
        var scales = [Float](
            repeating: 0, count: (weight.rows + blockRows - 1) / blockRows * stride)
        var isFinite = true
        precondition(columnWeights?.count ?? weight.columns == weight.columns, "moments of another weight")
        let level = ingot_simd_best()
        let absmax =
            coversMatrix
            ? ingot_absmax(weight.bytes.baseAddress, type, weight.rows * weight.columns, level) : 0
        guard absmax.isFinite else { throw failure(.nonFiniteWeight, "a weight is not a finite number", key) }
        let codes = [UInt8](unsafeUninitializedCapacity: weight.rows * weight.columns) { codes, count in
            count = weight.rows * weight.columns
            scales.withUnsafeMutableBufferPointer { scales in
                var job = ingot_encode_job()
                job.source = weight.bytes.baseAddress
                job.type = type
                job.rows = weight.rows
                job.columns = weight.columns
                job.source_stride = weight.columns
                job.block_rows = blockRows
                job.block_columns = blockColumns
                job.rule = rule.kernel
                job.amax_floor = amaxFloor
                job.zero_scale = zeroScale
                job.codes = codes.baseAddress
                job.codes_stride = weight.columns
                job.scales = scales.baseAddress
                job.scales_stride = stride
                job.searches = search == nil ? 0 : 1
                job.shared_absmax = absmax
                isFinite = (columnWeights ?? []).withUnsafeBufferPointer { columns in
                    if columnWeights != nil { job.column_weights = columns.baseAddress }
                    return ingot_encode(&job, level, nil) == INGOT_OK
                }
            }
        }
        guard isFinite else { throw failure(.nonFiniteWeight, "a weight is not a finite number", key) }
        // One scale is repeated for each row, as when an artefact is read.
        let blocks =
            coversMatrix
            ? BlockScales(
                values: Array(repeating: scales[0], count: weight.rows), blockRows: 1,
                blockColumns: weight.columns, columns: weight.columns)
            : BlockScales(
                values: scales, blockRows: blockRows, blockColumns: blockColumns, columns: weight.columns)
        return WeightMatrix(
            format: .e4m3(blocks), rows: weight.rows, columns: weight.columns, bytes: codes,
            inputScale: inputScale)
    }

    private func failure(_ code: DiagnosticCode, _ what: String, _ key: WeightKey) -> Failure {
        let place = [key.layer.map { "layer \($0)" }, key.expert.map { "expert \($0)" }].compactMap { $0 }
        return Failure(
            Finding(
                .error, code, what, tensor: ([key.role.name] + place).joined(separator: ", "),
                expected: "finite weights in BF16, F16 or F32", remedy: "ingot validate CHECKPOINT --deep"))
    }
}

extension WeightMatrix.Format {
    fileprivate var kernelSource: ingot_source_type? {
        switch self {
        case .f32: INGOT_SOURCE_F32
        case .bf16: INGOT_SOURCE_BF16
        case .f16: INGOT_SOURCE_F16
        case .e4m3: nil
        }
    }
}

/// The weights of a model with some of them quantised.
package final class EncodedWeights: WeightSource {
    private let source: any WeightSource
    private let request: QuantisationRequest
    private let moments: (any InputMoments)?
    private let isChosen: @Sendable (WeightKey) -> Bool

    /// - Parameter isChosen: which of the weights that the request quantises are quantised.
    package init(
        _ source: any WeightSource, _ request: QuantisationRequest, moments: (any InputMoments)? = nil,
        choosing isChosen: @escaping @Sendable (WeightKey) -> Bool = { _ in true }
    ) {
        self.source = source
        self.request = request
        self.moments = moments
        self.isChosen = isChosen
    }

    package func weight(_ key: WeightKey) throws(Failure) -> WeightMatrix {
        try encoded(try source.weight(key), key)
    }

    private func encoded(_ weight: WeightMatrix, _ key: WeightKey) throws(Failure) -> WeightMatrix {
        guard request.quantises(key.role, layer: key.layer), isChosen(key) else { return weight }
        return try request.encodeRule(key.role, columns: weight.columns).encoded(
            weight, of: key, moments: moments, inputScale: request.scales?.inputs[key])
    }

    package func rows(_ indices: [Int], of key: WeightKey) throws(Failure) -> WeightMatrix {
        try source.rows(indices, of: key)
    }

    package func strips(
        of key: WeightKey, _ body: (Range<Int>, WeightMatrix) throws(Failure) -> Void
    ) throws(Failure) { try source.strips(of: key, body) }

    package func experts(
        _ experts: [Int], layer: Int, _ body: (Int, MLPWeights) throws(Failure) -> Void
    ) throws(Failure) {
        try source.experts(experts, layer: layer) { (expert, weights) throws(Failure) in
            func encoded(_ weight: WeightMatrix, _ part: MLPProjection) throws(Failure) -> WeightMatrix {
                try self.encoded(weight, WeightKey(.expert(part), layer: layer, expert: expert))
            }
            try body(
                expert,
                MLPWeights(
                    gate: try encoded(weights.gate, .gate), up: try encoded(weights.up, .up),
                    down: try encoded(weights.down, .down)))
        }
    }
}
