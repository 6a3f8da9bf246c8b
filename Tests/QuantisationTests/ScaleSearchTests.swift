// Searched scales: never worse than those of amax, the same bits on every level, and refused where a rule binds.

import Architectures
import Backends
import CKernels
import Calibration
import Foundation
import Quantisation
import ReferenceModel
import TestSupport
import Testing

/// One matrix encoded by the kernel.
private struct Encoded {
    var codes: [UInt8]
    var scales: [Float]
    var sums = ingot_encode_statistics()
    var status = INGOT_OK

    init(
        _ weight: [Float], rows: Int, columns: Int, searches: Bool, weights: [Float]? = nil,
        rule: ingot_scale_rule = INGOT_SCALE_F32, level: ingot_simd_level = ingot_simd_best()
    ) {
        codes = [UInt8](repeating: 0, count: rows * columns)
        scales = [Float](repeating: 0, count: (rows + 127) / 128 * ((columns + 127) / 128))
        var job = ingot_encode_job()
        job.type = INGOT_SOURCE_F32
        job.rows = rows
        job.columns = columns
        job.source_stride = columns
        job.block_rows = 128
        job.block_columns = 128
        job.rule = rule
        job.amax_floor = 1e-4
        job.zero_scale = 1
        job.codes_stride = columns
        job.scales_stride = (columns + 127) / 128
        job.searches = searches ? 1 : 0
        weight.withUnsafeBytes { source in
            codes.withUnsafeMutableBufferPointer { codes in
                scales.withUnsafeMutableBufferPointer { scales in
                    withUnsafeMutablePointer(to: &sums) { sums in
                        (weights ?? []).withUnsafeBufferPointer { columnWeights in
                            job.source = source.baseAddress
                            job.codes = codes.baseAddress
                            job.scales = scales.baseAddress
                            job.statistics = sums
                            job.column_weights = weights == nil ? nil : columnWeights.baseAddress
                            status = ingot_encode(&job, level, nil)
                        }
                    }
                }
            }
        }
    }

    /// Σ weight · (code × scale − x)² of the whole matrix.
    func error(_ weight: [Float], columns: Int, weights: [Float]? = nil) -> Double {
        let blocks = BlockScales(values: scales, blockRows: 128, blockColumns: 128, columns: columns)
        let decoded = WeightMatrix(
            format: .e4m3(blocks), rows: weight.count / columns, columns: columns, bytes: codes
        ).decoded
        var sum = 0.0
        for (index, x) in weight.enumerated() {
            let error = Double(decoded[index]) - Double(x)
            sum += error * error * Double(weights?[index % columns] ?? 1)
        }
        return sum
    }
}

struct ScaleSearchTests {
    /// Sums of uniform numbers, about normal, with one outlier in each block.
    private static func matrix(rows: Int, columns: Int) -> [Float] {
        var generator = SeededGenerator(seed: 11)
        func uniform() -> Float { Float(generator.next() >> 40) * 0x1p-24 - 0.5 }
        var values = (0..<rows * columns).map { _ in (0..<8).reduce(Float(0)) { sum, _ in sum + uniform() } }
        for index in stride(from: 77, to: values.count, by: 4099) { values[index] *= 3 }
        return values
    }

    @Test func aSearchedScaleIsNeverWorse() {
        let (rows, columns) = (300, 333)
        let x = Self.matrix(rows: rows, columns: columns)
        let plain = Encoded(x, rows: rows, columns: columns, searches: false)
        let searched = Encoded(x, rows: rows, columns: columns, searches: true)
        let (before, after) = (plain.error(x, columns: columns), searched.error(x, columns: columns))
        #expect(after < before && after > 0.9 * before, "\(after / before)")
        #expect(abs(searched.sums.squared_error - after) < 1e-5 * after)
        #expect(searched.sums.elements == UInt64(rows * columns))
        #expect(searched.codes.allSatisfy { $0 & 0x7f != 0x7f })
    }

