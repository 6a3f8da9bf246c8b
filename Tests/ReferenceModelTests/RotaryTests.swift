// Rotary frequencies, bit for bit those of the authors' stack.

import Architectures
import ReferenceModel
import TestSupport
import Testing

struct RotaryTests {
    @Test(arguments: ["micro", "micro-yarn"], RopeGeneration.allCases)
    func frequenciesAreTheRecordedBits(model: String, generation: RopeGeneration) throws {
        let golden = try GoldenValues(checkpoint: model)
        let configuration = try CheckpointWeights.open(Repository.checkpoint(model), budget: 0).configuration
        let single = RotaryFrequencies.single(configuration, generation: generation)
        #expect(single.map(\.bitPattern) == (try golden.matrix("rope.inv_freq")).values.map(\.bitPattern))
        let factor = RotaryFrequencies(configuration: configuration, generation: generation).attentionFactor
        #expect([Float(factor)] == Array(try golden.matrix("rope.attention_scaling").values))
    }
}
