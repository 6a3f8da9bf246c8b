// A real engine that serves ling-tiny-icd: INGOT_ENDPOINT names it. Tests/Judges/judge_endpoint.sh starts one.

import Endpoints
import Foundation
import TestSupport
import Testing

private let url = ProcessInfo.processInfo.environment["INGOT_ENDPOINT"] ?? ""

@Suite(.enabled(if: !url.isEmpty))
struct LiveEndpointTests {
    /// The limits of the numerical contract: 1e-4 for a log-probability, every greedy token equal.
    @Test func answersAsTheAuthorsCode() throws {
        let golden = try GoldenValues(checkpoint: "ling-tiny-icd")
        let client = EndpointClient(try EndpointAddress(url))
        let endpoint = try client.describe()
        print("\(endpoint.engine.rawValue) \(endpoint.version ?? "?") serves \(endpoint.model)")
        let other = EndpointDescription(
            engine: .other, version: nil, model: endpoint.model, contextLength: nil)
        for name in golden.cases {
            let tokens = try golden.integers("\(name).tokens")
            let recorded = logProbabilities(try golden.matrix("\(name).logits"))
            for way in endpoint.engine == .vllm ? [endpoint, other] : [endpoint] {
                let made = try client.promptLogProbabilities(tokens, top: 5, of: way)
                var worst = 0.0
                for (index, position) in made.positions.enumerated() {
                    worst = max(worst, abs(position.actual - recorded[index][tokens[index + 1]]))
                    for candidate in position.top {
                        worst = max(worst, abs(candidate.logProbability - recorded[index][candidate.id]))
                    }
                    #expect(position.top.count == 5)
                }
                print("  \(name) \(way.engine.rawValue): \(tokens.count) tokens, worst difference \(worst)")
                #expect(worst <= 1e-4)
            }
            let greedy = try client.greedyTokens(
                golden.integers("\(name).prompt"), count: 48, of: endpoint)
            #expect(try greedy == golden.integers("\(name).greedy"), "\(name)")
        }
    }
}