    @Test func aWeightedSearchLowersTheWeightedError() {
        let (rows, columns) = (256, 320)
        let x = Self.matrix(rows: rows, columns: columns)
        let weights = (0..<columns).map { $0 % 16 == 3 ? Float(900) : 1 }
        let plain = Encoded(x, rows: rows, columns: columns, searches: true)
        let weighted = Encoded(x, rows: rows, columns: columns, searches: true, weights: weights)
        #expect(
            weighted.error(x, columns: columns, weights: weights)
                < plain.error(x, columns: columns, weights: weights))
        let ones = Encoded(
            x, rows: rows, columns: columns, searches: true, weights: Array(repeating: 1, count: columns))
        #expect(ones.codes == plain.codes && ones.scales == plain.scales)
    }

    @Test func everyLevelFindsTheSame() {
        let (rows, columns) = (130, 200)
        let x = Self.matrix(rows: rows, columns: columns)
        let weights = (0..<columns).map { Float($0 + 1) }
        let best = Encoded(x, rows: rows, columns: columns, searches: true, weights: weights)
        for level in [INGOT_SIMD_PLAIN, INGOT_SIMD_AVX2, INGOT_SIMD_AVX512, INGOT_SIMD_NEON]
        where ingot_simd_available(level) == 1 {
            let made = Encoded(
                x, rows: rows, columns: columns, searches: true, weights: weights, level: level)
            #expect(made.codes == best.codes && made.scales == best.scales)
            #expect(made.sums.squared_error == best.sums.squared_error)
        }
    }

    @Test func edgesKeepTheScaleOfAmax() {
        let zeros = [Float](repeating: 0, count: 128 * 128)
        let tiny = [Float](repeating: 1e-6, count: 128 * 128)
        let huge = [Float](repeating: 3e38, count: 128 * 128)
        for x in [zeros, tiny, huge] {
            let plain = Encoded(x, rows: 128, columns: 128, searches: false)
            let searched = Encoded(x, rows: 128, columns: 128, searches: true)
            #expect(plain.codes == searched.codes && plain.scales == searched.scales)
        }
        #expect(
            Encoded(zeros, rows: 128, columns: 128, searches: true, rule: INGOT_SCALE_UE8M0).status
                == INGOT_BAD_ARGUMENT)
    }

    @Test func aSearchedArtefactIsWhatAPassSees() throws {
        let folder = try TemporaryFolder()
        let run = try ProgramRun.ingot(
            "quantise", Repository.checkpoint("micro"), "--clip", "mse", "--output", folder.path("out"))
        #expect(run.exit == 0, "\(run.errors)")
        let stored = try CheckpointWeights.open(folder.path("out"), budget: 0)
        let plain = try CheckpointWeights.open(Repository.checkpoint("micro"), budget: 0)
        let request = QuantisationRequest(scheme: try SchemeLibrary.scheme("fp8-block"), search: .mse)
        let encoded = EncodedWeights(plain, request)
        let key = WeightKey(.attentionQKV, layer: 1)
        #expect(try encoded.weight(key).decoded == stored.weight(key).decoded)
        for arguments in [
            ["--clip", "amax"], ["--clip", "second-moment"], ["--clip", "mse", "--scheme", "fp8-block-ling"],
        ] {
            let refused = try ProgramRun(
                Repository.program("ingot"),
                ["quantise", Repository.checkpoint("micro"), "--output", folder.path("no")] + arguments)
            #expect(refused.exit == 64 && refused.errors.contains("SCHEME-009"), "\(refused.errors)")
        }
    }

    @Test func aCalibrationWeighsTheSearch() throws {
        let folder = try TemporaryFolder()
        let source = Repository.checkpoint("micro")
        try "{\"tokens\": [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9]}\n".write(
            toFile: folder.path("data.jsonl"), atomically: false, encoding: .utf8)
        let calibrated = try ProgramRun.ingot(
            "calibrate", source, "--data", folder.path("data.jsonl"), "--output", folder.path("cal"))
        #expect(calibrated.exit == 0, "\(calibrated.errors)")
        for (search, output) in [("mse", "plain"), ("second-moment", "weighted")] {
            let run = try ProgramRun.ingot(
                "quantise", source, "--clip", search, "--calibration", folder.path("cal"), "--output",
                folder.path(output))
            #expect(run.exit == 0, "\(run.errors)")
        }
        let (_, inventory) = try open(source)
        let moments = try CalibrationMoments(
            CalibrationRecord.read(folder.path("cal")), inventory,
            of: CheckpointWeights.open(source, budget: 0).checkpoint)
        let request = QuantisationRequest(
            scheme: try SchemeLibrary.scheme("fp8-block"), search: .secondMoment)
        let encoded = EncodedWeights(try CheckpointWeights.open(source, budget: 0), request, moments: moments)
        let weighted = try CheckpointWeights.open(folder.path("weighted"), budget: 0)
        let plain = try CheckpointWeights.open(folder.path("plain"), budget: 0)
        var differs = false
        for entry in inventory.entries where entry.role.isQuantisable {
            let key = WeightKey(entry.role, layer: entry.layer, expert: entry.expert)
            let made = try weighted.weight(key).decoded
            #expect(try encoded.weight(key).decoded == made, "\(entry.name)")
            if try plain.weight(key).decoded != made { differs = true }
        }
        #expect(differs)
    }
}
