// A calibration as people and programs read it. The page is beside it.

import Architectures
import Diagnostics
import Documents

/// A finished calibration with everything a report says about it.
package struct CalibrationReport: Sendable {
    package let head: CalibrationHead
    package let configuration: BailingMoeV2Configuration
    package let state: CalibrationState
    /// Tokens that every expert should have met.
    package let least: Int
    /// Why each kind was recorded, where schemes were named.
    package let reasons: [CalibrationReason]

    package init(
        head: CalibrationHead, configuration: BailingMoeV2Configuration, state: CalibrationState, least: Int,
        reasons: [CalibrationReason] = []
    ) {
        self.reasons = reasons
        self.head = head
        self.configuration = configuration
        self.state = state
        self.least = least
    }

    /// The version of the document.
    package static let schema = 1

    // MARK: Coverage

    /// Experts of a layer that the router sent fewer tokens than asked for.
    package struct Uncovered: Equatable, Sendable {
        package let layer: Int
        package let experts: [Int]
    }

    /// Layers with such experts.
    package var uncovered: [Uncovered] {
        state.routes.sorted { $0.key < $1.key }.compactMap { layer, routes in
            let few = routes.tokens.indices.filter { routes.tokens[$0] < least }
            return few.isEmpty ? nil : Uncovered(layer: layer, experts: few)
        }
    }

    /// Warnings about what the statistics cannot be trusted for.
    package var findings: [Finding] {
        var findings: [Finding] = []
        let missing = uncovered
        let count = missing.reduce(0) { $0 + $1.experts.count }
        if count > 0 {
            let places = missing.map { "layer \($0.layer): \(abridgedRanges($0.experts))" }
            findings.append(
                Finding(
                    head.allExperts ? .note : .warning, .expertsUncovered,
                    head.allExperts
                        ? "the router sent few tokens to some experts; their statistics come from all tokens"
                        : "the router sent few tokens to some experts; their statistics come from these alone",
                    expected: "\(grouped(least)) tokens for every expert",
                    found: "fewer for \(grouped(count)): " + abridged(places, limit: 3),
                    remedy: head.allExperts ? nil : "more or more varied texts, or --all-experts"))
        }
        let sites = state.inputs.sorted { $0.key < $1.key }
        let broken = sites.filter { $0.value.notFinite.contains { $0 > 0 } }
        if !broken.isEmpty {
            findings.append(
                Finding(
                    .warning, .activationsNotFinite, "activations are infinite or no number",
                    expected: "finite inputs of every weight",
                    found: abridged(broken.map { "layer \($0.key.layer) \($0.key.role.name)" }),
                    remedy: "calibrate with --numerics f32; ingot validate CHECKPOINT"))
        }
        let large = sites.filter { $0.value.halfOverflows.contains { $0 > 0 } }
        if !large.isEmpty {
            findings.append(
                Finding(
                    .warning, .activationsBeyondHalf, "activations are beyond the largest number of float16",
                    expected: "magnitudes below 65,520",
                    found: abridged(large.map { "layer \($0.key.layer) \($0.key.role.name)" }),
                    remedy: "serve in bfloat16"))
        }
        return findings
    }

    private func abridgedRanges(_ experts: [Int]) -> String {
        let text = ranges(experts)
        return text.count > 60 ? "\(experts.count) experts" : text
    }

    // MARK: Text

    /// What was read, and a line for each layer.
    package func text(isVerbose: Bool) -> String {
        var lines = [
            "calibrated  \(head.source) on \(head.dataNames): \(grouped(head.texts)) texts, "
                + "\(grouped(head.tokens)) tokens",
            "numbers     \(head.backend), \(head.numerics)",
            "recorded    \(head.observers.sorted().map(\.rawValue).joined(separator: ", "))",
        ]
        lines += reasons.map { "            \($0.observer.rawValue) for \($0.scheme): \($0.why)" }
        if let line = coverageLine { lines.append(line) }
        if state.observers.contains(.ranges) { lines += ["", layerTable] }
        if isVerbose, state.observers.contains(.ranges) { lines += ["", siteTable] }
        return lines.joined(separator: "\n")
    }

    private var coverageLine: String? {
        let routes = state.routes.values
        guard !routes.isEmpty else { return nil }
        let counts = routes.flatMap(\.tokens)
        let few = counts.count { $0 < least }
        var line =
            "experts     \(grouped(counts.count - few)) of \(grouped(counts.count)) met \(grouped(least)) "
            + "tokens or more, \(grouped(counts.count { $0 == 0 })) none; "
        line +=
            head.allExperts
            ? "inputs of experts are of all tokens, routes and loads of routed ones"
            : "all statistics are of routed tokens"
        return line
    }

    private var layerTable: String {
        var table = TextTable(
            ["layer", "stream", "attention", "output", "mlp", "down", "key", "value", "least load"],
            numeric: Set(0...8))
        for layer in layers {
            table.add(
                ["\(layer)", scientific(Double(state.stream.largest[layer + 1]))]
                    + [Part.attention, .output, .mlp, .down].map { scientific(Double(absmax(layer, $0))) }
                    + [
                        state.caches[layer].map { scientific(Double($0.keys.max() ?? 0)) } ?? "",
                        state.caches[layer].map { scientific(Double($0.values.max() ?? 0)) } ?? "",
                        state.routes[layer].map { grouped($0.tokens.min() ?? 0) } ?? "",
                    ])
        }
        return "largest magnitudes\n" + table.text
    }

    private var siteTable: String {
        var table = TextTable(
            ["layer", "input of", "largest", "99.9 %", "float16 overflows"], numeric: [0, 2, 3, 4])
        for (site, inputs) in state.inputs.sorted(by: { $0.key < $1.key }) {
            table.add([
                "\(site.layer)", site.role.name, scientific(Double(inputs.absmax.max() ?? 0)),
                quantile(inputs).map { scientific($0) } ?? "", grouped(inputs.halfOverflows.reduce(0, +)),
            ])
        }
        return table.text
    }

    /// The magnitude that 99.9 % of all inputs do not exceed; nil where no histogram was kept.
    func quantile(_ inputs: InputStatistics) -> Double? {
        guard !inputs.histogram.isEmpty else { return nil }
        var counts = Array(repeating: 0, count: MagnitudeBins.count)
        for (index, count) in inputs.histogram.enumerated() { counts[index % counts.count] += count }
        return MagnitudeBins.quantile(counts, 0.999)
    }

    // MARK: Parts of a layer

    /// The inputs of a layer in the order in which a token meets them.
    enum Part: CaseIterable {
        case attention, output, mlp, down

        var title: String {
            switch self {
            case .attention: "query, key, value"
            case .output: "attention output"
            case .mlp: "gate and up"
            case .down: "down"
            }
        }

        func holds(_ role: TensorRole) -> Bool {
            switch (self, role) {
            case (.attention, .attentionQKV), (.output, .attentionOutput): true
            case (.mlp, .expert(.gate)), (.mlp, .sharedExpert(.gate)), (.mlp, .denseMLP(.gate)): true
            case (.down, .expert(.down)), (.down, .sharedExpert(.down)), (.down, .denseMLP(.down)): true
            default: false
            }
        }
    }

    var layers: Range<Int> { 0..<state.stream.largest.count - 1 }

    /// The largest magnitude of the inputs of a part of a layer, experts together.
    func absmax(_ layer: Int, _ part: Part) -> Float {
        state.inputs.reduce(0) { largest, entry in
            guard entry.key.layer == layer, part.holds(entry.key.role) else { return largest }
            return max(largest, entry.value.absmax.max() ?? 0)
        }
    }

    // MARK: Document

    /// The same for programs.
    package var document: JSONValue {
        let rows = state.inputs.sorted { $0.key < $1.key }.map { site, inputs -> JSONValue in
            [
                "layer": .integer(site.layer), "role": .string(site.role.name),
                "experts": .integer(inputs.slots), "channels": .integer(inputs.channels),
                "rows": .integer(inputs.tokens.reduce(0, +)),
                "absmax": inputs.absmax.max().map { .real(Double($0)) } ?? .null,
                "magnitude_99_9": quantile(inputs).map { .real($0) } ?? .null,
                "float16_overflows": .integer(inputs.halfOverflows.reduce(0, +)),
                "not_finite": .integer(inputs.notFinite.reduce(0, +)),
            ]
        }
        let coverage = state.routes.sorted { $0.key < $1.key }.map { layer, routes -> JSONValue in
            [
                "layer": .integer(layer), "tokens": .array(routes.tokens.map { .integer($0) }),
                "weights": .array(routes.weights.map { .real(ExactSum.value($0)) }),
            ]
        }
        return [
            "schema": .integer(Self.schema), "source": .string(head.source), "data": .string(head.dataNames),
            "texts": .integer(head.texts), "tokens": .integer(head.tokens), "backend": .string(head.backend),
            "numerics": .string(head.numerics), "all_experts": .bool(head.allExperts),
            "observers": .array(head.observers.sorted().map { .string($0.rawValue) }),
            "reasons": .array(
                reasons.map {
                    [
                        "observer": .string($0.observer.rawValue), "scheme": .string($0.scheme),
                        "why": .string($0.why),
                    ]
                }),
            "inputs": .array(rows), "experts": .array(coverage), "least": .integer(least),
            "uncovered": .array(
                uncovered.map {
                    [
                        "layer": .integer($0.layer),
                        "experts": .array($0.experts.map { .integer($0) }),
                    ]
                }),
        ]
    }
}
