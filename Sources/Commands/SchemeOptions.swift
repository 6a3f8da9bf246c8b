// What is quantised how: the options that every command of a scheme shares.

import Architectures
import ArgumentParser
import Diagnostics
import Quantisation

/// A scheme and departures from it.
struct SchemeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What is quantised how, by name or as a file; `ingot profiles list` names all.",
            valueName: "scheme"), completion: .schemes)
    var scheme = "fp8-block"

    @Option(
        help: ArgumentHelp(
            "Adapt to an engine and a device, or refuse: vllm-0.11.0/h20-96g.", valueName: "engine/device"),
        completion: .targets)
    var target: String?

    @Option(
        help: ArgumentHelp(
            "Leave a role as it is, such as attention-qkv. May be repeated.", valueName: "role"),
        completion: .roles)
    var keep: [String] = []

    @Option(
        help: ArgumentHelp(
            "Search each scale for the least error instead of taking it from the largest weight: "
                + ScaleSearch.allCases.map(\.rawValue).joined(separator: ", ") + ".", valueName: "search"),
        completion: .searches)
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
