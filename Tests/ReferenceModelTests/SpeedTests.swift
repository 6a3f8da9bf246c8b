// How fast, on this machine: INGOT_SPEED names a checkpoint, INGOT_NUMERICS the numerics (f32 without). Prints,
// judges nothing.

import Backends
import Foundation
import ReferenceModel
import TestSupport
import Testing

private let folder = ProcessInfo.processInfo.environment["INGOT_SPEED"]

@Suite(.enabled(if: folder != nil), .serialized)
struct SpeedTests {
    @Test(arguments: backends().indices)
    func tokensPerSecond(backend: Int) throws {
        let name = ProcessInfo.processInfo.environment["INGOT_NUMERICS"] ?? Numerics.f32.name
        let backend = backends(try NumericsProfile.named(name).numerics)[backend]
        let weights = try CheckpointWeights.open(try #require(folder), budget: 4 << 30)
        let pass = ForwardPass(weights.configuration, weights: weights, backend: backend)
        let length = Int(ProcessInfo.processInfo.environment["INGOT_TOKENS"] ?? "512") ?? 512
        let vocabulary = weights.configuration.vocabularySize
        let prompt = (0..<length).map { $0 * 7919 % vocabulary }
        let clock = ContinuousClock()
        // Once for the weights to be in memory.
        try pass.run([TokenSequence([1])])
        try pass.run([TokenSequence(prompt)])
        let prefill = try clock.measure { try pass.run([TokenSequence(prompt)]) } / .seconds(1)
        let cache = KeyValueCache(pass.configuration)
        try pass.run([TokenSequence(Array(prompt.prefix(64)), cache: cache)], logits: .none)
        let decoding =
            try clock.measure {
                for token in 0..<32 { try pass.run([TokenSequence([token], cache: cache)]) }
            } / .seconds(1)
        print(
            "\(backend.name) \(OpenBLASBackend.coreName) \(name): prefill of \(length) at \(Double(length) / prefill) tokens/s,"
                + " decoding \(32 / decoding) tokens/s, \(weights.bytesKept) bytes kept")
    }
}
