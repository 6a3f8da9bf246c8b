// What a calibration warns of: activations that no format holds.

import Foundation
import TestSupport
import Testing

struct CalibrateWarningTests {
    /// A norm that makes the inputs of one layer's attention large, or infinite.
    @Test(arguments: [(1e6, ["CAL-007"]), (3e38, ["CAL-006", "CAL-007"])] as [(Float, [String])])
    func activationsBeyondNumbers(_ factor: Float, _ codes: [String]) throws {
        let folder = try TemporaryFolder()
        var damage = try CheckpointDamage(Repository.checkpoint("micro"))
        try damage.edit("model.layers.1.input_layernorm.weight") { $0 = $0.map { _ in factor } }
        let checkpoint = try damage.write(folder.path("large"))
        let data = folder.path("data.jsonl")
        try "{\"tokens\": [1, 2, 3, 4, 5]}\n".write(toFile: data, atomically: true, encoding: .utf8)
        let run = try ProgramRun.ingot(
            "calibrate", checkpoint, "--data", data, "--output", folder.path("out"))
        #expect(run.exit == 0, "\(run.errors)")
        for code in ["CAL-006", "CAL-007"] {
            #expect(run.errors.contains(code) == codes.contains(code), "\(run.errors)")
        }
        #expect(run.errors.contains("layer 1 attention-qkv"), "\(run.errors)")
    }
}
