// What quantise takes from a calibration: mean squares that a search weighs columns with, and scales that are stored.

import Architectures
import Calibration
import Diagnostics
import Quantisation

extension Quantise {
    /// The request with everything that it needs of a calibration.
    func calibrated(
        _ request: QuantisationRequest, _ opened: OpenedCheckpoint
    ) throws(Failure) -> QuantisationRequest {
        let weighs = request.search == .secondMoment
        let hasInputScales = request.scheme.layout.hasInputScales
        guard weighs || hasInputScales || kvScales else { return request }
        guard let calibration else {
            throw weighs
                ? needed(
                    .searchImpossible, "this search needs the inputs of a calibration", "--clip second-moment"
                )
                : hasInputScales
                    ? needed(
                        .calibrationNeeded,
                        "this scheme stores scales of inputs, which only a calibration knows",
                        "--scheme \(choice.scheme)")
                    : needed(
                        .calibrationNeeded, "scales of keys and values come from a calibration", "--kv-scales"
                    )
        }
        let record = try CalibrationRecord.read(calibration)
        var scales: CalibratedScales?
        if hasInputScales || kvScales {
            scales = try CalibratedScales(
                record, opened.checkpoint, opened.inventory,
                quantises: { hasInputScales && request.quantises($0) },
                cacheNames: kvScales ? try cacheScaleNames() : nil, zeroScale: request.scheme.zeroScale)
        }
        return request.calibrated(
            moments: weighs ? try CalibrationMoments(record, opened.inventory, of: opened.checkpoint) : nil,
            scales: scales)
    }

    private func needed(_ code: DiagnosticCode, _ what: String, _ option: String) -> Failure {
        Failure(
            Finding(
                .error, code, what, option: option, expected: "--calibration FOLDER", found: "none",
                remedy: "ingot calibrate CHECKPOINT --data FILE --output FOLDER"))
    }

    /// The target's names; without one those that vLLM and SGLang would take.
    private func cacheScaleNames() throws(Failure) -> CacheScaleNames {
        guard let target = choice.target else { return .engine }
        return try Target(target, .embedded).engine.cacheScaleNames
    }
}
