// The program's own recipes: each reads strictly, says where each value comes from, and plans against a full-size
// checkpoint of holes: nothing but what this machine and these files lack is held against it.

import Checkpoints
import Diagnostics
import Documents
import Foundation
import Tensors
import TestSupport
import Testing
import Workbench

struct RecipeProfilesTests {
    private static let names = Recipe.names

    @Test func allDeploymentsAreThere() {
        #expect(
            Set(Self.names) == [
                "a100x4-bf16", "a100x2-fp8", "h20-fp8-eagle3", "h200-fp8", "910bx8-float16",
                "a100x4-bf16-128k",
                "a100x2-fp8-128k", "h20-fp8-eagle3-128k", "h200-fp8-128k", "910bx8-float16-128k",
            ])
    }

    /// Every value but words about the recipe itself has a source, and every source a value.
    @Test(arguments: names) func everyValueHasItsSource(_ name: String) throws {
        let recipe = try Recipe.read(name, settings: [])
        #expect(recipe.name == name)
        guard case .object(let document) = recipe.document, case .object(let sources)? = document["sources"]
        else {
            Issue.record("\(name): no sources")
            return
        }
        var values: Set<String> = ["target"]
        for (section, choices) in recipe.sections {
            for choice in choices { values.insert("\(section).\(choice.key)") }
        }
        // Whether both hubs are prepared for is nobody's measurement.
        values.remove("publish.hub")
        #expect(Set(sources.keys) == values)
    }

    /// The long variants differ from the others in the context alone.
    @Test(arguments: names.filter { $0.hasSuffix("-128k") }) func longVariantsAreVariants(_ name: String)
        throws
    {
        let long = try Recipe.read(name, settings: [])
        let plain = try Recipe.read(String(name.dropLast(5)), settings: [])
        #expect(long.value("shard", "context") == "131072" && plain.value("shard", "context") == "32768")
        for (section, choices) in plain.sections {
            #expect(
                long.sections[section]?.filter { $0.key != "context" }
                    == choices.filter { $0.key != "context" })
        }
        #expect(long.target == plain.target)
    }

    /// A folder with a full-size checkpoint of holes, what else a release carries, a head and prompts.
    private static func place(isLong: Bool) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        let yarn: [String: JSONValue?] = [
            "max_position_embeddings": 131_072,
            "rope_scaling": ["type": "yarn", "factor": .real(4), "original_max_position_embeddings": 32_768],
        ]
        var maker = try CheckpointMaker("Fixtures/configs/ling-flash-2.0.json", isLong ? yarn : [:])
        maker.isSparse = true
        let path = try maker.write(folder.path("Ling-flash-2.0"), shards: 22)
        for name in [
            "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json",
            "configuration_bailing_moe_v2.py", "modeling_bailing_moe_v2.py",
        ] {
            try FileManager.default.copyItem(
                atPath: Repository.checkpoint("ling-tiny-icd") + "/" + name, toPath: path + "/" + name)
        }
        try Repository.text("LICENSE").write(toFile: path + "/LICENSE", atomically: true, encoding: .utf8)
        try "---\nlicense: apache-2.0\n---\n# Ling\n".write(
            toFile: path + "/README.md", atomically: true, encoding: .utf8)
        try "{\"text\": \"What?\"}\n".write(
            toFile: folder.path("prompts.jsonl"), atomically: true, encoding: .utf8)
        try head(folder.path("eagle3-head"))
        return folder
    }

    /// A head of full size as SpecForge writes it, all holes but its vocabulary.
    private static func head(_ path: String) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let config = """
            {"architectures": ["LlamaForCausalLMEagle3"], "bos_token_id": 156891, "eos_token_id": 156892, \
            "hidden_act": "silu", "hidden_size": 4096, "initializer_range": 0.02, "intermediate_size": 14336, \
            "max_position_embeddings": 32768, "model_type": "llama", "num_attention_heads": 32, \
            "num_hidden_layers": 1, "num_key_value_heads": 8, "pad_token_id": 156892, "rms_norm_eps": 1e-06, \
            "tie_word_embeddings": false, "torch_dtype": "bfloat16", "vocab_size": 157184, \
            "draft_vocab_size": 32000}
            """
        try config.write(toFile: path + "/config.json", atomically: true, encoding: .utf8)
        let heads = 4096
        var tensors: [TensorDescription] = []
        func add(_ name: String, _ shape: [Int], _ dtype: DType = .bf16) {
            tensors.append(TensorDescription(name: name, dtype: dtype, shape: Shape(shape)))
        }
        add("fc.weight", [4096, 3 * 4096])
        for (name, rows) in [("q", heads), ("k", 1024), ("v", 1024)] {
            add("midlayer.self_attn.\(name)_proj.weight", [rows, 2 * 4096])
        }
        add("midlayer.self_attn.o_proj.weight", [4096, heads])
        add("midlayer.mlp.gate_proj.weight", [14336, 4096])
        add("midlayer.mlp.up_proj.weight", [14336, 4096])
        add("midlayer.mlp.down_proj.weight", [4096, 14336])
        for name in [
            "midlayer.hidden_norm", "midlayer.input_layernorm", "midlayer.post_attention_layernorm", "norm",
        ] { add(name + ".weight", [4096]) }
        add("lm_head.weight", [32000, 4096])
        add("d2t", [32000], .i64)
        add("t2d", [157_184], .bool)
        let (bytes, header) = try ShardHeader.written(tensors)
        let file = path + "/model.safetensors"
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        let handle = try #require(FileHandle(forWritingAtPath: file))
        // Offsets of zero are the first 32,000 tokens.
        let mask = try #require(header.tensors.first { $0.name == "t2d" })
        try handle.seek(toOffset: UInt64(mask.dataRange.lowerBound))
        try handle.write(contentsOf: Data(repeating: 1, count: 32_000))
        try handle.truncate(atOffset: UInt64(header.fileSize))
        try handle.close()
    }

    private static let plain = Result { try place(isLong: false) }
    private static let long = Result { try place(isLong: true) }

    @Test(arguments: names) func thePlanOfAFullSizeModelIsLegal(_ name: String) throws {
        let folder = try (name.hasSuffix("-128k") ? Self.long : Self.plain).get()
        let run = try ProgramRun.ingot(
            "run", name, "--checkpoint", "Ling-flash-2.0", "--output", "run", "--plan", "--json", "--quiet",
            in: folder.path)
        let document = try StrictReader(JSONValue(parsing: Array(run.output.utf8)))
        var codes: [String] = []
        for finding in try document.objects("findings") {
            let code = try finding.string("code")
            if try finding.string("level") == "error" { codes.append(code) }
            // Sequences as long as the recipe says need nothing that the checkpoint lacks.
            #expect(code != "TOPO-020", "\(name)")
        }
        // The disk of a test machine is all that may be held against it.
        #expect(
            Set(codes).isSubset(of: ["OUT-007", "RUN-009"]), "\(name): \(codes)\n\(run.output.prefix(8000))")
        let stages = try document.object("result").objects("stages").map { try $0.string("stage") }
        #expect(stages.contains("shard-plan") && stages.contains("shard"))
        #expect(stages.contains("draft-attach") == name.contains("eagle3"))
        #expect(stages.contains("quantise") == name.contains("fp8"))
        let needed = try document.object("result").integer("needed_bytes")
        #expect(needed > 200_000_000_000)
    }

    /// What a long variant asks for is more than a checkpoint without YaRN reaches, and the plan says so.
    @Test func aLongVariantAsksForYaRN() throws {
        let folder = try Self.plain.get()
        let run = try ProgramRun.ingot(
            "run", "h200-fp8-128k", "--checkpoint", "Ling-flash-2.0", "--output", "run", "--plan",
            in: folder.path)
        #expect(run.errors.contains("sequences of this length need YaRN"), "\(run.errors)")
    }

    /// A topology that the target cannot serve is refused by the plan, before any work.
    @Test func anIllegalTopologyIsRefused() throws {
        let folder = try Self.plain.get()
        let run = try ProgramRun.ingot(
            "run", "a100x2-fp8", "--checkpoint", "Ling-flash-2.0", "--output", "run", "--plan", "--set",
            "shard.topology=tp16", in: folder.path)
        #expect(run.exit != 0)
        #expect(run.errors.contains("TOPO-003"), "\(run.errors)")
    }
}
