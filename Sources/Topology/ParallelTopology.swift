// A parallel layout as people write it: tp4-dp2-ep8. One notation for all engines: TP cuts attention, DP copies
// it, EP divides experts over TP × DP, PP divides layers. What an engine calls these is in ServeCommand.swift.

import Diagnostics

/// Degrees of parallelism.
///
/// - Checked by: GeometryTests, LegalityTests.
package struct ParallelTopology: Hashable, Sendable {
    /// Ranks that cut a tensor.
    package let tensor: Int
    /// Replicas of attention; each has its own key/value cache.
    package let data: Int
    /// Groups that each hold other experts; 1 is off.
    package let expert: Int
    /// Stages that each hold other layers.
    package let pipeline: Int

    /// A layout from its degrees, each at least 1.
    package init(tensor: Int = 1, data: Int = 1, expert: Int = 1, pipeline: Int = 1) {
        precondition(min(tensor, data, expert, pipeline) >= 1)
        self.tensor = tensor
        self.data = data
        self.expert = expert
        self.pipeline = pipeline
    }

    /// Ranks of one stage, over which the experts of a layer are divided.
    package var expertRanks: Int { tensor * data }

    /// Into how many parts one expert is cut.
    package var expertTensor: Int { max(1, expertRanks / expert) }

    /// Devices.
    package var world: Int { tensor * data * pipeline }

    /// The name people type: degrees of 1 are left out.
    package var name: String {
        let parts = [("tp", tensor), ("dp", data), ("ep", expert), ("pp", pipeline)]
            .filter { $0.1 > 1 }.map { "\($0.0)\($0.1)" }
        return parts.isEmpty ? "tp1" : parts.joined(separator: "-")
    }

    /// The largest degree read: nobody has more devices, and products stay far from overflow.
    static let largestDegree = 4096

    /// Reads a name such as `tp4-dp2-ep8`, in any order.
    ///
    /// - Throws: `TOPO-001`.
    package init(_ text: String) throws(Failure) {
        var degrees: [String: Int] = [:]
        for part in text.lowercased().split(separator: "-", omittingEmptySubsequences: false) {
            let kind = String(part.prefix { $0.isLetter })
            let digits = part.dropFirst(kind.count)
            guard ["tp", "dp", "ep", "pp"].contains(kind), let degree = Int(digits),
                digits.allSatisfy({ ("0"..."9").contains($0) }), (1...Self.largestDegree).contains(degree),
                degrees.updateValue(degree, forKey: kind) == nil
            else {
                throw Failure(
                    Finding(
                        .error, .topologyUnreadable, "this is not the name of a topology",
                        option: "--topology \(text)",
                        expected:
                            "tp, dp, ep and pp, each once, with a degree from 1 to \(Self.largestDegree)",
                        found: part.isEmpty ? "an empty part" : "\"\(part)\"",
                        remedy: "write it as tp4-dp2-ep8, or pp2-tp4"))
            }
        }
        self.init(
            tensor: degrees["tp"] ?? 1, data: degrees["dp"] ?? 1, expert: degrees["ep"] ?? 1,
            pipeline: degrees["pp"] ?? 1)
    }
}

/// One rank of a topology.
package struct Rank: Hashable, Sendable {
    /// Counted through data replicas, in each through stages, in each through tensor ranks.
    ///
    /// - Source: vLLM distributed/parallel_state.py, order of ranks: data, pipeline, tensor.
    package let index: Int
    package let data: Int
    package let stage: Int
    package let tensor: Int
    /// The place among the ranks over which experts are divided.
    package let expertPlace: Int
}

extension ParallelTopology {
    /// All ranks, in order.
    package var ranks: [Rank] {
        (0..<world).map { index in
            let (data, rest) = index.quotientAndRemainder(dividingBy: pipeline * tensor)
            let (stage, part) = rest.quotientAndRemainder(dividingBy: tensor)
            return Rank(
                index: index, data: data, stage: stage, tensor: part, expertPlace: data * tensor + part)
        }
    }
}
