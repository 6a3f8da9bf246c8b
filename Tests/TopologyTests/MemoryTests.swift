// What ranks of Ling-flash-2.0 hold, and what is left for the cache, against a table worked out apart from this
// program (docs/08-topology.md) in GiB with two decimals.

import Architectures
import Diagnostics
import Documents
import Testing
import Topology

@Suite struct MemoryTests {
    @Test(
        "bytes of the fullest rank",
        arguments: [
            ("tp1", "191.65", "97.08"), ("tp2", "95.85", "48.57"), ("tp4", "47.96", "24.31"),
            ("tp4-ep4", "47.96", "24.31"), ("tp8", "24.04", "12.20"), ("tp8-ep8", "24.04", "12.20"),
            ("tp4-dp2-ep8", "24.71", "12.69"), ("tp2-dp4-ep8", "26.10", "13.69"),
            ("dp8-ep8", "28.90", "15.68"), ("tp16", "12.08", nil), ("tp16-ep16", "12.08", nil),
            ("tp8-dp2-ep16", "12.42", "6.39"), ("dp16-ep16", "17.27", "9.87"),
            ("dp32-ep32", "11.46", "6.96"), ("dp256-ep256", "6.37", "4.42"),
        ] as [(String, String, String?)])
    func weights(name: String, plain: String, block: String?) throws {
        let topology = try ParallelTopology(name)
        let bf16 = try planner().judge(topology)
        #expect(bf16.weights.map { gib($0.largest) } == plain)
        let fp8 = try planner(.block(128)).judge(topology)
        #expect(fp8.weights.map { gib($0.largest) } == block)
        // Every rank holds the same where experts divide.
        #expect(bf16.weights?.largest == bf16.weights?.smallest)
    }

    @Test(
        "bytes of pipeline stages",
        arguments: [
            ("pp2", ["92.9", "98.7"]), ("pp4", ["44.2", "48.8", "48.8", "50.0"]),
            ("pp8", ["19.8", "24.4", "24.4", "24.4", "24.4", "24.4", "24.4", "25.6"]),
        ])
    func stages(name: String, expected: [String]) throws {
        let judged = try planner().judge(ParallelTopology(name))
        #expect(judged.weights?.ranks.map { decimals(Double($0.bytes) / gibibyte, 1) } == expected)
    }

    @Test("without a cut the ranks hold what the headers say")
    func total() throws {
        for storage in [Storage.plain, .block(128), .channel] {
            let planner = try planner(storage)
            let judged = try planner.judge(ParallelTopology())
            let match = planner.artefact
            let stored = match.tensors.reduce(0) { sum, tensor in
                let kind = match.kinds[tensor.kind]
                let scale = kind.scaleShape.flatMap { shape in
                    kind.scaleDType.flatMap { shape.byteCount($0) }
                }
                return sum + (kind.shape.byteCount(kind.dtype) ?? 0) + (scale ?? 0)
            }
            #expect(judged.weights?.total == stored)
        }
    }

    @Test("the prediction layer is apart: engines load it only to draft with it")
    func prediction() throws {
        let plain = try planner().judge(ParallelTopology("tp4"))
        let with = try planner(changes: ["num_nextn_predict_layers": 1]).judge(ParallelTopology("tp4"))
        #expect(plain.weights?.largest == with.weights?.largest)
        #expect((with.weights?.ranks[0].predictionBytes ?? 0) > 1 << 30)
        #expect(plain.weights?.ranks[0].predictionBytes == 0)
    }

    @Test(
        "thousands of tokens of a replica, cache in BF16",
        arguments: [
            ("vllm-0.11.0/a100-80g", "tp4", 1232), ("vllm-0.11.0/h20-96g", "tp4", 2164),
            ("vllm-0.11.0/h200-141g", "tp4", 4801), ("vllm-ascend-0.11.0rc3/910b-64g", "tp4", 153),
            ("vllm-0.11.0/h200-141g", "tp2", 831), ("vllm-0.11.0/a100-40g", "tp8", 446),
            ("vllm-0.11.0/a100-80g", "tp8", 2800), ("vllm-0.11.0/h20-96g", "tp8", 3732),
            ("vllm-0.11.0/h200-141g", "tp8", 6368), ("vllm-ascend-0.11.0rc3/910b-64g", "tp8", 1720),
            ("vllm-0.11.0/a100-40g", "tp4-dp2-ep8", 403), ("vllm-0.11.0/a100-80g", "tp4-dp2-ep8", 2756),
            ("vllm-0.11.0/h20-96g", "tp4-dp2-ep8", 3688), ("vllm-0.11.0/h200-141g", "tp4-dp2-ep8", 6325),
            ("vllm-ascend-0.11.0rc3/910b-64g", "tp4-dp2-ep8", 1677), ("vllm-0.11.0/h20-96g", "tp2", 0),
        ])
    func cache(target: String, name: String, thousands: Int) throws {
        let judged = try planner(.plain, target).judge(ParallelTopology(name))
        #expect((judged.cache?.tokens ?? -1) / 1000 == thousands)
        #expect(judged.isLegal && judged.fits == (thousands >= 132))
    }

    @Test("FP8 weights, and an FP8 cache of twice the tokens")
    func quantised() throws {
        for (target, name, thousands) in [
            ("vllm-0.11.0/h200-141g", "tp1", 425), ("vllm-0.11.0/a100-80g", "tp2", 596),
            ("vllm-0.11.0/h20-96g", "tp2", 1062), ("vllm-0.11.0/a100-40g", "tp4", 428),
        ] {
            let wide = try planner(.block(128), target).judge(ParallelTopology(name))
            #expect(abs((wide.cache?.tokens ?? 0) / 1000 - thousands) <= 1)
            let narrow = try planner(.block(128), target) { $0.cache = .fp8 }.judge(ParallelTopology(name))
            #expect(narrow.cache?.bytesPerToken == (wide.cache?.bytesPerToken ?? 0) / 2)
            #expect((narrow.cache?.tokens ?? 0) / 2 == wide.cache?.tokens)
        }
    }

    @Test("bytes of a token: key/value heads are repeated past their number, layers divide over stages")
    func bytesPerToken() throws {
        for (name, bytes) in [
            ("tp1", 65536), ("tp2", 32768), ("tp4", 16384), ("tp8", 16384), ("tp16", 16384), ("pp2", 32768),
            ("pp2-tp4", 8192),
        ] {
            let judged = try planner().judge(ParallelTopology(name))
            #expect(judged.cache?.bytesPerToken == bytes, "\(name)")
        }
    }

    @Test("utilisation is the engine's, or what is given")
    func utilisation() throws {
        let own = try planner(.plain, "vllm-0.33.0/h20-96g").judge(ParallelTopology("tp4"))
        let given = try planner(.plain, "vllm-0.11.0/h20-96g") { $0.utilisation = 0.92 }.judge(
            ParallelTopology("tp4"))
        let old = try planner(.plain, "vllm-0.11.0/h20-96g").judge(ParallelTopology("tp4"))
        #expect(own.cache == given.cache && (own.cache?.tokens ?? 0) > (old.cache?.tokens ?? 0))
    }
}
