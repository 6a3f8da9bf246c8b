// Artefacts for tests: quantised and dequantised copies of checkpoints.

import Architectures
import Backends
import Calibration
import Checkpoints
import Diagnostics
import Foundation
import Quantisation
import Tensors
import Testing

/// Quantises a checkpoint and gives the folder of the result; static scales are of drawn tokens.
package func quantised(_ source: String, _ scheme: String, _ output: String) throws -> String {
    let (checkpoint, inventory) = try opened(source)
    var request = QuantisationRequest(scheme: try SchemeLibrary.scheme(scheme))
    if request.scheme.layout.hasInputScales {
        let scales = try CalibratedScales(
            try calibrated(source, inventory, output + "-calibration"), checkpoint, inventory,
            quantises: { [request] in request.quantises($0) }, cacheNames: nil,
            zeroScale: request.scheme.zeroScale)
        request = request.calibrated(scales: scales)
    }
    let plan = try QuantisationPlanner(checkpoint: checkpoint, inventory: inventory, request: request).plan()
    return try converted(plan, QuantisationPlanner.recordName, output)
}

/// Dequantises an artefact.
package func dequantised(_ source: String, _ target: DType, _ output: String) throws -> String {
    let (checkpoint, inventory) = try opened(source)
    let plan = try DequantisationPlanner(checkpoint: checkpoint, inventory: inventory, target: target).plan()
    return try converted(plan, DequantisationPlanner.recordName, output)
}

/// What drawn tokens show of the inputs of every matrix.
private func calibrated(
    _ source: String, _ inventory: TensorInventory, _ output: String
) throws -> CalibrationRecord {
    var generator = SeededGenerator(seed: 9)
    let vocabulary = UInt64(inventory.configuration.vocabularySize)
    let tokens = (0..<64).map { _ in "\(generator.next() % vocabulary)" }.joined(separator: ",")
    let data = output + ".jsonl"
    try "{\"tokens\": [\(tokens)]}\n".write(toFile: data, atomically: true, encoding: .utf8)
    let plan = try CalibrationPlan(
        CalibrationRequest(
            checkpoint: source, data: data, observers: [.ranges], allExperts: true,
            predicts: inventory.configuration.predictionLayer != nil, memory: 1 << 30, tool: "ingot test"),
        backend: ReferenceBackend(numerics: .f32))
    _ = try CalibrationRun(
        plan: plan, output: CalibrationRun.output(output, policy: .init(resume: false, replace: true)),
        progress: SilentProgress()
    ).run()
    return try CalibrationRecord.read(output)
}

private func opened(_ folder: String) throws -> (Checkpoint, TensorInventory) {
    let checkpoint = try Checkpoint.open(folder)
    let judgement = try CheckpointJudge().judge(checkpoint)
    return (checkpoint, try #require(judgement.match).quantised.inventory)
}

private func converted(_ plan: ConversionPlan, _ record: String, _ output: String) throws -> String {
    let folder = OutputFolder(path: output, policy: .init(resume: false, replace: false))
    _ = try ConversionRun(
        plan: plan, output: folder, jobs: 1, progress: SilentProgress(), recordName: record
    ).run()
    return output
}
