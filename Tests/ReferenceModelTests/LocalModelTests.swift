// Models made on this machine, with golden values of an outside forward pass: INGOT_GOLDEN names folders,
// colons between them, each with golden/float32.safetensors; it may hold CASE.mtp and CASE.bf16 besides logits.

import Backends
import Foundation
import ReferenceModel
import TestSupport
import Testing

private let folders = (ProcessInfo.processInfo.environment["INGOT_GOLDEN"] ?? "").split(separator: ":").map(
    String.init)

@Suite(.enabled(if: !folders.isEmpty))
struct LocalModelTests {
    @Test(arguments: folders, backends().indices)
    func agrees(folder: String, backend: Int) throws {
        let golden = try GoldenValues(folder + "/golden/float32.safetensors")
        let weights = try CheckpointWeights.open(folder, budget: 0)
        let backend = backends()[backend]
        let pass = ForwardPass(weights.configuration, weights: weights, backend: backend)
        for name in golden.cases {
            let tokens = TokenSequence(try golden.integers("\(name).tokens"))
            let made = LogitCollector()
            try pass.run([tokens], predicting: golden.has("\(name).mtp"), taps: [made])
            let trunk = OutputAgreement(made: made.logits, recorded: try golden.matrix("\(name).logits"))
            #expect(
                trunk.worst <= Contract.logProbability && trunk.meanKL <= Contract.meanKL, "\(name): \(trunk)"
            )
            print(folder, backend.name, name, trunk)
            if golden.has("\(name).mtp") {
                let next = OutputAgreement(
                    made: made.prediction, recorded: try golden.matrix("\(name).mtp"))
                #expect(next.worst <= Contract.logProbability, "\(name): \(next)")
                print(folder, backend.name, name, "prediction layer", next)
            }
            if golden.has("\(name).bf16") {
                let recorded = try golden.matrix("\(name).bf16")
                let narrow = LogitCollector()
                let other = ForwardPass(
                    weights.configuration, weights: weights,
                    backend: backends(.bf16)[backend.name == "reference" ? 0 : 1])
                try other.run([tokens], taps: [narrow])
                print(
                    folder, backend.name, name, "bf16",
                    OutputAgreement(made: narrow.logits, recorded: recorded), "against f32 golden",
                    OutputAgreement(made: made.logits, recorded: recorded))
            }
        }
    }
}
