// Which topologies can hold Ling-flash-2.0, which not, and what is said then.

import Architectures
import Diagnostics
import Documents
import Testing
import Topology

@Suite struct LegalityTests {
    @Test(
        "the verdicts for 128 × 128 blocks, without expert parallelism and with",
        arguments: [("1", true), ("2", true), ("4", true), ("8", true), ("16", false), ("32", false)])
    func blocks(tensor: String, isLegal: Bool) throws {
        for name in ["tp\(tensor)", "tp\(tensor)-ep\(tensor)"] {
            let block = try planner(.block(128)).judge(ParallelTopology(name))
            #expect(block.isLegal == isLegal, "\(name)")
            #expect(isLegal || objections(block) == ["TOPO-003"], "\(name)")
            // A row has a scale of its own: any cut is legal.
            #expect(try planner(.channel).judge(ParallelTopology(name)).isLegal, "\(name)")
            #expect(try planner().judge(ParallelTopology(name)).isLegal, "\(name)")
        }
    }

    @Test("TP 16 names the shared expert and the dense layer, and what would work")
    func sixteen() throws {
        let findings = try planner(.block(128)).judge(ParallelTopology("tp16-ep16")).findings
        let errors = findings.filter { $0.level == .error }
        let tensors = errors.compactMap { finding in
            finding.subjects.first { $0.label == "tensor" }?.value
        }
        #expect(
            tensors == [
                "model.layers.0.mlp.gate_proj.weight [9216, 4096] F8_E4M3",
                "model.layers.0.mlp.down_proj.weight [4096, 9216] F8_E4M3",
                "model.layers.1.mlp.shared_experts.gate_proj.weight [1024, 4096] F8_E4M3",
                "model.layers.1.mlp.shared_experts.down_proj.weight [4096, 1024] F8_E4M3",
            ])
        #expect(
            errors.map(\.found) == [
                "9216 / 16 ranks = 576", "9216 / 16 ranks = 576", "1024 / 16 ranks = 64",
                "1024 / 16 ranks = 64",
            ])
        #expect(errors[2].remedy?.hasPrefix("TP 8, or quantise again with --keep shared-expert-gate") == true)
        // The way out that it names: the same topology with those roles in 16 bits.
        let kept = Storage.blockBut([.sharedExperts, .denseMLP])
        #expect(try planner(kept).judge(ParallelTopology("tp16-ep16")).isLegal)
        let without = try planner(kept).judge(ParallelTopology("tp16"))
        #expect(objections(without) == ["TOPO-003"])
        #expect(
            without.findings.first { $0.level == .error }?.remedy
                == "expert parallelism, which keeps experts whole: --topology tp16-ep16")
    }

    @Test("without expert parallelism routed experts are cut by TP × DP")
    func routedExperts() throws {
        let judged = try planner(.block(128)).judge(ParallelTopology("tp4-dp4"))
        let error = try #require(judged.findings.first { $0.level == .error })
        #expect(error.code.name == "TOPO-003")
        #expect(
            error.subjects[0].value == "model.layers.1.mlp.experts.0.gate_proj.weight [1024, 4096] F8_E4M3")
        #expect(error.found == "1024 / 16 ranks = 64")
        #expect(error.remedy?.hasSuffix("--topology tp4-dp4-ep16") == true)
        #expect(try planner(.block(128)).judge(ParallelTopology("tp4-dp4-ep16")).isLegal)
    }

    @Test("the fused projection is cut in three: the part that does not divide is named")
    func fusedParts() throws {
        func judge(_ name: String) throws -> Finding? {
            // Query rows 2048, key and value rows 256.
            try planner(.block(128), changes: ["head_dim": 64]).judge(ParallelTopology(name)).findings.first {
                $0.level == .error
                    && $0.subjects.contains { $0.value.contains("query_key_value.weight [2560, 4096]") }
            }
        }
        #expect(try judge("tp2") == nil)
        for (name, found) in [
            ("tp4", "key rows 256 / 4 ranks = 64"), ("tp8", "key rows 256 / 4 key/value heads = 64"),
        ] {
            let error = try #require(try judge(name))
            #expect(error.code.name == "TOPO-003" && error.found == found)
            #expect(error.remedy?.hasPrefix("TP 2, or quantise again") == true, "\(error.remedy ?? "")")
        }
    }

    @Test(
        "a topology is advised only where it is legal itself",
        arguments: [
            ("vllm-0.33.0", false, "tp16-dp2-ep2", "TOPO-002", "--topology tp16-dp2"),
            (
                "vllm-0.33.0", true, "tp16-dp2-ep2", "TOPO-002",
                "ingot shard plan CHECKPOINT --target ENGINE/DEVICE --devices 32"
            ),
            (
                "vllm-0.33.0", true, "dp32", "TOPO-003",
                "a smaller TP × DP: 24 experts do not divide over 32 ranks"
            ),
            ("sglang-0.5.23", false, "tp16-ep5", "TOPO-002", "--topology tp16-ep4"),
            ("sglang-0.5.23", false, "tp16", "TOPO-010", "--topology tp4-dp4"),
        ])
    func legalAdvice(engine: String, blocks: Bool, name: String, code: String, remedy: String) throws {
        let planner = try planner(
            blocks ? .block(128) : .plain, engine + "/h20-96g", changes: ["num_experts": 24])
        let findings = try planner.judge(ParallelTopology(name)).findings
        let finding = try #require(findings.first { $0.code.name == code })
        #expect(finding.remedy == remedy)
        guard let advised = finding.remedy?.split(separator: " ").last, remedy.hasPrefix("--") else { return }
        #expect(try planner.judge(ParallelTopology(String(advised))).isLegal)
    }

    @Test("past four ranks key/value heads are repeated: legal, no gain, and what gains")
    func repeatedHeads() throws {
        for (name, copies, other) in [("tp8", 2, "tp4-dp2-ep8"), ("tp16", 4, "tp4-dp4-ep16")] {
            let judged = try planner().judge(ParallelTopology(name))
            let warning = try #require(judged.findings.first { $0.code == .headsRepeated })
            #expect(judged.isLegal && warning.level == .warning)
            #expect(warning.what.contains("\(copies) times") && warning.remedy == "--topology \(other)")
        }
        #expect(try planner().judge(ParallelTopology("tp4")).findings.isEmpty)
    }

    @Test(
        "products and sizes that do not divide",
        arguments: [
            ("tp3", "TOPO-004", nil), ("tp64", "TOPO-004", "TP 32"),
            ("tp4-ep8", "TOPO-002", "--topology tp4-ep4"), ("ep8", "TOPO-002", "--topology tp1"),
            ("dp512-ep512", "TOPO-006", nil), ("pp33", "TOPO-007", nil), ("dp3", "TOPO-005", nil),
        ] as [(String, String, String?)])
    func divisors(name: String, code: String, remedy: String?) throws {
        let judged = try planner().judge(ParallelTopology(name))
        let error = try #require(judged.findings.first { $0.level == .error })
        #expect(!judged.isLegal && error.code.name == code)
        if let remedy { #expect(error.remedy == remedy) }
        #expect(error.expected != nil && error.found != nil && error.remedy != nil)
    }

    @Test("uneven experts: vLLM warns, SGLang does not load them")
    func uneven() throws {
        let vllm = try planner().judge(ParallelTopology("dp3-ep3"))
        #expect(vllm.isLegal && vllm.findings.map(\.code) == [.expertsDoNotDivide])
        #expect(vllm.weights?.ranks.map(\.experts) == [86, 85, 85])
        let sglang = try planner(.plain, "sglang-0.5.23/h20-96g").judge(ParallelTopology("dp3-ep3"))
        #expect(objections(sglang).contains("TOPO-006"))
    }

    @Test("round-robin placement is refused where the engine would fall back in its layers alone")
    func roundRobin() throws {
        func judge(_ name: String, _ target: String, _ allToAll: AllToAll, groups: Int = 8) throws -> Set<
            String
        > {
            objections(
                try planner(.plain, target, changes: ["n_group": .integer(groups), "topk_group": 1]) {
                    $0.placement = .roundRobin
                    $0.allToAll = allToAll
                }.judge(ParallelTopology(name)))
        }
        #expect(try judge("tp8-ep8", "vllm-0.33.0/h20-96g", .standard) == [])
        #expect(try judge("tp4-dp2-ep8", "vllm-0.33.0/h20-96g", .standard) == ["TOPO-009"])
        #expect(try judge("tp4-dp2-ep8", "vllm-0.33.0/h20-96g", .deepEP) == [])
        #expect(try judge("tp8-ep8", "vllm-0.33.0/h20-96g", .standard, groups: 1) == ["TOPO-009"])
        #expect(try judge("tp8-ep8", "sglang-0.5.23/h20-96g", .standard) == ["TOPO-009"])
    }

    @Test("SGLang cuts shared experts by TP × DP, and repeats them with DeepEP")
    func sglang() throws {
        let target = "sglang-0.5.23/h20-96g"
        let standard = try planner(.block(128), target).judge(ParallelTopology("tp8-dp2-ep16"))
        #expect(objections(standard) == ["TOPO-003"])
        let sixteen = try planner(.plain, target).judge(ParallelTopology("tp4-dp4-ep16"))
        let repeated = try planner(.plain, target) { $0.allToAll = .deepEP }.judge(
            ParallelTopology("tp4-dp4-ep16"))
        #expect(sixteen.isLegal && repeated.isLegal)
        // 31 layers of 3 × 1024 × 4096 in BF16: whole on each rank, or a sixteenth.
        let shared = 31 * 3 * 1024 * 4096 * 2
        #expect((repeated.weights?.largest ?? 0) - (sixteen.weights?.largest ?? 0) == shared - shared / 16)
        // EP may be less than all ranks there: experts are cut by what is left.
        #expect(try planner(.plain, target).judge(ParallelTopology("tp8-ep4")).isLegal)
        #expect(try !planner(.plain, target).judge(ParallelTopology("tp8-ep3")).isLegal)
    }

    @Test("transformers runs the model in one process")
    func transformers() throws {
        let target = "transformers-5.19/h20-96g"
        #expect(try planner(.plain, target).judge(ParallelTopology()).isLegal)
        #expect(objections(try planner(.plain, target).judge(ParallelTopology("tp2"))) == ["TOPO-002"])
    }

    @Test("what the target makes of the artefact is said once, for all topologies")
    func general() throws {
        let findings = try planner(.block(128), "vllm-ascend-0.11.0rc3/910b-64g").generalFindings()
        #expect(findings.contains { $0.code.name == "TARGET-003" && $0.level == .error })
        let long = try planner().generalFindings()
        #expect(long.map(\.code) == [.contextBeyondModel])
        #expect(long[0].remedy?.contains("\"factor\": 4.0") == true)
        let yarn: JSONValue = ["type": "yarn", "factor": 4, "original_max_position_embeddings": 32_768]
        #expect(try planner(changes: ["rope_scaling": yarn]).generalFindings().isEmpty)
    }

    @Test(
        "names that are no topology",
        arguments: ["", "tp", "tp0", "tp4-", "tp4-tp2", "xp4", "4tp", "tp-4", "tp99999", "tp4 dp2", "tp٤"])
    func names(name: String) throws {
        #expect(throws: Failure.self) { try ParallelTopology(name) }
    }

    @Test("a name reads back whatever its order")
    func order() throws {
        #expect(try ParallelTopology("pp2-EP8-dp2-tp4").name == "tp4-dp2-ep8-pp2")
        #expect(ParallelTopology().name == "tp1")
    }
}
