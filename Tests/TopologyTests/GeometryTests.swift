// Stages, placements and regions, worked out by hand.

import Architectures
import Documents
import Tensors
import Testing
import Topology

@Suite struct GeometryTests {
    @Test(
        "layers of stages",
        arguments: [
            (3, PipelineRemainder.middle, [11, 11, 10]), (5, .middle, [6, 6, 7, 7, 6]),
            (6, .middle, [5, 5, 5, 6, 6, 5]), (4, .middle, [8, 8, 8, 8]), (3, .last, [10, 11, 11]),
            (6, .last, [5, 5, 5, 5, 6, 6]), (1, .middle, [32]), (32, .last, [Int](repeating: 1, count: 32)),
        ])
    func stages(count: Int, remainder: PipelineRemainder, expected: [Int]) {
        let split = PipelineSplit(layers: 32, stages: count, remainder: remainder)
        #expect(split.stages.map(\.count) == expected)
        #expect(split.stages.first?.lowerBound == 0 && split.stages.last?.upperBound == 32)
        #expect(split.stage(ofLayer: 32) == count - 1)
    }

    @Test("experts of ranks: every expert once, the first ranks with the remainder")
    func placements() {
        for (experts, ranks) in [(8, 3), (8, 8), (256, 7), (5, 4), (3, 1)] {
            for placement in [ExpertPlacement.linear, .roundRobin] {
                let held = (0..<ranks).map {
                    placement.experts(ofRank: $0, layer: 1, experts: experts, ranks: ranks)
                }
                #expect(held.flatMap { $0 }.sorted() == Array(0..<experts))
                #expect(
                    held.map(\.count)
                        == (0..<ranks).map {
                            ExpertPlacement.count(ofRank: $0, experts: experts, ranks: ranks)
                        })
            }
        }
        #expect(ExpertPlacement.linear.experts(ofRank: 1, layer: 1, experts: 8, ranks: 3) == [3, 4, 5])
        #expect(ExpertPlacement.roundRobin.experts(ofRank: 1, layer: 1, experts: 8, ranks: 3) == [1, 4, 7])
    }

    /// The rows of the fused matrix on each tensor rank of Ling-flash.
    private func fused(_ name: String) throws -> [[Range<Int>]] {
        let configuration = try flash()
        let topology = try ParallelTopology(name)
        let rules = SplitRules(
            configuration, topology, family: .vllm, remainder: .middle, vocabularyMultiple: 64)
        let entry = try #require(
            TensorInventory(configuration)[name: "model.layers.3.attention.query_key_value.weight"])
        return topology.ranks.map { rules.region(entry, $0)?.rows ?? [] }
    }

    @Test("rows of the fused matrix: 5120, 2560, 1280, 768, 512, 384 a rank")
    func fusedRows() throws {
        for (tensor, rows) in [(1, 5120), (2, 2560), (4, 1280), (8, 768), (16, 512), (32, 384)] {
            let held = try fused("tp\(tensor)")
            #expect(held.allSatisfy { $0.reduce(0) { $0 + $1.count } == rows })
        }
        let eight = try fused("tp8")
        #expect(eight[2] == [1024..<1536, 4224..<4352, 4736..<4864])
        #expect(eight[3] == [1536..<2048, 4224..<4352, 4736..<4864])
    }

    @Test("a vocabulary is padded to a multiple of 64, then cut; the last ranks may have none of it")
    func vocabulary() throws {
        let configuration = try flash(["vocab_size": 70, "eos_token_id": 5, "pad_token_id": 5])
        let topology = try ParallelTopology("tp8")
        let rules = SplitRules(
            configuration, topology, family: .vllm, remainder: .middle, vocabularyMultiple: 64)
        let entry = try #require(TensorInventory(configuration)[name: "lm_head.weight"])
        let held = topology.ranks.compactMap { rules.region(entry, $0) }
        #expect(held.map { $0.rows[0].count } == [16, 16, 16, 16, 6, 0, 0, 0])
        #expect(held.map(\.padding) == [0, 0, 0, 0, 10, 16, 16, 16])
    }

    @Test("ranks are counted through replicas, stages, tensor parts")
    func ranks() throws {
        let ranks = try ParallelTopology("tp2-dp2-pp2").ranks
        #expect(
            ranks.map { [$0.data, $0.stage, $0.tensor] } == [
                [0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, 1], [1, 0, 0], [1, 0, 1], [1, 1, 0], [1, 1, 1],
            ])
        #expect(ranks.map(\.expertPlace) == [0, 1, 0, 1, 2, 3, 2, 3])
    }
}
