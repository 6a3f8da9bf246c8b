// Artefacts for tests: quantised and dequantised copies of checkpoints.

import Architectures
import Checkpoints
import Diagnostics
import Quantisation
import Tensors
import Testing

/// Quantises a checkpoint and gives the folder of the result.
package func quantised(_ source: String, _ scheme: String, _ output: String) throws -> String {
    let (checkpoint, inventory) = try opened(source)
    let request = QuantisationRequest(scheme: try SchemeLibrary.scheme(scheme))
    let plan = try QuantisationPlanner(checkpoint: checkpoint, inventory: inventory, request: request).plan()
    return try converted(plan, QuantisationPlanner.recordName, output)
}

/// Dequantises an artefact.
package func dequantised(_ source: String, _ target: DType, _ output: String) throws -> String {
    let (checkpoint, inventory) = try opened(source)
    let plan = try DequantisationPlanner(checkpoint: checkpoint, inventory: inventory, target: target).plan()
    return try converted(plan, DequantisationPlanner.recordName, output)
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
