// What is quantised how: the options that every command of a scheme shares.

import Architectures
import ArgumentParser
import Diagnostics
import Quantisation

/// A scheme and departures from it.
struct SchemeOptions: ParsableArguments {
    @Option(help: "What is quantised how.")
    var scheme = "fp8-block"

    @Option(help: "Adapt to an engine and a device, or refuse: vllm-0.11.0/h20-96g.")
    var target: String?

    @Option(help: "Leave a role as it is, such as attention-qkv. May be repeated.")
    var keep: [String] = []

    @Option(
        help:
            "Search each scale for the least error instead of taking it from the largest weight: mse, second-moment."
    )
    var clip: String?

    /// The request, and what its target has to say about it.
    ///
    /// - Parameter hasCacheScales: whether scales of keys and values are to be stored.
    func request(
        _ inventory: TensorInventory, hasCacheScales: Bool = false
    ) throws(Failure) -> (request: QuantisationRequest, findings: [Finding]) {
        try QuantisationRequest.make(
            scheme: scheme, target: target, keep: keep, search: clip, hasCacheScales: hasCacheScales,
            inventory: inventory)
    }
}
