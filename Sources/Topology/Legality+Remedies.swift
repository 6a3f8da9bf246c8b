// Ways out of an objection: a topology is advised only where nothing stands against it.

import Architectures
import Diagnostics
import Tensors

extension Legality {
    /// The same ranks with other expert parallelism.
    func withExperts(_ expert: Int) -> ParallelTopology {
        ParallelTopology(
            tensor: topology.tensor, data: topology.data, expert: expert, pipeline: topology.pipeline)
    }

    /// The same ranks with experts kept whole, where all ranks of a stage can divide them.
    var wholeExpertsRemedy: String {
        let places = topology.expertRanks
        guard places <= c.expertCount, allowsUneven || c.expertCount % places == 0 else {
            return "a smaller TP × DP: \(c.expertCount) experts do not divide over \(places) ranks"
        }
        return "expert parallelism, which keeps experts whole: --topology \(withExperts(places).name)"
    }

    /// The first of some topologies that is legal; where none is, the search that finds one.
    func legalRemedy(_ others: [ParallelTopology]) -> String {
        guard let other = others.first(where: isLegal) else {
            return "ingot shard plan CHECKPOINT --target ENGINE/DEVICE --devices \(topology.world)"
        }
        return "--topology \(other.name)"
    }

    private func isLegal(_ other: ParallelTopology) -> Bool {
        let judged = Legality(
            artefact, rules.moved(to: other), allowsUneven: allowsUneven, engine: engine)
        return !judged.findings().contains { $0.level == .error }
    }

    // MARK: Scale blocks

    /// A stretch of rows or columns that ranks cut.
    struct Cut {
        /// Nil where it is all of the matrix.
        let part: String?
        let size: Int
        let pieces: Int
        /// What cuts it.
        let cutters: String

        var each: Int { size / pieces }
        /// `key rows 512 / 4 ranks = 128`.
        var text: String { "\(part.map { $0 + " " } ?? "")\(size) / \(pieces) \(cutters) = \(each)" }
    }

    /// The stretches of a matrix that are cut one by one: the fused projection has three.
    func cuts(_ kind: TensorKind, _ parts: Int) -> [Cut] {
        guard kind.role.tensorParallelSplit == .fusedQKV else {
            let size = kind.shape.dimensions[kind.role.tensorParallelSplit == .columns ? 1 : 0]
            return [Cut(part: nil, size: size, pieces: parts, cutters: "ranks")]
        }
        // Past their number key/value heads are repeated: a rank has one whole head.
        let heads = c.keyValueHeadCount
        let (pieces, cutters) = parts > heads ? (heads, "key/value heads") : (parts, "ranks")
        return [
            Cut(part: "query rows", size: c.queryRows.count, pieces: parts, cutters: "ranks"),
            Cut(part: "key rows", size: c.keyRows.count, pieces: pieces, cutters: cutters),
            Cut(part: "value rows", size: c.valueRows.count, pieces: pieces, cutters: cutters),
        ]
    }

    /// What lets a matrix be cut into whole blocks.
    func blockRemedy(_ entry: InventoryEntry, _ kind: TensorKind, _ block: Int) -> String {
        if entry.expert != nil {
            return wholeExpertsRemedy
        }
        let heads = c.keyValueHeadCount
        func isLegal(_ parts: Int) -> Bool {
            c.attentionHeadCount % parts == 0 && (heads % parts == 0 || parts % heads == 0)
                && cuts(kind, parts).allSatisfy { $0.size % $0.pieces == 0 && $0.each % block == 0 }
        }
        // One part is not cut at all.
        let works = (1...rules.parts(kind.role)).last(where: isLegal) ?? 1
        let kept = TensorRole.allCases.filter { $0.isQuantisable && RoleGroup($0) == RoleGroup(kind.role) }
        let options = kept.map { "--keep \($0.name)" }.joined(separator: " ")
        return "\(degreeName(kind.role)) \(works), or quantise again with \(options)"
    }
}
